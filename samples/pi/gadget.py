"""A talking gadget for a Raspberry Pi, which needs nobody to look after it: button and lamp.

Button between GPIO 17 and ground; LED with a resistor of 330 ohms between GPIO 18 and ground; a
USB microphone and a loudspeaker. See docs/pi.rst; install.sh installs what it needs.

    gadget.py                hold the button to speak
    gadget.py --hands-free   just speak; the button switches the microphone off and on

The lamp: dark: ready; on: it listens; quick: it thinks; slow: it speaks; a flash every second: no
network, or no sound; a flash every three: the microphone is off. GADGET_VOICE and
GADGET_INSTRUCTIONS in the environment say who it is.
"""

from __future__ import annotations

import argparse
import os
import sys
import time

from gpiozero import LED, Button

from inworld_rt import AuthError, BackendMissing, Client, ConfigError, InworldError, VoiceChat

LONGEST_PAUSE = 30.0  # seconds between two attempts
HOPELESS = 78  # exit code: to try again would not help, so systemd does not


def main() -> int:
    """Talk until Ctrl-C; returns the exit code."""
    parser = argparse.ArgumentParser(description="A talking gadget.")
    parser.add_argument("--hands-free", action="store_true", help="just speak")
    parser.add_argument("--microphone", help="a part of its name, as inworld-rt devices tells it")
    parser.add_argument("--speaker", help="the same for the loudspeaker")
    options = parser.parse_args()
    # bounce_time: cheap buttons make and break several times when they are pressed.
    with Button(17, bounce_time=0.05) as button, LED(18) as lamp:
        try:
            go_on(button, lamp, options)
        except KeyboardInterrupt:
            pass
        except (AuthError, BackendMissing, ConfigError) as error:
            print(error, file=sys.stderr)
            return HOPELESS
    return 0


def go_on(button: Button, lamp: LED, options: argparse.Namespace) -> None:
    """Talk; when that ends, begin again: after a second, and later and later while it fails."""
    pause = 1.0
    while True:
        lamp.blink(0.05, 0.95)
        began = time.monotonic()
        try:
            converse(button, lamp, options)
        except (AuthError, BackendMissing, ConfigError):
            raise
        except InworldError as error:  # no network yet, or no more; nothing plugged in; a rest
            print(error, flush=True)
        if time.monotonic() - began > LONGEST_PAUSE:
            pause = 1.0
        lamp.blink(0.05, 0.95)
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


def converse(button: Button, lamp: LED, options: argparse.Namespace) -> None:
    """One session. The service ends it after a long silence."""
    voice = os.environ.get("GADGET_VOICE", "Sarah")
    instructions = os.environ.get("GADGET_INSTRUCTIONS", "Answer in one or two sentences.")
    with (
        Client(voice=voice, instructions=instructions) as client,
        client.voice_chat(
            options.microphone,
            options.speaker,
            push_to_talk=not options.hands_free,
            lead_in=0.2,  # small amplifiers sleep in the pauses, and swallow the first word
        ) as chat,
    ):
        show(client, chat, lamp)
        if options.hands_free:
            button.when_pressed = lambda: switch(chat, lamp)
        else:
            chat.use_button(button)
        print("Ready.", flush=True)
        chat.wait()


def show(client: Client, chat: VoiceChat, lamp: LED) -> None:
    """Let the lamp tell what goes on, from now on."""
    client.when_idle = lambda: rest(chat, lamp)
    client.when_listening = lamp.on
    client.when_thinking = lambda: lamp.blink(0.1, 0.1)
    client.when_speaking = lambda: lamp.blink(0.5, 0.5)
    client.when_error = lambda: lamp.blink(0.05, 0.95)
    rest(chat, lamp)


def rest(chat: VoiceChat, lamp: LED) -> None:
    """Nobody speaks."""
    if chat.muted:
        lamp.blink(0.05, 2.95)
    else:
        lamp.off()


def switch(chat: VoiceChat, lamp: LED) -> None:
    """The microphone, off or on."""
    if chat.muted:
        chat.unmute()
    else:
        chat.mute()
    rest(chat, lamp)


if __name__ == "__main__":
    sys.exit(main())
