"""When each word is spoken: subtitles for an answer, as WebVTT and as SubRip files."""

from inworld_rt import Client

TIMES = {"providerData": {"tts": {"timestamp_type": "WORD"}}}

with Client(voice="Sarah", config=TIMES) as client:
    response = client.say("Please tell me a joke.")
    for word in response.captions():  # while the answer is being made
        print(f"{word.start:6.2f} s  {word.text}")
    response.save("joke.wav").save_captions("joke.vtt").save_captions("joke.srt")

# In a voice chat, `for word in chat.captions()` gives each word at the moment it is heard.
