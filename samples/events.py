"""The raw protocol in typed events: every event that the service sends is printed.

events.py question.wav (mono, 24000 samples a second). To hear it: pip install 'inworld_rt[audio]'
"""

import sys

from inworld_rt import Client
from inworld_rt.audio import wav
from inworld_rt.events import AudioDelta, Event


def show(event: Event) -> None:
    sound = f", {len(event.audio)} bytes of sound" if isinstance(event, AudioDelta) else ""
    print("<", event.type + sound)


with Client() as client:  # connects; the first event is session.created
    client.update_session(voice="Olivia", turn_detection=None)  # session.update

    client.send_text("Please say hello.")  # conversation.item.create
    response = client.create_response()  # response.create
    for event in client.events():
        show(event)
        if event.type == "response.done":
            break
    response.play()

    client.send_text("Please tell me a story.")
    response = client.create_response()
    client.wait_for(AudioDelta)
    response.cancel()  # response.cancel
    show(client.wait_for("response.done"))
    recording = wav.read(sys.argv[1]).pcm
    client.send_audio(recording)  # input_audio_buffer.append
    client.clear_audio()  # input_audio_buffer.clear
    show(client.wait_for("input_audio_buffer.cleared"))
    client.send_audio(recording)
    client.commit_audio()  # input_audio_buffer.commit
    print(client.create_response().text)
