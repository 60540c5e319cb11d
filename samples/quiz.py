"""A quiz master that cannot cheat, since questions, answers and points are kept by functions.

quiz.py: write "next question", then "my answer is …"; an empty line ends it. With a microphone
and a loudspeaker: quiz.py aloud
"""

import random
import sys

from inworld_rt import Client

QUIZ = {"What do bees make?": "honey", "How many legs has a spider?": "eight"}
waiting = random.sample(list(QUIZ), len(QUIZ))
asked, points = "", 0

with Client(voice="Clive", instructions="You are a quiz master. Use your tools.") as client:

    @client.tool
    def next_question() -> str:
        """Get the next question of the quiz."""
        global asked
        asked = waiting.pop() if waiting else ""
        return asked or f"That was the last one. Points: {points}."

    @client.tool
    def check_answer(answer: str) -> str:
        """Check an answer to the question that was asked last."""
        global asked, points
        right, asked = QUIZ.get(asked, "nothing, as nothing was asked"), ""  # one try for each
        points += right in answer.lower()
        return "Right!" if right in answer.lower() else f"No, it is {right}."

    if "aloud" in sys.argv:
        client.talk()
    else:
        while line := input("> "):
            print(client.ask(line))
