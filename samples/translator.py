"""What is said in a recording, and when; then the same in another language, aloud.

translator.py question.wav French
"""

import sys

from inworld_rt import Client

recording, language = sys.argv[1:]

with Client(instructions=f"You are an interpreter: say it in {language}, nothing else.") as client:
    transcript = client.transcribe(recording)
    for number, utterance in enumerate(transcript.utterances, 1):
        print(f"{utterance.start:6.1f} s  {utterance.text}")
        response = client.say(f"In {language}, please: {utterance.text}")
        response.save(f"{language}-{number}.wav")
        print(f"          {response.text}")
