"""What is said in a recording, and when: transcribe.py question.wav"""

import sys

from inworld_rt import Client

with Client() as client:
    transcript = client.transcribe(sys.argv[1])

for utterance in transcript.utterances:
    print(f"{utterance.start:6.1f} s  {utterance.text}")
