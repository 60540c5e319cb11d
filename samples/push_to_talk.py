"""Turns that your program ends itself, as with a button: push_to_talk.py question.wav"""

import sys

from inworld_rt import Client
from inworld_rt.audio import wav

recording = wav.read(sys.argv[1])
if (recording.rate, recording.channels) != (24000, 1):  # send_recording() would convert it
    sys.exit("This wants a mono recording with 24000 samples per second.")

with Client() as client:
    client.update_session(turn_detection=None)  # the server no longer decides
    client.send_audio(recording.pcm)  # while the button is held
    client.commit_audio()  # when it is let go
    response = client.create_response()
    print(response.text)
