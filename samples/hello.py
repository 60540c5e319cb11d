"""Say something, keep the spoken answer as joke.wav. Needs INWORLD_API_KEY, or the simulator."""

from inworld_rt import Client

with Client(voice="Clive") as client:
    client.say("Tell me a joke.").save("joke.wav")
