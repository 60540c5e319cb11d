"""Stand-ins for your own tests: sound devices and a clock that do what the test says.

No sound card, no waiting until speech has passed, and the same result every time. A complete test
of a spoken conversation, against the simulator of the service; its fixtures are there as soon as
this package is installed next to pytest::

    def test_a_question_is_answered_aloud(inworld_client, inworld_sound):
        with inworld_client.voice_chat(audio=inworld_sound):
            inworld_sound.say("question.wav")                 # somebody asks,
            inworld_sound.advance(5)                          # and is silent
            response = inworld_client.wait_for_response()
            inworld_sound.advance(10)                         # the answer is heard
        assert response.text
        assert len(inworld_sound.heard.strip(b"\\0")) > 24000

The minutes of :meth:`FakeSound.advance` pass within a second. The fixtures are those of
:mod:`inworld_rt.testing.plugin`, which needs pytest; this module does not. Without pytest, the same
is written out::

    with Simulator() as server, Client(url=server.url, credentials=server.api_key) as client:
        sound = FakeSound()
        with client.voice_chat(audio=sound):
            ...
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inworld_rt.lazy import lazy_names

if TYPE_CHECKING:
    from inworld_rt.testing.clock import FakeClock as FakeClock
    from inworld_rt.testing.sound import FakeSound as FakeSound

_HOMES: dict[str, tuple[str, ...]] = {"clock": ("FakeClock",), "sound": ("FakeSound",)}

__getattr__, __dir__, __all__ = lazy_names(__name__, _HOMES)
