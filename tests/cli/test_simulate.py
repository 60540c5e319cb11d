"""``inworld-rt simulate`` as a program: one line when ready, an orderly end."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner
from support.background import PATIENCE
from websockets.sync.client import connect

from inworld_rt.cli import run
from inworld_rt.cli.simulate import simulate
from inworld_rt.simulator.quirks import table

URL = re.compile(r"ws://127\.0\.0\.1:\d+/api/v1/realtime/session\n")


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_its_address_serves_and_ends_in_order(number):
    command = [sys.executable, "-m", "inworld_rt", "simulate", "--quirks", "none"]
    command += ["--api-key", "a2V5OnNlY3JldA==", "--replies", "echo", "--quirk", "ping=off"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    ) as process:
        try:
            line = process.stdout.readline()
            assert URL.fullmatch(line)
            with connect(
                line.strip() + "?key=k&protocol=realtime",
                additional_headers={"Authorization": "Basic a2V5OnNlY3JldA=="},
            ) as ws:
                assert json.loads(ws.recv(5))["type"] == "session.created"
                process.send_signal(number)
                out, err = process.communicate(timeout=10)
        finally:
            process.kill()
    assert (process.returncode, out, err) == (0, "", "")


_PARENT = """
import sys
from inworld_rt.cli.service import service
with service(True, apart=True) as (url, key):
    print(url, flush=True)
    sys.stdin.read()
"""


@pytest.mark.slow
def test_one_that_serves_a_command_ends_with_it_though_that_is_killed():
    with subprocess.Popen(
        [sys.executable, "-c", _PARENT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        address = urlsplit(process.stdout.readline().strip())
        process.kill()
        # Both have the same standard error: it ends when both have ended.
        _, err = process.communicate(timeout=PATIENCE)
    assert "Starting the simulator" in err and "Traceback" not in err
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address.hostname, address.port))


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_two_signals_at_once_end_it_like_one():
    command = [sys.executable, "-m", "inworld_rt", "simulate"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            process.stdout.readline()
            process.send_signal(signal.SIGINT)
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=10)
        finally:
            process.kill()
    assert (process.returncode, out, err) == (0, "", "")


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.org", "::"])
def test_others_may_come_in_only_with_a_key(host, capsys):
    assert run(["simulate", "--host", host]) == 2
    assert "--api-key" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options",
    [
        ["--quirk", "nope=on"],
        ["--quirk", "ping=x"],
        ["--scene", "nope"],
        ["--port", "x"],
        ["--token-seconds", "0"],
    ],
)
def test_wrong_use(options):
    assert run(["simulate", *options]) == 2


def test_the_list_of_quirks():
    shown = CliRunner().invoke(simulate, ["--list-quirks"], catch_exceptions=False).output
    for switch in table():
        assert switch.name in shown
        assert switch.effect in shown


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_what_is_missing_is_said_once_beside_the_one_line(tmp_path):
    # As on a machine without the packages for voice and ears.
    for name in ("hibari", "py_nanotts", "pocketsphinx", "soxr", "webrtcvad"):
        (tmp_path / f"{name}.py").write_text("raise ImportError\n")
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    with subprocess.Popen(
        [sys.executable, "-m", "inworld_rt", "simulate"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    ) as process:
        try:
            line = process.stdout.readline()
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=10)
        finally:
            process.kill()
    assert URL.fullmatch(line)
    assert (process.returncode, out) == (0, "")
    assert [err.count(word) for word in ("plainer", "hears no words")] == [1, 1]
    assert len(err.splitlines()) == 2
