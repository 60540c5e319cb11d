"""A doorbell that answers when nobody is at home, and takes a message. For a Raspberry Pi.

Bell push between GPIO 17 and ground; a USB microphone and a loudspeaker at the door. A visitor has
45 seconds, or rings again to end it. What was said is kept in visitors.txt.
"""

import time

from gpiozero import Button

from inworld_rt import Client, InworldError

WELCOME = "Nobody is at home. Greet the visitor, ask for the name and a message, say thank you."
bell = Button(17)


def answer() -> None:
    with Client(voice="Olivia", instructions=WELCOME) as client:
        with client.voice_chat() as chat:
            bell.when_pressed = chat.close
            client.say("Hello?")  # somebody has to begin
            chat.wait(45)
            bell.when_pressed = None
        with open("visitors.txt", "a", encoding="utf-8") as book:
            print(time.strftime("%A, %H:%M"), client.conversation, sep="\n", file=book)


try:
    while True:
        print("Waiting for visitors.", flush=True)
        bell.wait_for_press()
        try:
            answer()
        except InworldError as trouble:  # the next visitor may have more luck
            print(trouble)
        bell.wait_for_release()
except KeyboardInterrupt:
    print("Goodbye.")
