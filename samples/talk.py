"""Talk hands-free, by microphone and loudspeaker: speak, and it answers. Ctrl-C ends it."""

from inworld_rt import Client

with Client(voice="Sarah") as client:
    client.talk()
