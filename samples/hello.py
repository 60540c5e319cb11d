"""Say something, and keep the spoken answer as joke.wav."""

from inworld_rt import Client

with Client(voice="Clive") as client:
    client.say("Tell me a joke.").save("joke.wav")
