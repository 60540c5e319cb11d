"""Ask with a recorded question: recorded_question.py question.wav answer.wav"""

import sys

from inworld_rt import Client

question, answer = sys.argv[1:]

with Client(voice="Olivia") as client:
    client.send_recording(question).save(answer)
    print(client.conversation)
