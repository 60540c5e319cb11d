"""The gadget for the Raspberry Pi, on pins that are no real ones; and how it is installed."""

from __future__ import annotations

import os
import pty
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

gpiozero = pytest.importorskip("gpiozero", reason="it has the pins")
pytest.importorskip("websockets", reason="the simulator needs websockets")

from support.background import PATIENCE  # noqa: E402
from support.stage import Scene, Stage, staged  # noqa: E402

from inworld_rt.simulator import Simulator  # noqa: E402

# gpiozero's own: on a busy machine its thread that blinks may be stopped before it has begun.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Exception in thread .*blink:pytest.PytestUnhandledThreadExceptionWarning"
)

PI = Path(__file__).parent.parent / "samples" / "pi"
BUTTON = 17
KEY = "cGk6c2VjcmV0"

# --- the gadget ----------------------------------------------------------------------------------

READY, LISTENS, THINKS, SPEAKS = "off", "on", (0.1, 0.1), (0.5, 0.5)
TROUBLE, MUTED = (0.05, 0.95), (0.05, 2.95)


@pytest.fixture
def lamp(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the lamp was told to do, in order; it does it, too."""
    told: list[Any] = []

    def noted(name: str) -> Callable[..., None]:
        method = getattr(gpiozero.LED, name)

        def note(led: Any, *times: float) -> None:
            told.append(times or name)
            method(led, *times)

        return note

    for name in ("on", "off", "blink"):
        monkeypatch.setattr(gpiozero.LED, name, noted(name))
    return told


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., str]:
    """Runs the gadget through a scene; returns what it printed."""

    def run(scene: Scene | None, *arguments: str, url: str, code: int = 0) -> str:
        where = {"INWORLD_REALTIME_URL": url, "INWORLD_API_KEY": KEY}
        with staged(monkeypatch, tmp_path, **where) as stage:
            with pytest.raises(SystemExit) as ended:
                stage.run(PI / "gadget.py", arguments, scene)
        assert ended.value.code == code
        return stage.screen.getvalue()

    return run


@pytest.fixture
def port() -> int:
    """A port at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number: int = free.getsockname()[1]
    return number


def url(port: int) -> str:
    return f"ws://127.0.0.1:{port}/api/v1/realtime/session"


def appears(told: list[Any], *signs: object) -> bool:
    """Whether the signs were given in this order, possibly with others between them."""
    left = iter(told)
    return all(sign in left for sign in signs)


def test_held_button_is_a_turn_and_the_lamp_shows_it(run, lamp):
    """On while one speaks, quick while it thinks, slow while it answers, dark in the end."""

    def scene(stage: Stage) -> None:
        stage.until("Ready")
        button = stage.pin(BUTTON)
        button.drive_low()
        stage.time_passes(lambda: LISTENS in lamp)
        stage.ask()
        button.drive_high()
        stage.time_passes(lambda: stage.audible)
        stage.time_passes(lambda: appears(lamp, SPEAKS, READY))
        stage.interrupt()

    with Simulator() as server:
        run(scene, url=server.url)

    assert appears(lamp, TROUBLE, READY, LISTENS, THINKS, SPEAKS, READY)


def test_hands_free_it_answers_and_the_button_switches_the_microphone_off(run, lamp):
    """And on again."""

    def scene(stage: Stage) -> None:
        stage.until("Ready")
        button = stage.pin(BUTTON)
        stage.ask()
        stage.time_passes(lambda: stage.audible)
        stage.time_passes(lambda: appears(lamp, SPEAKS, READY))
        for sign in (MUTED, READY):
            before = len(lamp)
            button.drive_low()
            button.drive_high()
            stage.time_passes(lambda before=before, sign=sign: sign in lamp[before:])
        stage.interrupt()

    with Simulator() as server:
        run(scene, "--hands-free", url=server.url)

    assert appears(lamp, LISTENS, SPEAKS, READY, MUTED, READY)


def test_without_a_network_it_waits_for_one(run, lamp, port):
    """As when it is started with the Pi; the lamp says so."""
    server = Simulator(port=port)

    def scene(stage: Stage) -> None:
        stage.until("refused the connection")
        with server:
            stage.until("Ready")
            stage.interrupt()

    run(scene, url=url(port))

    assert appears(lamp, TROUBLE, TROUBLE, READY)


def test_ctrl_c_ends_it_while_it_waits(run, lamp, port):
    """systemd does as Ctrl-C does."""

    def scene(stage: Stage) -> None:
        stage.until("refused the connection")
        stage.interrupt()

    run(scene, url=url(port))


def test_when_the_connection_goes_it_makes_another(run, lamp, port):
    """The service ends a session after a long silence, too."""
    first, second = Simulator(port=port), Simulator(port=port)

    def scene(stage: Stage) -> None:
        stage.until("Ready")
        first.close()
        with second:
            stage.until("Ready", times=2)
            stage.interrupt()

    with first:
        run(scene, url=url(port))

    assert appears(lamp, READY, TROUBLE, READY)


def test_with_a_wrong_key_it_gives_up_and_says_so(run, lamp, capsys):
    """With an exit code at which systemd does not start it again."""
    with Simulator(api_key="b3RoZXI6a2V5") as server:
        run(None, url=server.url, code=78)

    said = capsys.readouterr().err
    assert "INWORLD_API_KEY" in said
    assert KEY not in said
    assert "RestartPreventExitStatus=78" in (PI / "inworld-gadget.service").read_text()


# --- installing it -------------------------------------------------------------------------------

LOG = '#!/bin/sh\necho "$(basename "$0") $*" >>"$LOG"\n'
FAKES = {
    "apt-get": 'if [ "$1" = install ]; then touch "$LOG.installed"; fi',
    "dpkg-query": '[ -e "$LOG.installed" ] && printf "install ok installed"',
    "sudo": 'exec "$@"',
    "id": 'if [ "$1" = -u ]; then echo 1000; else echo pupil; fi',
    "loginctl": "",
    "systemctl": "",
    # A virtual environment whose Python is the one that runs this, and whose pip only listens.
    "python3": f"""for folder; do :; done
mkdir -p "$folder/bin"
printf '%s\\n' '#!/bin/sh' 'echo "venv $*" >>"$LOG"' \\
    '[ "$2" = pip ] || exec {sys.executable} "$@"' >"$folder/bin/python"
chmod +x "$folder/bin/python"
""",
}


class Pi:
    """A Raspberry Pi as far as install.sh sees it: a home, an /etc, and the system's programs."""

    def __init__(self, folder: Path) -> None:
        self.home, self.etc = folder / "home", folder / "root" / "etc"
        self.log = folder / "log"
        self.home.mkdir()
        programs = folder / "programs"
        programs.mkdir()
        for name, does in FAKES.items():
            (programs / name).write_text(LOG + does + "\n")
            (programs / name).chmod(0o755)
        self.environment = {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "HOME": str(self.home),
            "DESTDIR": str(folder / "root"),
            "LOG": str(self.log),
        }

    def install(self, *arguments: str, typed: str = KEY + "\n") -> subprocess.CompletedProcess[str]:
        """Run install.sh; ``calls`` are those of this run alone."""
        self.log.write_text("")
        return subprocess.run(
            ["sh", str(PI / "install.sh"), *arguments],
            env=self.environment,
            input=typed,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )

    @property
    def calls(self) -> list[str]:
        """What was called of the system, without the questions."""
        lines = self.log.read_text().splitlines()
        return [line for line in lines if line.split()[0] not in ("id", "dpkg-query", "sudo")]

    @property
    def keyfile(self) -> Path:
        return self.etc / "inworld-gadget.env"

    @property
    def unit(self) -> Path:
        return self.etc / "systemd" / "system" / "inworld-gadget.service"


@pytest.fixture
def pi(tmp_path: Path) -> Iterator[Pi]:
    """A new one."""
    yield Pi(tmp_path)


def test_install_makes_a_service_of_it(pi):
    """Packages of the system, a virtual environment, the key, the unit, and it starts."""
    done = pi.install()

    assert (done.returncode, done.stderr) == (0, "")
    update, packages, venv, pip, *service = pi.calls
    assert update == "apt-get update"
    assert packages.startswith("apt-get install --yes ") and "python3-lgpio" in packages
    assert venv == f"python3 -m venv --system-site-packages {pi.home}/inworld-gadget/.venv"
    assert pip.startswith("venv -m pip install ") and pip.endswith(
        "[cli,echo,resample,simulator,tools]"
    )
    assert service == [
        "loginctl enable-linger pupil",
        "systemctl daemon-reload",
        "systemctl enable inworld-gadget.service",
        "systemctl restart inworld-gadget.service",
    ]
    assert pi.keyfile.read_text().splitlines()[0] == f"INWORLD_API_KEY={KEY}"
    assert pi.keyfile.stat().st_mode & 0o777 == 0o600
    assert "sudo install -m 600" in pi.log.read_text()
    assert KEY not in done.stdout + pi.log.read_text()
    unit = pi.unit.read_text()
    assert "User=pupil\n" in unit and "user@1000.service" in unit and "@USER@" not in unit


def test_what_the_unit_starts_is_there(pi):
    """And runs."""
    pi.install()
    lines = pi.unit.read_text().splitlines()
    (start,) = (line.removeprefix("ExecStart=") for line in lines if line.startswith("ExecStart="))

    command = [*start.replace("$GADGET_OPTIONS", "").split(), "--help"]
    done = subprocess.run(
        command, env={**os.environ, **pi.environment}, capture_output=True, text=True
    )

    assert done.returncode == 0 and "--hands-free" in done.stdout, done.stderr


def test_unit_is_right_in_the_eyes_of_systemd(pi):
    """No unknown setting, no word that it does not understand."""
    systemd = shutil.which("systemd-analyze")
    if systemd is None:
        pytest.skip("systemd-analyze checks units, and is not here")
    pi.install()

    done = subprocess.run([systemd, "verify", str(pi.unit)], capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (0, "")


def test_install_may_be_run_again(pi):
    """It leaves alone what is there, also what was written into the key's file."""
    pi.install()
    with pi.keyfile.open("a") as file:
        file.write("GADGET_VOICE=Clive\n")

    done = pi.install(typed="")

    assert done.returncode == 0
    assert "apt-get" not in "".join(pi.calls)
    assert [call for call in pi.calls if call.startswith("python3")] == []
    assert "systemctl restart inworld-gadget.service" in pi.calls
    before = pi.keyfile.read_text()
    assert pi.install("--key", typed="bmV3OmtleQ==\n").returncode == 0
    assert pi.keyfile.read_text() == before.replace(KEY, "bmV3OmtleQ==")
    assert pi.keyfile.stat().st_mode & 0o777 == 0o600


def test_dry_run_does_nothing(pi):
    """It shows what it would do, and asks for no key."""
    done = pi.install("--dry-run", typed="")

    assert done.returncode == 0
    assert "would run: sudo apt-get install" in done.stdout
    assert "would run: sudo systemctl enable inworld-gadget.service" in done.stdout
    assert pi.calls == []
    assert not list(pi.home.iterdir()) and not pi.etc.exists()


@pytest.mark.parametrize("typed", ["", "\n", "Basic cGk6c2VjcmV0\n", "$(reboot)\n", 'a"b\n'])
def test_what_is_no_key_is_not_kept(pi, typed):
    """A word of the portal's too much, or nothing: it says so, and stops before the service."""
    done = pi.install(typed=typed)

    assert done.returncode == 1
    assert "key" in done.stderr and (not typed.strip() or typed.strip() not in done.stderr)
    assert not pi.keyfile.exists() and not pi.unit.exists()


def test_key_is_not_shown_while_it_is_typed(pi):
    """In a terminal, where one sees what one types."""
    keyboard, screen = pty.openpty()
    with subprocess.Popen(
        ["sh", str(PI / "install.sh")],
        env=pi.environment,
        stdin=screen,
        stdout=screen,
        stderr=screen,
        start_new_session=True,
    ) as process:
        os.close(screen)
        shown = b""
        while b"API key (" not in shown:
            shown += os.read(keyboard, 1000)
        os.write(keyboard, KEY.encode() + b"\n")
        while b"Done." not in shown:
            shown += os.read(keyboard, 1000)
        assert process.wait(PATIENCE) == 0
    os.close(keyboard)

    assert KEY.encode() not in shown
    assert KEY in pi.keyfile.read_text()


def test_remove_takes_the_service_and_the_key_away(pi):
    """The program stays, in its folder."""
    pi.install()

    done = pi.install("--remove")

    assert done.returncode == 0
    assert pi.calls[0] == "systemctl disable --now inworld-gadget.service"
    assert not pi.keyfile.exists() and not pi.unit.exists()
    assert (pi.home / "inworld-gadget" / "gadget.py").exists()


def test_install_says_what_it_does_not_know_and_refuses_sudo(pi):
    """Started with sudo, all would belong to root."""
    assert "unknown argument: --remvoe" in pi.install("--remvoe").stderr
    pi.environment["SUDO_USER"] = "pupil"
    assert "without sudo" in pi.install().stderr
    assert pi.calls == []


@pytest.mark.parametrize("shell", ["sh", "dash", "bash"])
def test_install_is_right_for_every_shell(shell):
    """It may be started by any."""
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not here")
    subprocess.run([program, "-n", str(PI / "install.sh")], check=True)
