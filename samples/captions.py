"""Captions on a screen, word by word as they are heard; and subtitles for a video player.

Needs a microphone and a loudspeaker: pip install 'inworld_rt[audio]'
"""

import contextlib
import textwrap

from inworld_rt import Client

TIMES = {"providerData": {"tts": {"timestamp_type": "WORD"}}}
CLEAR = "\x1b[2J\x1b[H"  # an empty screen, from its upper left corner

with Client(voice="Sarah", config=TIMES) as client, contextlib.suppress(KeyboardInterrupt):
    client.say("Please count to three.").save("three.wav").save_captions("three.srt")

    with client.voice_chat() as chat:  # speak; Ctrl-C ends it
        client.say("Please tell me a joke.")
        shown = ""
        for word in chat.captions():
            shown = word.text if shown.endswith((".", "!", "?")) else f"{shown} {word.text}"
            print(CLEAR + textwrap.fill(shown.strip(), 24), flush=True)
