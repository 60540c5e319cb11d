"""One question to three characters, each with a voice and instructions of its own."""

from inworld_rt import Client

CHARACTERS = {
    "Clive": "You are Captain Clive, an old pirate. Answer in one sentence.",
    "Sarah": "You are Professor Sarah, who knows all about whales. Answer in one sentence.",
    "Olivia": "You are Robot Olivia, and very polite. Answer in one sentence.",
}

with Client() as client:
    for voice, instructions in CHARACTERS.items():
        client.update_session(voice=voice, instructions=instructions)
        response = client.say("Hello! Who are you?")
        response.save(f"{voice}.wav")
        print(f"{voice}: {response.text}")
