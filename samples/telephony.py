"""A phone call: mu-law in base64, 20 ms a message, as carriers such as Twilio stream it."""

import json
import time
from base64 import b64encode
from collections.abc import Iterator

from inworld_rt import AudioFormat, Client
from inworld_rt.audio import convert, wav
from inworld_rt.telephony import PhoneCall

ULAW = AudioFormat.of("g711_ulaw")
heard: list[str] = []


def media(sound: bytes) -> str:  # Twilio wants the streamSid of its first message in it, too
    return json.dumps({"event": "media", "media": {"payload": b64encode(sound).decode()}})


def carrier() -> Iterator[str]:
    """Stands in for the carrier's web socket: somebody asks a question, and listens for a while."""
    speech = convert.recording_to(ULAW, wav.read("question.wav")) + ULAW.silence(2500)
    for place in range(0, len(speech), 160):
        time.sleep(0.02)
        yield media(speech[place : place + 160])


send = heard.append  # to the carrier, that is: websocket.send
call = PhoneCall(lambda sound: send(media(sound)))
formats = {"input_format": "g711_ulaw", "output_format": "g711_ulaw"}
with Client(instructions="Answer in one sentence.", config=formats) as client:
    client.when_listening = lambda: send(json.dumps({"event": "clear"}))  # what it still holds
    with client.voice_chat(audio=call, echo="none"):
        for message in carrier():
            event = json.loads(message)
            if event["event"] == "media":
                call.hear(event["media"]["payload"])
    print(client.conversation)
    print(len(heard), "messages to the carrier")
