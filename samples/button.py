"""Hold a button to speak; a lamp shows what goes on. For a Raspberry Pi.

Button between GPIO 17 and ground; LED with a resistor of 330 ohms between GPIO 18 and ground.
"""

from gpiozero import LED, Button

from inworld_rt import Client

button, lamp = Button(17), LED(18)

with Client(voice="Sarah", instructions="Answer in one sentence.") as client:
    client.when_listening = lamp.on
    client.when_thinking = lambda: lamp.blink(0.1, 0.1)
    client.when_speaking = lamp.blink
    client.when_idle = lamp.off
    print("Hold the button and speak; Ctrl-C ends it.", flush=True)
    client.talk_while(button)
