"""What the doctor says of which facts, on which system; nothing is looked at here."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Iterator
from importlib import metadata

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("click", reason="the command line needs click")

from inworld_rt.audio.backend import Device
from inworld_rt.audio.echo import Verdict as Leak
from inworld_rt.cli.checks import access, network, packages, sound
from inworld_rt.cli.checks.access import Key, Settings, examine_key
from inworld_rt.cli.checks.network import Answered, Line, Looked, Opened, Way
from inworld_rt.cli.checks.packages import Engine, Package, Python
from inworld_rt.cli.checks.sound import Cards, Heard, Played, Returned
from inworld_rt.cli.checks.system import System
from inworld_rt.cli.checks.verdict import BAD, OK, SKIP, WARN, Failure, Verdict
from inworld_rt.errors import BackendMissing, DeviceError

PIP = "/home/anna/v/bin/python -m pip install 'inworld_rt[EXTRA]'"
MANAGED = "python3 -m venv .venv && .venv/bin/pip install 'inworld_rt[EXTRA]'"
DEBIAN = System(
    os="linux",
    title="Debian GNU/Linux 12",
    tools=frozenset(
        "amixer apt-get arecord curl nmtui pactl ping pipewire timedatectl".split(),
    ),
    install=PIP,
)
PI = System(
    os="linux",
    title="Raspberry Pi OS",
    board="Raspberry Pi 4 Model B",
    tools=frozenset({"apt-get", "amixer", "timedatectl"}),
    install=MANAGED,
)
BARE = System(os="linux", title="Alpine", install=PIP)
MACOS = System(os="macos", title="macOS 15", install=PIP)
WINDOWS = System(os="windows", title="Windows 11", install=PIP.replace("'", '"'))
SYSTEMS = (DEBIAN, PI, BARE, MACOS, WINDOWS)

ENVIRONMENT, SERVER = "INWORLD_REALTIME_URL", Way("own.example", 8443, source="--url")
MIC = Device(0, "USB Audio Device with a very long name", inputs=1, rate=44100)
HORN = Device(1, "bcm2835 Headphones", outputs=2)
BROKEN = Failure("it broke")
NO_PYAUDIO = Failure("the package 'pyaudio' is needed", "sudo apt install python3-pyaudio")

SERVICE = Way()

Judge = Callable[[System], Verdict]


def python(*facts: object, **more: object) -> Judge:
    return lambda system: packages.judge_python(Python(*facts, **more), system)  # type: ignore[arg-type]


def engine(**facts: object) -> Judge:
    return lambda system: packages.judge_engine(Engine(**facts), system)  # type: ignore[arg-type]


def cards(**facts: object) -> Judge:
    return lambda system: sound.judge_cards(Cards(**facts), system)  # type: ignore[arg-type]


def heard(db: float = -math.inf, **facts: object) -> Judge:
    told = {"rate": 24000, "loudest": db} | facts
    return lambda system: sound.judge_heard(Heard(db=db, **told), system)  # type: ignore[arg-type]


def played(**facts: object) -> Judge:
    return lambda system: sound.judge_played(Played(rate=48000, **facts), system)  # type: ignore[arg-type]


def returned(db: float | None, **facts: object) -> Judge:
    leak = None if db is None else Leak(db > -60, db, 80.0)
    return lambda system: sound.judge_returned(Returned(leak, **facts), system)  # type: ignore[arg-type]


def settings(**facts: object) -> Judge:
    found = Settings("/home/anna/.config/c.toml", **facts)  # type: ignore[arg-type]
    return lambda system: access.judge_settings(found, system)


def key(**facts: object) -> Judge:
    return lambda system: access.judge_key(Key(**facts), system)  # type: ignore[arg-type]


def way(host: str = "api.inworld.ai", **facts: object) -> Judge:
    return lambda system: network.judge_way(Way(host, **facts), system)  # type: ignore[arg-type]


def looked(found: Way = SERVICE, **facts: object) -> Judge:
    return lambda system: network.judge_looked(Looked(**facts), found, system)  # type: ignore[arg-type]


def line(state: str = "open", found: Way = SERVICE, **facts: object) -> Judge:
    return lambda system: network.judge_line(Line(state, **facts), found, system)  # type: ignore[arg-type]


def clock(off: float) -> Judge:
    return lambda system: network.judge_clock(off, system)


def opened(failure: Failure | None = None, found: Way = SERVICE, **facts: object) -> Judge:
    facts = {"failure": failure} | facts
    return lambda system: network.judge_opened(Opened(**facts), found, system)  # type: ignore[arg-type]


def answered(**facts: object) -> Judge:
    return lambda system: network.judge_answered(Answered(**facts), system)  # type: ignore[arg-type]


def certificate(reason: str, found: Way = SERVICE, **facts: object) -> Judge:
    return line("certificate", found, reason=reason, **facts)


PROXIED = Way(proxy="proxy.example:3128", variable="https_proxy")
LOCAL = Way("127.0.0.1", 8765, secure=False, local=True, source=ENVIRONMENT)
TIMES = (("connect", 0.2), ("first text", 0.5), ("first sound", 0.7), ("total", 2.1))
SLOW = (("connect", 0.2), ("first sound", 5.0), ("total", 7.0))

# The judge with its facts, the mark, some words, and a part of what is to be typed on Debian.
CASES: tuple[tuple[Judge, str, str, str], ...] = (
    (python("3.13.2", "/home/anna/v"), OK, "virtual environment /home/anna/v", ""),
    (python("3.12.0", "", False), OK, "without a virtual environment", ""),
    (python("3.13.2", "", True), WARN, "PEP 668", "inworld_rt[all]"),
    (python("3.13.2", "/home/anna/v", True), OK, "virtual environment", ""),
    (python("3.99.0", "/v", False, False), OK, "newer than all", ""),
    (engine(pyaudio="0.2.14", portaudio="19.7.0"), OK, "PyAudio 0.2.14, PortAudio 19.7.0", ""),
    (engine(failure=NO_PYAUDIO), BAD, "'pyaudio' is needed", "apt install python3-pyaudio"),
    (engine(failure=BROKEN), BAD, "it broke", "systemctl --user restart pipewire"),
    (
        engine(backend="", failure=BROKEN, variable="INWORLD_RT_AUDIO"),
        BAD,
        "it broke",
        "unset INWORLD_RT_AUDIO",
    ),
    (engine(backend="wav", variable="INWORLD_RT_AUDIO"), SKIP, "INWORLD_RT_AUDIO=wav", ""),
    (cards(found=(MIC, HORN), microphone=MIC, speaker=HORN), OK, '44.1, speaker "bcm2835', ""),
    (cards(), BAD, "no sound device", "arecord -l"),
    (cards(denied=True), BAD, "may not use", "usermod -aG audio"),
    (cards(found=(HORN,), speaker=HORN, failure=BROKEN), BAD, "it broke", "devices --levels"),
    (heard(-60.0, loudest=-31.0), OK, "-60 dB, at most -31 dB: it hears something; 24 kHz", ""),
    (heard(-66.0), OK, "nobody spoke", ""),
    (heard(), BAD, "nothing but zeros", "devices --levels"),
    (heard(muted=True), BAD, "it is muted", "pactl set-source-mute @DEFAULT_SOURCE@ 0"),
    (heard(-80.0), WARN, "too quiet", "pactl set-source-volume @DEFAULT_SOURCE@ 100%"),
    (heard(-6.0, clipped=0.2), WARN, "clipping", "pactl set-source-volume @DEFAULT_SOURCE@ 60%"),
    (heard(failure=BROKEN), BAD, "it broke", "devices --levels"),
    (played(), OK, "melody", ""),
    (played(failure=BROKEN), BAD, "it broke", "devices --levels"),
    (played(muted=True), WARN, "muted", "pactl set-sink-mute @DEFAULT_SINK@ 0"),
    (played(late=5), WARN, "stuttered 5 times", "doctor"),
    (played(late=1), OK, "melody", ""),
    (returned(-90.0), OK, "nothing to do", ""),
    (returned(-90.0, system=True), OK, "sound system itself", ""),
    (returned(-20.0, system=True), OK, "left over", ""),
    (returned(-18.0, engine="webrtc"), OK, "-18 dB, 80 ms late: will be cancelled (webrtc)", ""),
    (returned(-18.0), WARN, "only loud voices", "inworld_rt[echo]"),
    (returned(-18.0, failure=NO_PYAUDIO), WARN, "only loud voices", "apt install python3-pyaudio"),
    (returned(4.0, engine="webrtc"), WARN, "louder than it is played", "set-sink-volume"),
    (returned(None), WARN, "too little", "doctor"),
    (returned(None, failure=BROKEN), BAD, "it broke", "devices --levels"),
    (settings(), OK, "none; it would be", ""),
    (settings(exists=True, names=("voice", "key")), OK, "sets voice key", ""),
    (settings(exists=True, failure=BROKEN), BAD, "it broke", "inworld-rt config --edit"),
    (settings(exists=True, open_to_others=True), WARN, "others", "chmod 600 /home/anna/.config/"),
    (key(), OK, "an API key in Base64, from INWORLD_API_KEY", ""),
    (key(flaw="none"), BAD, "--simulator", "export INWORLD_API_KEY='"),
    (key(flaw="empty"), BAD, "empty", "export INWORLD_API_KEY='"),
    (key(flaw="quotes"), BAD, "quotes", "export INWORLD_API_KEY='"),
    (key(flaw="stand-in"), BAD, "example", "export INWORLD_API_KEY='"),
    (key(flaw="scheme"), BAD, '"Basic"', "export INWORLD_API_KEY='"),
    (key(flaw="spaces"), BAD, "space", "export INWORLD_API_KEY='"),
    (key(flaw="encoding"), BAD, "not Base64", "export INWORLD_API_KEY='"),
    (key(flaw="content"), WARN, "not of a key", "export INWORLD_API_KEY='"),
    (key(flaw="quotes", in_file=True), BAD, "quotes", "inworld-rt config --edit"),
    (key(kind="token"), OK, "a token, from INWORLD_API_KEY", ""),
    (key(kind="token", left=7200.0), OK, "valid for 2 hours", ""),
    (key(kind="token", left=100.0), WARN, "valid for 100 seconds", "export INWORLD_API_KEY='"),
    (key(kind="token", left=-600.0), BAD, "expired 10 minutes ago", "export INWORLD_API_KEY='"),
    (way(), OK, "api.inworld.ai; no proxy", ""),
    (way(direct=True), OK, "no proxy, says no_proxy", ""),
    (way("own.example", port=8443, source="--url"), OK, "own.example:8443 (--url)", ""),
    (way(proxy="p.example:3128", variable="https_proxy"), OK, "p.example:3128 (https_proxy)", ""),
    (way(failure=BROKEN, variable="https_proxy"), BAD, "it broke", "export https_proxy='http://"),
    (way("", failure=BROKEN, source=ENVIRONMENT), BAD, "it broke", f"unset {ENVIRONMENT}"),
    (way("", failure=BROKEN, source="the config file"), BAD, "it broke", "config --edit"),
    (way("", failure=BROKEN, source="--url"), BAD, "it broke", "inworld-rt doctor"),
    (looked(addresses=2, seconds=0.012), OK, "2 addresses (12 ms)", ""),
    (looked(LOCAL, host="127.0.0.1"), OK, "this machine itself", ""),
    (looked(failure=BROKEN, online=False), BAD, "not online", "sudo nmtui"),
    (looked(failure=BROKEN), BAD, "not known", "getent hosts api.inworld.ai"),
    (looked(SERVER, failure=BROKEN), BAD, "check --url", "inworld-rt doctor"),
    (looked(PROXIED, failure=BROKEN), BAD, "the proxy's name", "unset https_proxy"),
    (line(version="TLSv1.3", issuer="Good CA"), OK, "TLS 1.3 after 0 ms, vouched for by Good", ""),
    (line("open", LOCAL), OK, "without TLS", ""),
    (line(issuer="Zscaler Inc., Zscaler Root CA"), WARN, "can read it", "curl -v https://api."),
    (line("refused", LOCAL), BAD, "nothing listens at 127.0.0.1:8765", "simulate --port 8765"),
    (line("refused", words="refused"), BAD, "refused", "ping -c 4 api.inworld.ai"),
    (line("refused", SERVER, words="refused"), BAD, "refused", "inworld-rt doctor"),
    (line("silent", PROXIED, words="quiet"), BAD, "quiet", "unset https_proxy"),
    (
        line("silent", Way(ignored="p.example:8080"), words="quiet"),
        BAD,
        "set to use a proxy",
        "export https_proxy='http://p.example:8080'",
    ),
    (line("silent"), BAD, "firewall", "curl -v https://api.inworld.ai:443/"),
    (line("tls", words="no TLS there"), BAD, "no TLS there", "curl -v"),
    (line("proxy", PROXIED, status=407), BAD, "login", "export https_proxy='http://user:password@"),
    (line("proxy", PROXIED, status=403), BAD, "HTTP 403", "export no_proxy='api.inworld.ai'"),
    (certificate("expired", off=-9e6), BAD, "has expired", "timedatectl set-ntp true"),
    (certificate("early", off=None), BAD, "not valid yet", "timedatectl set-ntp true"),
    (certificate("expired", SERVER, off=1.0), BAD, "clock is right", "inworld-rt doctor"),
    (certificate("host", issuer="Good CA"), BAD, "another host", "python3 -m webbrowser http://"),
    (certificate("issuer", issuer="Fortinet"), BAD, "Fortinet", "export SSL_CERT_FILE="),
    (certificate("issuer", SERVER, issuer="Own"), BAD, "own server", "export SSL_CERT_FILE="),
    (certificate("issuer"), BAD, "somebody unknown", "apt install --reinstall ca-certificates"),
    (clock(0.4), OK, "right", ""),
    (clock(-12.0), OK, "12 s behind", ""),
    (clock(45.0), WARN, "45 s ahead", "timedatectl set-ntp true"),
    (clock(-4000.0), BAD, "67 minutes behind", "timedatectl set-ntp true"),
    (clock(-9e6), BAD, "104 days behind", "timedatectl set-ntp true"),
    (opened(seconds=0.21), OK, "open after 210 ms", ""),
    (opened(seconds=4.0), WARN, "slow", "ping -c 4 api.inworld.ai"),
    (opened(BROKEN, status=401), BAD, "refused (HTTP 401)", "export INWORLD_API_KEY="),
    (opened(BROKEN, status=401, in_file=True), BAD, "refused", "config --edit"),
    (opened(BROKEN, status=402), BAD, "billed", "https://platform.inworld.ai"),
    (opened(BROKEN, status=403), BAD, "permission", "https://platform.inworld.ai/api-keys"),
    (opened(BROKEN, status=429, retry_after=7.2), BAD, "too many", "sleep 7; inworld-rt doctor"),
    (opened(BROKEN, status=503), BAD, "HTTP 503", "sleep 60; inworld-rt doctor"),
    (opened(BROKEN, SERVER, status=404), BAD, "check --url", "inworld-rt doctor"),
    (opened(BROKEN, status=400), BAD, "too old", "pip install --upgrade"),
    (opened(BROKEN), BAD, "it broke", "sleep 60"),
    (answered(stages=TIMES, sound=1.5), OK, "connect 0.20, first text 0.50, first sound 0.70", ""),
    (answered(stages=TIMES), WARN, "no sound came", "inworld-rt voices"),
    (answered(stages=SLOW, sound=1.5), WARN, "slow", "inworld-rt models"),
    (answered(failure=BROKEN), BAD, "it broke", "sleep 60"),
    (answered(failure=BROKEN, refused=True), BAD, "the key is refused", "INWORLD_API_KEY"),
)


@pytest.mark.parametrize(("judge", "mark", "words", "command"), CASES)
def test_the_verdict(judge: Judge, mark: str, words: str, command: str) -> None:
    verdict = judge(DEBIAN)
    assert verdict.mark == mark
    assert words in verdict.found
    assert command in verdict.command


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system.title)
def test_what_is_not_well_can_be_mended_by_typing_something(system: System) -> None:
    """On every system; and nothing else has a command."""
    for judge, *_ in CASES:
        verdict = judge(system)
        assert bool(verdict.command) == (verdict.mark in (WARN, BAD)), verdict
        assert "\n" not in verdict.command
        assert "EXTRA" not in verdict.command


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system.title)
def test_all_is_well_in_lines_of_80_columns(system: System) -> None:
    for judge, mark, words, _ in CASES:
        if mark == OK and "left over" not in words and "newer than" not in words:
            assert len(judge(system).found) <= 80 - 17, words


# --- on other systems -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("judge", "system", "command"),
    [
        (heard(), MACOS, "Privacy_Microphone"),
        (heard(), WINDOWS, "start ms-settings:privacy-microphone"),
        (heard(-80.0), MACOS, "osascript -e 'set volume input volume 100'"),
        (heard(-80.0), WINDOWS, "start ms-settings:sound"),
        (heard(-80.0), PI, "amixer set Capture 100%"),
        (heard(-80.0), BARE, "sudo apk add alsa-utils && amixer set Capture 100%"),
        (heard(muted=True), PI, "amixer set Capture cap"),
        (played(muted=True), MACOS, "without output muted"),
        (cards(), MACOS, "system_profiler SPAudioDataType"),
        (cards(), PI, "sudo apt install alsa-utils && arecord -l"),
        (engine(failure=BROKEN), PI, "sudo reboot"),
        (line("refused", words="refused"), PI, "sudo apt install curl && curl -v https://api."),
        (engine(failure=BROKEN), WINDOWS, "Restart-Service audiosrv"),
        (engine(failure=BROKEN), MACOS, "sudo killall coreaudiod"),
        (engine(backend="", failure=BROKEN, variable="A"), WINDOWS, "Remove-Item Env:A"),
        (python("3.11.2", "", True), PI, "python3 -m venv .venv && .venv/bin/pip install"),
        (key(flaw="none"), WINDOWS, "$env:INWORLD_API_KEY = 'the key'"),
        (opened(BROKEN, status=429), WINDOWS, "Start-Sleep 60; inworld-rt doctor"),
        (opened(BROKEN, status=402), MACOS, "open https://"),
        (opened(BROKEN, status=402), WINDOWS, "start https://"),
        (clock(999.0), MACOS, "sudo sntp -sS time.apple.com"),
        (clock(999.0), WINDOWS, "w32tm /resync"),
        (clock(999.0), BARE, "ntpdate"),
        (looked(failure=BROKEN, online=False), WINDOWS, "ms-settings:network-status"),
        (looked(failure=BROKEN), MACOS, "nslookup api.inworld.ai"),
        (line("silent"), WINDOWS, "curl.exe -v"),
        (certificate("issuer"), WINDOWS, "certutil"),
        (certificate("issuer"), MACOS, "brew reinstall openssl"),
        (
            certificate("issuer"),
            System(os="macos", certificates="/Applications/Python 3.13/Install.command"),
            'open "/Applications/Python 3.13/Install.command"',
        ),
        (certificate("issuer"), System(tools=frozenset({"dnf"})), "dnf reinstall ca-certificates"),
        (certificate("issuer"), System(tools=frozenset({"pacman"})), "pacman -S ca-certificates"),
        (
            settings(exists=True, open_to_others=True),
            MACOS,
            "chmod 600 /home/anna/.config/c.toml",
        ),
    ],
)
def test_what_to_type_depends_on_the_system(judge: Judge, system: System, command: str) -> None:
    assert command in judge(system).command


def test_our_own_commands_are_called_as_they_can_be_here() -> None:
    system = System(us="~/v/bin/python -m inworld_rt")
    assert heard()(system).command == "~/v/bin/python -m inworld_rt devices --levels"


# --- the key --------------------------------------------------------------------------------------


def jwt(claims: object) -> str:
    def part(data: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(data).encode()).decode().rstrip("=")

    return f"{part({'alg': 'HS256'})}.{part(claims)}.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        (None, "none"),
        ("", "empty"),
        ("  ", "empty"),
        ("ZGVtbzpkZW1v", ""),
        ("ZGVtbzpkZW1vMQ==", ""),
        ("ZGVtbzpkZW1vMQ", ""),
        ('"ZGVtbzpkZW1v"', "quotes"),
        ("'ZGVtbzpkZW1v", "quotes"),
        ("“ZGVtbzpkZW1v”", "quotes"),
        ("Basic ZGVtbzpkZW1v", "scheme"),
        ("bearer a.b.c", "scheme"),
        ("...", "stand-in"),
        ("…", "stand-in"),
        ("xxxx-xxxx", "stand-in"),
        ("your-api-key", "stand-in"),
        ("YOUR_INWORLD_KEY", "stand-in"),
        ("<key>", "stand-in"),
        ("$INWORLD_KEY", "stand-in"),
        ("the key", "stand-in"),
        ("paste it here", "stand-in"),
        ("changeme", "stand-in"),
        (" ZGVtbzpkZW1v", "spaces"),
        ("ZGVtbzpk\nZW1v", "spaces"),
        ("ZGVtbzpkZW1v=", "encoding"),
        ("demo:demo", "encoding"),
        ("a" * 33, "encoding"),
        ("c2VjcmV0c2VjcmV0", "content"),
    ],
)
def test_slips_with_a_key(text: str | None, flaw: str) -> None:
    assert examine_key(text, 0.0, source="X") == Key("X", flaw=flaw)


@given(st.binary(min_size=1, max_size=40), st.binary(max_size=40))
def test_whatever_is_a_key_is_taken_for_one(name: bytes, secret: bytes) -> None:
    """Even if some word of an example is in it."""
    text = base64.b64encode(name + b":" + secret).decode()
    assert examine_key(text, 0.0, source="X").flaw == ""


@given(st.text(max_size=60))
def test_nothing_of_a_key_is_in_what_is_told(text: str) -> None:
    facts = examine_key(f"{text}-s3cr3t-{text}", 0.0, source="X")
    verdict = access.judge_key(facts, DEBIAN)
    assert "s3cr3t" not in f"{facts!r} {verdict!r}"


@pytest.mark.parametrize(
    ("claims", "left"),
    [({"exp": 1000}, 900.0), ({"exp": 50}, -50.0), ({}, None), ({"exp": "soon"}, None), (7, None)],
)
def test_a_token_tells_until_when_it_is_valid(claims: object, left: float | None) -> None:
    assert examine_key(jwt(claims), 100.0, source="X") == Key("X", kind="token", left=left)


def test_what_looks_like_a_token_but_cannot_be_read() -> None:
    assert examine_key("aaa.bbb.ccc", 0.0, source="X").kind == "token"


# --- exceptions as facts, and extras --------------------------------------------------------------


def test_a_missing_package_tells_its_command() -> None:
    error = BackendMissing("the package 'x' is needed to y; install it with: pip install x")
    assert Failure.of(error) == Failure("the package 'x' is needed to y", "pip install x")


def test_other_exceptions_are_one_line() -> None:
    assert Failure.of(DeviceError("it is away\nALSA says much more")) == Failure("it is away")
    assert Failure.of(ValueError()) == Failure("ValueError")


def _extras() -> Iterator[str]:
    for name in metadata.metadata("inworld_rt").get_all("Provides-Extra") or []:
        if name not in ("all", "dev", "docs", "test"):
            yield name


def test_the_table_of_extras_has_all_of_them() -> None:
    assert sorted(packages.EXTRAS) == sorted(_extras())


def test_extras_that_are_missing_are_named() -> None:
    judged = packages.judge_package(Package("0.5.0", ("cli", "tools"), ("audio", "echo")), DEBIAN)
    assert judged.mark == OK
    assert judged.found == "0.5.0 with all extras but audio echo"
    assert judged.brief == "without audio echo"
    judged = packages.judge_package(Package("0.5.0", ("cli",), ("audio", "echo")), DEBIAN)
    assert judged.found == "0.5.0 with cli alone"
    assert packages.judge_package(Package("0.5.0", ("cli",)), DEBIAN).found.endswith("all extras")
