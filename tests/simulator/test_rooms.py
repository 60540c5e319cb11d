"""The map in the package's docstring is that of the house."""

from __future__ import annotations

from pathlib import Path

import inworld_rt.simulator


def test_every_module_is_on_the_map():
    house = Path(inworld_rt.simulator.__file__).parent
    words = set(inworld_rt.simulator.__doc__.replace(";", " ").split())
    rooms = {path.stem for path in house.iterdir() if path.stem[0] != "_"}
    assert rooms - words == set()
