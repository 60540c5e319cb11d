"""Turns that your program ends itself, as with a button: push_to_talk.py question.wav"""

import sys

from inworld_rt import Client
from inworld_rt.audio import wav

recording = wav.read(sys.argv[1])  # 24000 samples per second, 16 bit, mono: the session's format

with Client() as client:
    client.update_session(turn_detection=None)  # the server no longer decides
    client.send_audio(recording.pcm)  # while the button is held
    client.commit_audio()  # when it is let go
    response = client.create_response()
    print(response.text)
