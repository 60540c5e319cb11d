"""An attentive listener: it says "mm-hm" while you speak, gains time while it thinks, and makes a
guess at how you sound. listener.py question.wav"""

import sys

from inworld_rt import Client
from inworld_rt.events import BackchannelDone, TurnSuggestion

SETTINGS = {
    "providerData": {
        "backchannel": {"enabled": True, "min_speech_ms": 400, "max_per_turn": 2},
        "responsiveness": {"enabled": True, "enable_filler_on_first_assistant_reply": True},
        "stt": {"voice_profile": True},
    }
}

with Client(voice="Sarah", config=SETTINGS) as client:
    response = client.send_recording(sys.argv[1], realtime=True).wait()
    print("It said:", response.text)
    print("You sound like this:", client.voice_profile)
    for event in client.events(BackchannelDone, TurnSuggestion, "response.done"):
        if isinstance(event, BackchannelDone):
            print("Meanwhile:", event.phrase)
        elif isinstance(event, TurnSuggestion) and (event.probability or 0) > 0.9:
            print("You seemed to have finished.")
            break
