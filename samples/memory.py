"""An assistant that knows you again: run it twice. What it remembers is kept in anna.json."""

from inworld_rt import Client

SETTINGS = {"providerData": {"memory": {"turn_interval": 1}}, "output_modalities": ["text"]}

with Client(memory="anna.json", config=SETTINGS) as client:
    if client.memory.facts:
        print("It knows already:", *client.memory.facts, sep="\n  ")
        print(client.ask("What do you know about me?"))
    else:
        print(client.ask("My name is Anna, and I play the violin."))
        while not client.memory.facts:  # a cycle of the memory follows the answer
            client.wait_for("session.updated")
        print("It knows now:", *client.memory.facts, sep="\n  ")
