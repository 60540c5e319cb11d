"""Judges the way to the service, and its answer. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from inworld_rt.auth import API_KEY_VARIABLE
from inworld_rt.cli.checks.system import KEYS_PAGE, System
from inworld_rt.cli.checks.verdict import Failure, Verdict, bad, ok, warn
from inworld_rt.transport.endpoint import URL_VARIABLE

__all__ = [
    "Answered",
    "Line",
    "Looked",
    "Opened",
    "Way",
    "judge_answered",
    "judge_clock",
    "judge_line",
    "judge_looked",
    "judge_opened",
    "judge_way",
]

_CLOCK_OFF, _CLOCK_WRONG = 30.0, 300.0  # seconds
_SLOW_HANDSHAKE = 3.0
_SLOW_ANSWER = 4.0
_PORTS = {True: 443, False: 80}
# Makers of what stands between a network and the world, and opens what is secret: by a part of the
# names that their certificates give as issuer.
_INTERCEPTORS = (
    "avast", "avg ", "barracuda", "bitdefender", "blue coat", "bluecoat", "burp", "charles proxy",
    "check point", "cisco umbrella", "cisco secure", "contentkeeper", "do_not_trust", "eset ",
    "fiddler", "forcepoint", "fortigate", "fortinet", "goguardian", "iboss", "kaspersky",
    "lightspeed", "mcafee", "mitmproxy", "netskope", "opendns", "palo alto", "portswigger",
    "securly", "skyhigh", "smoothwall", "sonicwall", "sophos", "squid", "symantec web", "untangle",
    "watchguard", "zscaler",
)  # fmt: skip


@frozen
class Way:
    """Where to, and how.

    Attributes:
        host: the service's name; empty where the URL is wrong.
        port: its port.
        secure: whether TLS is spoken.
        local: whether it is this machine.
        source: where the URL comes from: ``--url``, the environment's variable, ``the config
            file``, or nothing for the public service.
        proxy: host and port of the proxy, or an empty string.
        variable: the environment variable that names it.
        direct: whether ``no_proxy`` keeps it out of the way.
        ignored: a proxy setting of the system that nobody follows here, as host and port.
        failure: what is wrong with the URL or the proxy's setting.
    """

    host: str = "api.inworld.ai"
    port: int = 443
    secure: bool = True
    local: bool = False
    source: str = ""
    proxy: str = ""
    variable: str = ""
    direct: bool = False
    ignored: str = ""
    failure: Failure | None = None

    @property
    def place(self) -> str:
        """Host, and port where it is not the usual one."""
        return self.host if self.port == _PORTS[self.secure] else f"{self.host}:{self.port}"


def judge_way(facts: Way, system: System) -> Verdict:
    """Both settings can be understood."""
    if facts.failure is not None and not facts.host:
        return bad(facts.failure.words, _elsewhere(facts, system))
    if facts.failure is not None:
        value = "http://proxy.example:3128"
        return bad(facts.failure.words, system.export(facts.variable, value))
    place = f"{facts.place} ({facts.source})" if facts.source else facts.place
    if facts.proxy:
        return ok(f"{place} by the proxy {facts.proxy} ({facts.variable})", f"by {facts.variable}")
    if facts.direct:
        return ok(f"{place}; no proxy, says no_proxy", "no_proxy")
    return ok(f"{place}; no proxy")


def _elsewhere(way: Way, system: System) -> str:
    """Leave the URL that was given."""
    if way.source == URL_VARIABLE:
        return system.forget(URL_VARIABLE)
    return system.edit() if way.source == "the config file" else system.again()


@frozen
class Looked:
    """What the name is.

    Attributes:
        host: the service's, or the proxy's.
        addresses: how many it has.
        seconds: how long that took.
        failure: why it has none.
        online: whether this machine has a way to anywhere.
    """

    host: str = "api.inworld.ai"
    addresses: int = 0
    seconds: float = 0.0
    failure: Failure | None = None
    online: bool = True


def judge_looked(facts: Looked, way: Way, system: System) -> Verdict:
    """It has an address."""
    if way.local:
        return ok(f"{facts.host} is this machine itself")
    if facts.failure is None:
        count = "1 address" if facts.addresses == 1 else f"{facts.addresses} addresses"
        return ok(f"{facts.host} has {count} ({_time(facts.seconds)})")
    if not facts.online:
        return bad("this machine is not online: join a network", system.go_online())
    if way.proxy:
        return bad(
            f"the proxy's name {facts.host} is not known here; check {way.variable}",
            system.forget(way.variable),
        )
    if way.source:
        return bad(
            f"the name {facts.host} is not known; check {way.source} for a slip",
            _elsewhere(way, system),
        )
    return bad(
        f"the name {facts.host} is not known: does this network let you out?",
        system.look_up(facts.host),
    )


@frozen
class Line:
    """The connection, without any key.

    Attributes:
        state: ``open``, ``refused``, ``silent`` (nothing comes back), ``proxy`` (it says no),
            ``certificate`` or ``tls`` (no secure connection), ``broken``.
        seconds: how long it took.
        version: of TLS.
        issuer: who vouches for the server.
        reason: why a certificate is not accepted: ``expired``, ``early`` (not valid yet), ``host``,
            ``issuer``.
        status: the proxy's HTTP status.
        off: seconds by which this machine's clock is ahead of the server's; ``None``: not known.
        words: what happened.
    """

    state: str = "open"
    seconds: float = 0.0
    version: str = ""
    issuer: str = ""
    reason: str = ""
    status: int | None = None
    off: float | None = None
    words: str = ""


def judge_line(facts: Line, way: Way, system: System) -> Verdict:
    """Open, and nobody listens in."""
    if facts.state == "open":
        if _interceptor(facts):
            return _judge_interceptor(facts, way, system)
        return _judge_open(facts, way)
    if facts.state == "certificate":
        return _judge_certificate(facts, way, system)
    if facts.state == "proxy":
        return _judge_proxy(facts, way, system)
    if facts.state == "refused" and way.local:
        return bad(
            f"nothing listens at {way.place}: start it there",
            f"{system.us} simulate --port {way.port}",
        )
    if way.proxy:
        return bad(facts.words, system.forget(way.variable))
    if way.ignored and not way.local:
        variable = "https_proxy" if way.secure else "http_proxy"
        return bad(
            f"{facts.words}; this system is set to use a proxy, which has to be told here",
            system.export(variable, f"http://{way.ignored}"),
        )
    if facts.state == "tls":
        return bad(facts.words, system.fetch(way.host, way.port))
    if facts.state == "silent":
        return bad(
            f"{way.place} does not answer: a firewall, or a slow network",
            system.fetch(way.host, way.port),
        )
    return bad(facts.words, _elsewhere(way, system) if way.source else system.ping(way.host))


def _judge_open(facts: Line, way: Way) -> Verdict:
    took = _time(facts.seconds)
    if not way.secure:
        return ok(f"open after {took}, without TLS (ws://)", "ws")
    version = facts.version.replace("TLSv", "TLS ")
    return ok(f"{version} after {took}, vouched for by {facts.issuer}", f"{version}, {took}")


def _interceptor(facts: Line) -> bool:
    return any(name in f"{facts.issuer.lower()} " for name in _INTERCEPTORS)


def _judge_interceptor(facts: Line, way: Way, system: System) -> Verdict:
    return warn(
        f"it works, but {facts.issuer} of your network or antivirus opens the connection and can "
        "read it, key and all; ask for an exception for this host",
        system.fetch(way.host, way.port),
    )


def _judge_certificate(facts: Line, way: Way, system: System) -> Verdict:
    issuer = facts.issuer or "somebody unknown"
    if facts.reason in ("expired", "early"):
        what = "has expired" if facts.reason == "expired" else "is not valid yet"
        if facts.off is not None and abs(facts.off) < _CLOCK_WRONG:
            return bad(
                f"the certificate of {way.place} {what}, and this machine's clock is right: "
                "its owner has to renew it",
                _elsewhere(way, system),
            )
        return bad(
            f"the certificate of {way.place} {what}, says this machine's clock; set that",
            system.set_clock(),
        )
    if facts.reason == "host":
        return bad(
            f"{way.place} shows the certificate of another host, by {issuer}: a slip in the "
            "URL, or a login page of this network",
            _elsewhere(way, system) if way.source else system.browse("http://neverssl.com"),
        )
    if _interceptor(facts):
        return bad(
            f"{issuer} of your network or antivirus opens the connection, and is not trusted here; "
            "ask who runs it for its certificate, then",
            system.export("SSL_CERT_FILE", "its-certificate.pem"),
        )
    if way.source:
        return bad(
            f"the certificate of {way.place} is by {issuer}, not known here; if that is "
            "your own server, name it",
            system.export("SSL_CERT_FILE", "ca.pem"),
        )
    return bad(
        f"the certificate of {way.place} is by {issuer}, not known here: install the usual "
        "authorities; if that is your school or company, ask for its certificate",
        system.renew_certificates(),
    )


def _judge_proxy(facts: Line, way: Way, system: System) -> Verdict:
    if facts.status == 407:
        return bad(
            f"the proxy {way.proxy} wants a login",
            system.export(way.variable, f"http://user:password@{way.proxy}"),
        )
    said = f" (HTTP {facts.status})" if facts.status else ""
    return bad(
        f"the proxy {way.proxy} does not let you through to {way.place}{said}; ask who runs "
        "it, or go without",
        system.export("no_proxy", way.host),
    )


def judge_clock(off: float, system: System) -> Verdict:
    """Tokens and certificates have times.

    Args:
        off: seconds by which this machine's clock is ahead of the server's.
        system: the system.
    """
    amount = abs(off)
    if amount < 2:  # the server tells whole seconds
        return ok("right")
    span = f"{amount:.0f} s" if amount < 120 else f"{amount / 60:.0f} minutes"
    if amount >= 2 * 86400:
        span = f"{amount / 86400:.0f} days"
    said = f"{span} {'ahead of' if off > 0 else 'behind'} the server's"
    if amount < _CLOCK_OFF:
        return ok(said, said)
    judged = bad if amount >= _CLOCK_WRONG else warn
    return judged(f"{said}: tokens and certificates will be refused", system.set_clock())


@frozen
class Opened:
    """The session's opening, with the key.

    Attributes:
        seconds: how long it took, connection and all.
        failure: why it is not open.
        status: the HTTP status of a refusal.
        retry_after: seconds to wait, if the server says so.
        in_file: whether the key comes from the config file.
    """

    seconds: float = 0.0
    failure: Failure | None = None
    status: int | None = None
    retry_after: float | None = None
    in_file: bool = False


def judge_opened(facts: Opened, way: Way, system: System) -> Verdict:
    """The service lets us in."""
    if facts.failure is None:
        said = f"open after {_time(facts.seconds)}"
        if facts.seconds > _SLOW_HANDSHAKE:
            return warn(
                f"{said}, which is slow", system.ping(way.proxy.partition(":")[0] or way.host)
            )
        return ok(said, _time(facts.seconds))
    words = facts.failure.words
    if facts.status == 401:
        mend = system.edit() if facts.in_file else system.export(API_KEY_VARIABLE, "a valid key")
        return bad(f"the key is refused (HTTP 401): make another at {KEYS_PAGE}", mend)
    if facts.status == 402:
        return bad(
            "the account cannot be billed (HTTP 402); see its plan",
            system.browse("https://platform.inworld.ai"),
        )
    if facts.status == 403:
        return bad(
            "the key may not use Realtime (HTTP 403); give it that permission",
            system.browse(KEYS_PAGE),
        )
    if facts.status == 429:
        wait = max(1, round(facts.retry_after or 60))
        return bad(
            "too many sessions or requests of this account (HTTP 429); close some, or wait",
            system.again(wait),
        )
    if facts.status is not None and facts.status >= 500:
        return bad(
            f"the server has trouble (HTTP {facts.status}); try again in a while", system.again(60)
        )
    if facts.status is not None and way.source:
        return bad(
            f"no session there (HTTP {facts.status}); check {way.source}", _elsewhere(way, system)
        )
    if facts.status is not None:
        return bad(f"{words}; perhaps this version is too old", system.upgrade())
    return bad(words, system.again(60))


@frozen
class Answered:
    """One turn.

    Attributes:
        stages: what happened and after how many seconds, in order.
        sound: seconds of sound.
        failure: why there is no answer.
        refused: whether that is because of the key.
    """

    stages: tuple[tuple[str, float], ...] = ()
    sound: float = 0.0
    failure: Failure | None = None
    refused: bool = False


def judge_answered(facts: Answered, system: System) -> Verdict:
    """Words and sound, soon."""
    if facts.refused:
        return bad(
            f"the key is refused: make another at {KEYS_PAGE}",
            system.export(API_KEY_VARIABLE, "a valid key"),
        )
    if facts.failure is not None:
        return bad(facts.failure.words, facts.failure.command or system.again(60))
    said = _stages(facts.stages)
    if not facts.sound:
        return warn(f"{said}; no sound came: another voice?", f"{system.us} voices")
    times = dict(facts.stages)
    if times.get("first sound", 0.0) > _SLOW_ANSWER:
        return warn(f"{said}; that is slow: another model?", f"{system.us} models")
    return ok(said, said)


def _stages(stages: Sequence[tuple[str, float]]) -> str:
    return ", ".join(f"{name} {seconds:.2f}" for name, seconds in stages) + " s"


def _time(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"
