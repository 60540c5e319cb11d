"""Your turn lasts from one press of Enter to the next: for noisy rooms, and for classes.

Needs a microphone and a loudspeaker: pip install 'inworld_rt[audio]'
"""

from inworld_rt import Client

with Client(voice="Sarah", instructions="Answer in one sentence.") as client:
    with client.voice_chat(push_to_talk=True) as chat:
        while input("Press Enter and speak, or write q to end: ") != "q":
            chat.press()
            input("It listens. Press Enter when you have spoken. ")
            response = chat.release()
            print(response.text if response else "That was too short.")
