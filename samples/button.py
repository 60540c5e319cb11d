"""A gadget on a Raspberry Pi: hold the button (GPIO 17) to speak; the lamp (GPIO 18) takes part."""

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
