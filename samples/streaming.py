"""Print an answer's words while they come, then tell how quick it was."""

from inworld_rt import Client

with Client(voice="Sarah") as client:
    response = client.say("Please count to twelve.")
    for words in response.text_stream():
        print(words, end="", flush=True)
    print()

    size = 0
    for chunk in response:  # bytes: 16-bit samples, 24000 per second
        size += len(chunk)
    print(f"{size / 2 / 24000:.1f} s of speech, which came in {response.latency.total:.1f} s")
    print(f"first sound after {response.latency.first_audio:.2f} s")
