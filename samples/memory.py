"""A chat by keyboard that knows you again: run it twice. What it remembers is kept in me.json."""

from inworld_rt import Client

SETTINGS = {"providerData": {"memory": {"turn_interval": 1}}, "output_modalities": ["text"]}

with Client(memory="me.json", config=SETTINGS) as client:
    for fact in client.memory.facts or ():
        print("It knows:", fact)
    print("Write something, such as: My name is Anna. An empty line ends it.")
    while line := input("> "):
        for words in client.say(line).text_stream():
            print(words, end="", flush=True)
        print()
    print(client.conversation)
