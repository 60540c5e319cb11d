"""Read many lines aloud, several at a time: a WAV file for each. Run it again after Ctrl-C, or
with more lines: what is done is not done again."""

from inworld_rt import batch

STORY = {
    "1-robot": "There was a small robot who could say one word only.",
    "2-baker": "It said hello to the baker, and the baker smiled.",
    "3-winter": "In the winter, the robot's battery ran down.",
}
READ = "You are a narrator. Read aloud what you are given, word for word, and say nothing else."

rows = [{"id": name, "text": f"Say: {line}"} for name, line in STORY.items()]
summary = batch.run(rows, "story", workers=3, voice="Clive", instructions=READ)
for result in summary.results:
    print(f"{result.id}: {result.status}, {result.seconds:.1f} s")
print(summary)
