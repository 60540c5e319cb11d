"""Print an answer's words while they come, then tell how quick it was."""

from inworld_rt import Client

with Client(voice="Sarah", instructions="Answer in two sentences.") as client:
    response = client.say("What is a whale?")
    for words in response.text_stream():
        print(words, end="", flush=True)
    print()
    print(f"first sound after {response.latency.first_audio:.2f} s")
