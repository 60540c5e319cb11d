"""Talk hands-free: speak, and it answers; speak into an answer, and it stops. Ctrl-C ends it.

Needs a microphone and a loudspeaker: pip install 'inworld_rt[audio,echo]'
"""

from inworld_rt import Client

with Client(voice="Sarah") as client:
    client.talk()
