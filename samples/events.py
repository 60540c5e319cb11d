"""The raw protocol in typed events: send a text, print everything that the service says."""

from inworld_rt import Client

with Client() as client:
    client.send_text("Spell the word tree.")
    client.create_response(output_modalities=["text"])
    for event in client.events():
        print(event)
        if event.type == "response.done":
            break
