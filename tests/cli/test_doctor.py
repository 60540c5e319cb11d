"""``inworld-rt doctor`` as a whole: what it prints, how it ends, and that it always does."""

from __future__ import annotations

import json
import math
import random
import re
import subprocess
import sys
import threading
import time
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("click", reason="the command line needs click")
pytest.importorskip("websockets", reason="the simulator needs websockets")

from support.proxyserver import ConnectProxy
from support.rawserver import ScriptedServer, drain
from support.soundcard import Soundcard
from support.terminal import Terminal

from inworld_rt.audio.backend import Device
from inworld_rt.audio.echo import Verdict as Leak
from inworld_rt.cli import doctor as command
from inworld_rt.cli.checks import report, table
from inworld_rt.cli.checks.access import Key, Settings, judge_key, judge_settings
from inworld_rt.cli.checks.network import (
    Answered,
    Line,
    Looked,
    Opened,
    Way,
    judge_answered,
    judge_clock,
    judge_line,
    judge_looked,
    judge_opened,
    judge_way,
)
from inworld_rt.cli.checks.packages import (
    EXTRAS,
    Engine,
    Package,
    Python,
    judge_engine,
    judge_package,
    judge_python,
)
from inworld_rt.cli.checks.report import Privacy
from inworld_rt.cli.checks.sound import (
    Cards,
    Heard,
    Played,
    Returned,
    judge_cards,
    judge_heard,
    judge_played,
    judge_returned,
)
from inworld_rt.cli.checks.steps import Visit
from inworld_rt.cli.checks.system import System
from inworld_rt.cli.checks.table import CHECKS, Check, Finding, chosen, examine
from inworld_rt.cli.checks.verdict import Verdict, bad, ok, skip, warn
from inworld_rt.errors import DeviceError
from inworld_rt.simulator import Simulator

KEY = "c291bmQ6dGVzdA=="
SYSTEM = System(title="Debian", kernel="Linux 6", board="Raspberry Pi 4")
MIC = Device(0, "USB PnP Sound Device: Audio (hw:1,0)", inputs=1, rate=44100)
HORN = Device(1, "bcm2835 Headphones: - (hw:0,0)", outputs=2, rate=44100)
TIMES = (("connect", 0.31), ("first text", 0.62), ("first sound", 0.81), ("total", 2.14))
TERMINAL = pytest.mark.skipif(sys.platform == "win32", reason="terminals")


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator(api_key=KEY, handshake={"bG9uZzpnb25l": 429}) as server:
        yield server


@pytest.fixture(autouse=True)
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Without the settings of whoever runs the tests."""
    monkeypatch.setenv("INWORLD_RT_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def account(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The environment of somebody who has one."""
    monkeypatch.setenv("INWORLD_REALTIME_URL", simulator.url)
    monkeypatch.setenv("INWORLD_API_KEY", KEY)
    return monkeypatch


class Seen:
    """What it printed.

    Attributes:
        status: the exit status.
        out: all of it.
        lines: the lines of the checks, by their titles; each begins with its mark.
    """

    def __init__(self, status: object, out: str) -> None:
        self.status, self.out = status, out
        rows = re.findall(r"^(ok|warn|BAD|skip) +(\w+) +(.*)$", out, re.M)
        self.lines = {title: f"{mark} {rest}" for mark, title, rest in rows}


Call = Callable[..., Seen]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Runs it; nothing may come on standard error."""

    def run(*options: str) -> Seen:
        status = command.doctor.main([*options], standalone_mode=False)
        out, err = capsys.readouterr()
        assert err == ""
        return Seen(status, out)

    return run


# --- the whole -----------------------------------------------------------------------------------


def test_an_account_that_works(account: pytest.MonkeyPatch, call: Call) -> None:
    seen = call("--no-sound")
    assert seen.status == 0, seen.out
    assert [*seen.lines] == [
        "Python", "Package", "Settings", "Server", "Name", "Connection", "Clock", "Key", "Session",
        "Answer",
    ]  # fmt: skip
    assert {line.split()[0] for line in seen.lines.values()} <= {"ok", "warn"}
    assert seen.lines["Key"] == "ok an API key in Base64, from INWORLD_API_KEY"
    assert re.match(r"ok connect \d.*, first sound \d.*, total \d.* s", seen.lines["Answer"])
    assert seen.lines["Clock"] == "ok right"
    assert "\x1b" not in seen.out


def test_it_ends_with_what_to_paste(account: pytest.MonkeyPatch, call: Call) -> None:
    seen = call("--no-sound")
    _, intro, block = re.split(r"(paste:\n)", seen.out)
    assert intro and block.startswith("inworld_rt ")
    assert "--no-sound" in block
    assert "first sound" in block
    assert max(map(len, block.splitlines())) <= report.WIDTH


@pytest.mark.parametrize(
    ("key", "status"), [("d3Jvbmc6a2V5", "HTTP 401"), ("bG9uZzpnb25l", "HTTP 429")]
)
def test_a_key_that_is_refused(
    key: str, status: str, account: pytest.MonkeyPatch, call: Call
) -> None:
    account.setenv("INWORLD_API_KEY", key)
    seen = call("--no-sound")
    assert seen.status == 1
    assert seen.lines["Session"].startswith("BAD ")
    assert status in seen.lines["Session"]
    assert ". Type: " in seen.lines["Session"]
    assert seen.lines["Answer"] == "skip not looked at: first see to Session"
    assert key not in seen.out


def test_without_a_key_the_rest_is_looked_at(account: pytest.MonkeyPatch, call: Call) -> None:
    account.delenv("INWORLD_API_KEY")
    seen = call("--no-sound")
    assert seen.status == 1
    assert seen.lines["Key"].startswith("BAD INWORLD_API_KEY: there is none")
    assert seen.lines["Connection"].startswith("ok ")
    assert seen.lines["Answer"] == "skip not looked at: first see to Key"


@pytest.mark.parametrize("key", ["Basic c291bmQ6dGVzdA==", "'c291bmQ6dGVzdA=='", "c291bmQ6dGVzd"])
def test_no_part_of_a_mistaken_key_is_shown(
    key: str, account: pytest.MonkeyPatch, call: Call
) -> None:
    account.setenv("INWORLD_API_KEY", key)
    seen = call("--no-sound")
    assert seen.lines["Key"].startswith("BAD ")
    assert "c291" not in seen.out


def test_the_config_file_counts(simulator: Simulator, place: Path, call: Call) -> None:
    file = place / "config.toml"
    file.write_text(f'key = "{KEY}"\nurl = "{simulator.url}"\n', encoding="utf-8")
    file.chmod(0o600)
    seen = call("--no-sound")
    assert seen.status == 0, seen.out
    assert seen.lines["Settings"].endswith("config.toml sets key url")
    assert seen.lines["Key"].endswith("from the config file")
    assert "(the config file)" in seen.lines["Server"]
    assert KEY not in seen.out


@pytest.mark.parametrize("text", ["voice = ", "vioce = 'Clive'", "[talk]\necho = 7"])
def test_a_config_file_that_will_not_do(
    text: str, account: pytest.MonkeyPatch, place: Path, call: Call
) -> None:
    (place / "config.toml").write_text(text, encoding="utf-8")
    seen = call("--no-sound")
    assert seen.status == 1
    assert seen.lines["Settings"].endswith("config --edit")
    assert seen.lines["Answer"].startswith("ok ")  # the rest is looked at all the same


@pytest.mark.skipif(sys.platform == "win32", reason="permissions")
def test_a_config_file_that_others_can_read(
    account: pytest.MonkeyPatch, place: Path, call: Call
) -> None:
    file = place / "config.toml"
    file.write_text(f'key = "{KEY}"\n', encoding="utf-8")
    file.chmod(0o644)
    seen = call("--no-sound")
    assert seen.status == 0
    assert seen.lines["Settings"].startswith("warn ")
    assert f"chmod 600 {file}" in seen.lines["Settings"]


def test_nobody_there(account: pytest.MonkeyPatch, call: Call) -> None:
    account.setenv("INWORLD_REALTIME_URL", "ws://127.0.0.1:9")
    seen = call("--no-sound")
    assert seen.status == 1
    assert seen.lines["Connection"].endswith("simulate --port 9")
    assert seen.lines["Clock"] == "skip there is no connection"
    assert seen.lines["Session"] == "skip not looked at: first see to Connection"


def test_the_proxys_password_is_not_shown(account: pytest.MonkeyPatch, call: Call) -> None:
    with ConnectProxy(9, login="Basic other") as proxy:
        account.setenv("INWORLD_REALTIME_URL", "wss://service.example")
        account.setenv("https_proxy", f"http://anna:s3cr3t@127.0.0.1:{proxy.port}")
        seen = call("--no-sound")
    assert f"by the proxy 127.0.0.1:{proxy.port} (https_proxy)" in seen.lines["Server"]
    assert "wants a login" in seen.lines["Connection"]
    assert "s3cr3t" not in seen.out and "anna" not in seen.out


def test_json(account: pytest.MonkeyPatch, call: Call) -> None:
    account.setenv("INWORLD_API_KEY", "d3Jvbmc6a2V5")
    seen = call("--no-sound", "--json")
    told = json.loads(seen.out)
    assert seen.status == 1 and told["ok"] is False
    checks = {check["name"]: check for check in told["checks"]}
    assert [*checks] == [check.name for check in chosen(simulator=False, sound=False)]
    assert checks["session"]["mark"] == "bad"
    assert checks["session"]["command"]
    assert checks["answer"] == {
        "name": "answer",
        "mark": "skip",
        "found": "not looked at: first see to Session",
        "command": "",
    }


# --- sound ---------------------------------------------------------------------------------------


def test_without_a_sound_device(
    bare_sound: pytest.MonkeyPatch, account: pytest.MonkeyPatch, call: Call
) -> None:
    seen = call()
    assert seen.status == 1
    assert seen.lines["Sound"].startswith("ok PyAudio ")
    assert seen.lines["Devices"].startswith("BAD there is no sound device")
    assert seen.lines["Echo"].startswith("skip ")
    assert seen.lines["Answer"].startswith("ok ")


def test_recordings_in_place_of_devices_are_not_touched(
    account: pytest.MonkeyPatch, call: Call, tmp_path: Path
) -> None:
    account.chdir(tmp_path)
    account.setenv("INWORLD_RT_AUDIO", "wav")
    seen = call()
    assert seen.status == 0
    assert seen.lines["Sound"] == "skip INWORLD_RT_AUDIO=wav: no sound devices are used"
    assert seen.lines["Microphone"] == "skip not looked at: first see to Sound"
    assert [*tmp_path.glob("*.wav")] == []


def hiss(db: float, seconds: float) -> bytes:
    draw, height = random.Random(1), 32768 * 10 ** (db / 20) * math.sqrt(3)
    count = int(seconds * 24000)
    return array("h", [round(draw.uniform(-height, height)) for _ in range(count)]).tobytes()


@pytest.mark.slow
@TERMINAL
def test_with_the_simulator_and_a_sound_card(soundcard: Soundcard, place: Path) -> None:
    """And with somebody in the room."""
    (place / "hiss").write_bytes(hiss(-50.0, 2.0) * 15)
    speak = ["pacat", "--device=mic", "--raw", "--format=s16le", "--channels=1", "--rate=24000"]
    with (
        (place / "hiss").open("rb") as room,
        subprocess.Popen(speak, stdin=room) as speaking,
        Terminal("doctor", "--simulator") as terminal,
    ):
        status, seconds = terminal.end()
        speaking.terminate()
    text = terminal.text
    assert status == 0, text
    assert seconds < table.LIMIT + 5  # until Python runs, and has ended
    assert re.search(r"ok +Microphone +-[45]\d dB", text)
    assert re.search(r"ok +Echo +the microphone does not hear the loudspeaker", text)
    assert re.search(r"ok +Answer +connect", text)
    assert "ALSA" not in text
    assert terminal.has_cursor


# --- terminals -----------------------------------------------------------------------------------


@TERMINAL
@pytest.mark.parametrize(("width", "no_color"), [(40, ""), (80, "1")])
def test_a_narrow_terminal_loses_nothing(
    width: int, no_color: str, account: pytest.MonkeyPatch
) -> None:
    account.setenv("INWORLD_API_KEY", "d3Jvbmc6a2V5")
    with Terminal("doctor", "--no-sound", width=width, NO_COLOR=no_color) as terminal:
        assert terminal.end()[0] == 1
    lines = terminal.text.splitlines()
    assert max(len(line) for line in lines if "Type: " not in line) <= width
    assert any(line.startswith("BAD  Session") for line in lines)
    assert [line for line in lines if line.startswith("     Type: export INWORLD_API_KEY=")]
    assert bool(re.search(rb"\x1b\[[\d;]*3\dm", terminal.raw)) is not bool(no_color)


@TERMINAL
def test_ctrl_c_ends_it_at_once(account: pytest.MonkeyPatch) -> None:
    with ScriptedServer(drain) as server:
        account.setenv("INWORLD_REALTIME_URL", server.url)
        with Terminal("doctor", "--no-sound") as terminal:
            terminal.until("Connection")
            status, seconds = terminal.end("\x03")
    assert status == 130
    assert seconds < 2
    assert terminal.has_cursor


# --- how checks are run --------------------------------------------------------------------------


def a_check(name: str, look: Callable[[], Verdict], *needs: str, seconds: float = 2.0) -> Check:
    return Check(name, name.title(), lambda visit: look(), needs, seconds)


def run(*checks: Check, limit: float = 20.0) -> dict[str, Verdict]:
    found = examine(Visit(SYSTEM), checks, limit=limit)
    return {finding.check.name: finding.verdict for finding in found}


def never() -> Verdict:
    raise AssertionError("it is looked at in vain")


def test_what_depends_on_what_does_not_work_is_not_looked_at() -> None:
    found = run(
        a_check("one", lambda: bad("broken", "mend")),
        a_check("two", never, "one"),
        a_check("three", never, "two"),
        a_check("four", lambda: warn("so so", "mend"), "none such"),
        a_check("five", lambda: ok("fine"), "four"),
        a_check("six", lambda: skip("nothing to see")),
        a_check("seven", never, "five", "six"),
    )
    assert found["two"] == found["three"] == skip("not looked at: first see to One")
    assert found["five"].mark == "ok"
    assert found["seven"] == skip("not looked at: first see to Six")


def test_each_has_its_time() -> None:
    over = threading.Event()
    try:
        began = time.monotonic()
        found = run(a_check("one", lambda: ok(str(over.wait(20))), seconds=0.05),
                    a_check("two", lambda: ok("fine")))  # fmt: skip
        assert time.monotonic() - began < 2
    finally:
        over.set()
    assert (found["one"].mark, found["one"].command) == ("bad", "inworld-rt doctor")
    assert found["two"].mark == "ok"


def test_root_need_not_say_sudo() -> None:
    """And in a container cannot."""
    check = Check("one", "One", lambda visit: bad("no", "sudo apt install a && sudo a"))
    for is_root, line in ((True, "apt install a && a"), (False, "sudo apt install a && sudo a")):
        (found,) = examine(Visit(System(is_root=is_root)), [check])
        assert found.verdict.command == line


def test_a_question_needs_no_full_stop() -> None:
    check = Check("one", "One", lambda visit: bad("is it on?", "a"))
    assert report.line(Finding(check, bad("is it on?", "a")), Privacy()).endswith("on? Type: a")
    assert report.line(Finding(check, bad("it is off", "a")), Privacy()).endswith("off. Type: a")


def test_all_together_have_theirs() -> None:
    over = threading.Event()
    try:
        slow = a_check("one", lambda: ok(str(over.wait(20))))
        found = run(slow, a_check("two", never), limit=0.1)
    finally:
        over.set()
    assert found["one"].mark == "bad"
    assert found["two"] == skip("not looked at: the 0.1 s for all of this are over")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (DeviceError("it is away\nmore"), "it is away"),
        (ZeroDivisionError("x"), "ZeroDivisionError"),
    ],
)
def test_a_check_that_fails_itself_ends_nothing(error: Exception, words: str) -> None:
    def fail() -> Verdict:
        raise error

    found = run(a_check("one", fail), a_check("two", lambda: ok("fine")))
    assert found["one"].mark == "bad" and words in found["one"].found
    assert found["one"].command
    assert found["two"].mark == "ok"


def test_what_is_needed_comes_before() -> None:
    known: set[str] = set()
    for check in CHECKS:
        assert {*check.needs} <= known
        assert check.stuck(SYSTEM)
        known.add(check.name)


def test_the_simulator_leaves_the_account_out() -> None:
    names = {check.name for check in chosen(simulator=True, sound=True)}
    assert not names & {"server", "name", "connection", "clock", "key"}
    assert names > {"simulator", "session", "answer", "microphone"}
    assert "simulator" not in {check.name for check in chosen(simulator=False, sound=True)}


# --- what is printed -----------------------------------------------------------------------------


def test_a_line_for_a_pipe() -> None:
    check = CHECKS[0]
    line = report.line(Finding(check, bad("broken", "mend it")), Privacy())
    assert line == "BAD  Python      broken. Type: mend it"
    assert report.line(Finding(check, ok("fine")), Privacy()) == "ok   Python      fine"


@pytest.mark.parametrize(
    ("verdicts", "words"),
    [
        ([ok("x")], "All is well (1.0 s)."),
        ([ok("x"), bad("x", "y")], "1 thing does not work (1.0 s)."),
        ([bad("x", "y"), bad("x", "y"), warn("x", "y")], "2 things do not work, 1 could be better"),
        ([warn("x", "y"), skip("x")], "1 could be better (1.0 s)."),
    ],
)
def test_the_summary(verdicts: list[Verdict], words: str) -> None:
    findings = [Finding(CHECKS[0], verdict) for verdict in verdicts]
    assert report.summary(findings, 1.0).startswith(words)


def test_the_block() -> None:
    verdicts = (ok("fine", "3.13"), bad("broken", "mend"), warn("so so", "mend"), skip("why"))
    findings = [Finding(check, one) for check, one in zip(CHECKS, verdicts, strict=False)]
    lines = report.block(findings, SYSTEM, Privacy(), options="--no-sound", python="3.13.2")
    assert re.fullmatch(
        r"inworld_rt \S+, Python 3.13.2, Linux 6, Debian, Raspberry Pi 4, --no-sound", lines[0]
    )
    names = [check.name for check in CHECKS]
    assert lines[1:] == [
        f"ok: {names[0]} (3.13)",
        f"bad: {names[1]}: broken",
        f"warn: {names[2]}: so so",
        f"skip: {names[3]}",
    ]


def test_all_is_well_on_one_screen() -> None:
    """Of 80 columns and 24 lines, the last of which is for the prompt."""
    verdicts = {
        "python": judge_python(Python("3.13.11", "/home/anna/robot/.venv"), SYSTEM),
        "package": judge_package(Package("0.5.0", tuple(EXTRAS)[2:], tuple(EXTRAS)[:2]), SYSTEM),
        "settings": judge_settings(Settings("/home/anna/.config/inworld-rt/config.toml"), SYSTEM),
        "engine": judge_engine(Engine("pyaudio", "0.2.14", "19.7.0-devel"), SYSTEM),
        "devices": judge_cards(Cards((MIC, HORN), MIC, HORN), SYSTEM),
        "microphone": judge_heard(Heard(24000, -61.0, -33.0), SYSTEM),
        "loudspeaker": judge_played(Played(24000), SYSTEM),
        "echo": judge_returned(Returned(Leak(True, -18.0, 160.0), "webrtc"), SYSTEM),
        "server": judge_way(Way(), SYSTEM),
        "name": judge_looked(Looked(addresses=3, seconds=0.045), Way(), SYSTEM),
        "connection": judge_line(Line("open", 0.1, "TLSv1.3", "A Large Authority"), Way(), SYSTEM),
        "clock": judge_clock(0.3, SYSTEM),
        "key": judge_key(Key(), SYSTEM),
        "session": judge_opened(Opened(0.21), Way(), SYSTEM),
        "answer": judge_answered(Answered(TIMES, 1.5), SYSTEM),
    }
    checks = chosen(simulator=False, sound=True)
    findings = [Finding(check, verdicts[check.name]) for check in checks]
    system = System(
        title="Debian GNU/Linux 12 (bookworm)",
        kernel="Linux 6.12.34+rpt-rpi-v8 aarch64",
        board="Raspberry Pi 4 Model B Rev 1.5",
    )
    privacy = Privacy("/home/anna")
    lines = [report.line(finding, privacy) for finding in findings]
    lines.append(
        report.summary(findings, 12.3) + " For a bug report, say what happened, and paste:"
    )
    lines += report.block(findings, system, privacy, options="", python="3.13.11")
    assert lines[len(checks)].startswith("All is well")
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 23


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("in /home/anna/v/bin", "in ~/v/bin"),
        ("/home/anna", "~"),
        ("/home/annabel/v", "/home/annabel/v"),
        ("/mnt/home/anna/v", "/mnt/home/anna/v"),
        ('"/home/anna/my v/python" -m', '"$HOME/my v/python" -m'),
        ("the key s3cr3t", "the key ***"),
        ("a\nb\x1b[2Jc", "a b[2Jc"),
    ],
)
def test_what_is_nobodys_business(text: str, clean: str) -> None:
    assert Privacy("/home/anna", ("s3cr3t",)).clean(text) == clean


def test_windows_paths() -> None:
    privacy = Privacy("C:\\Users\\Anna", windows=True)
    assert privacy.clean("c:\\users\\anna\\v") == "~\\v"


def test_nothing_is_private_at_the_root() -> None:
    assert Privacy("/").clean("a/b in /v") == "a/b in /v"
