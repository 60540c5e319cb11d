"""The computer, as facts; and what to type on it. Pure."""

from __future__ import annotations

from attrs import frozen

__all__ = ["EXTRA", "KEYS_PAGE", "System"]

EXTRA = "EXTRA"
"""Stands in :attr:`System.install` for the name of an extra."""

KEYS_PAGE = "https://platform.inworld.ai/api-keys"

_SETTINGS = "x-apple.systempreferences:com.apple"


@frozen(kw_only=True)
class System:
    """A computer.

    Attributes:
        os: ``linux``, ``macos`` or ``windows``.
        title: how it calls itself.
        kernel: its kernel and processor.
        board: which Raspberry Pi or the like it is; empty elsewhere.
        tools: programs that are there, of those that are of use here.
        install: how to install an extra, whose name is :data:`EXTRA`, into this Python.
        us: how to start our own command line.
        is_root: whether it is root who types.
        certificates: the program of python.org's Python for macOS that installs certificates, if
            it is that Python; else empty.
    """

    os: str = "linux"
    title: str = ""
    kernel: str = ""
    board: str = ""
    tools: frozenset[str] = frozenset()
    install: str = f"python -m pip install 'inworld_rt[{EXTRA}]'"
    us: str = "inworld-rt"
    is_root: bool = False
    certificates: str = ""

    def typed(self, command: str) -> str:
        """A command as this user has to type it: root needs no sudo, and may not have it."""
        return command.replace("sudo ", "") if self.is_root else command

    # --- Python ----------------------------------------------------------------------------------

    def extra(self, name: str) -> str:
        """Install an extra."""
        return self.install.replace(EXTRA, name)

    def upgrade(self) -> str:
        """Get the newest version of this package."""
        return self.extra("all").replace(" install ", " install --upgrade ")

    # --- the environment, and our own settings ---------------------------------------------------

    def export(self, name: str, value: str) -> str:
        """Set an environment variable."""
        return f"$env:{name} = '{value}'" if self.os == "windows" else f"export {name}='{value}'"

    def forget(self, name: str) -> str:
        """Take an environment variable away."""
        return f"Remove-Item Env:{name}" if self.os == "windows" else f"unset {name}"

    def edit(self) -> str:
        """Change our config file."""
        return f"{self.us} config --edit"

    def hide(self, path: str) -> str:
        """Keep a file from others; only asked for where files have such permissions."""
        return f'chmod 600 "{path}"' if " " in path else f"chmod 600 {path}"

    def list_devices(self) -> str:
        """List microphones with what they hear."""
        return f"{self.us} devices --levels"

    def again(self, seconds: int = 0) -> str:
        """Run all this again, after a while."""
        if not seconds:
            return f"{self.us} doctor"
        if self.os == "windows":
            return f"Start-Sleep {seconds}; {self.us} doctor"
        return f"sleep {seconds}; {self.us} doctor"

    def browse(self, page: str) -> str:
        """Open a web page."""
        if self.os == "windows":
            return f"start {page}"
        if self.os == "macos":
            return f"open {page}"
        return f"{'xdg-open' if 'xdg-open' in self.tools else 'python3 -m webbrowser'} {page}"

    # --- sound -----------------------------------------------------------------------------------

    def unmute(self, kind: str) -> str:
        """Switch a ``microphone`` or ``speaker`` on."""
        what, where = ("source", "SOURCE") if kind == "microphone" else ("sink", "SINK")
        amixer = "Capture cap" if kind == "microphone" else "Master unmute"
        return self._mix(
            f"pactl set-{what}-mute @DEFAULT_{where}@ 0",
            f"amixer set {amixer}",
            "set volume input volume 80"
            if kind == "microphone"
            else "set volume without output muted",
        )

    def set_level(self, kind: str, percent: int) -> str:
        """Make a ``microphone`` or ``speaker`` louder or softer."""
        what, where = ("source", "SOURCE") if kind == "microphone" else ("sink", "SINK")
        return self._mix(
            f"pactl set-{what}-volume @DEFAULT_{where}@ {percent}%",
            f"amixer set {'Capture' if kind == 'microphone' else 'Master'} {percent}%",
            f"set volume {'input' if kind == 'microphone' else 'output'} volume {percent}",
        )

    def _mix(self, pactl: str, amixer: str, apple: str) -> str:
        if self.os == "windows":
            return "start ms-settings:sound"
        if self.os == "macos":
            return f"osascript -e '{apple}'"
        if "pactl" in self.tools:
            return pactl
        return amixer if "amixer" in self.tools else f"{self._need('alsa-utils')} && {amixer}"

    def allow_microphone(self) -> str:
        """Let programs hear the microphone, where the system asks people about that."""
        if self.os == "macos":
            return f"open '{_SETTINGS}.preference.security?Privacy_Microphone'"
        if self.os == "windows":
            return "start ms-settings:privacy-microphone"
        return self.list_devices()

    def show_cards(self) -> str:
        """Show which sound devices the system itself knows of."""
        if self.os == "macos":
            return "system_profiler SPAudioDataType"
        if self.os == "windows":
            return "start ms-settings:sound"
        return (
            "arecord -l" if "arecord" in self.tools else f"{self._need('alsa-utils')} && arecord -l"
        )

    def join_audio(self) -> str:
        """Be allowed to use sound cards, on Linux."""
        return 'sudo usermod -aG audio "$USER"'

    def restart_sound(self) -> str:
        """Start the sound system afresh."""
        if self.os == "macos":
            return "sudo killall coreaudiod"
        if self.os == "windows":
            return "Restart-Service audiosrv -Force"
        if "pipewire" in self.tools:
            return "systemctl --user restart pipewire wireplumber"
        return "pulseaudio --kill" if "pulseaudio" in self.tools else "sudo reboot"

    # --- network ---------------------------------------------------------------------------------

    def go_online(self) -> str:
        """Join a network."""
        if self.os == "macos":
            return f"open '{_SETTINGS}.preference.network'"
        if self.os == "windows":
            return "start ms-settings:network-status"
        return "sudo nmtui" if "nmtui" in self.tools else "ip address"

    def look_up(self, host: str) -> str:
        """Ask for the addresses of a name."""
        return f"getent hosts {host}" if self.os == "linux" else f"nslookup {host}"

    def ping(self, host: str) -> str:
        """See how far away a host is."""
        if self.os == "linux" and "ping" not in self.tools:
            return self.fetch(host, 443)
        return f"ping {host}" if self.os == "windows" else f"ping -c 4 {host}"

    def fetch(self, host: str, port: int) -> str:
        """See in detail what happens on the way to a host."""
        curl = "curl.exe" if self.os == "windows" else "curl"  # there `curl` is another program
        look = f"{curl} -v https://{host}:{port}/"
        there = self.os != "linux" or "curl" in self.tools
        return look if there else f"{self._need('curl')} && {look}"

    def set_clock(self) -> str:
        """Have the clock set by the network."""
        if self.os == "macos":
            return "sudo sntp -sS time.apple.com"
        if self.os == "windows":
            return "w32tm /resync"
        if "timedatectl" in self.tools:
            return "sudo timedatectl set-ntp true"
        return f"{self._need('ntpsec-ntpdate')} && sudo ntpdate pool.ntp.org"

    def renew_certificates(self) -> str:
        """Install the authorities that most of the world trusts."""
        if self.os == "windows":
            return "certutil -generateSSTFromWU roots.sst; certutil -addstore Root roots.sst"
        if self.os == "macos":
            return f'open "{self.certificates}"' if self.certificates else "brew reinstall openssl"
        return self._need("ca-certificates", again=True)

    def _need(self, package: str, *, again: bool = False) -> str:
        """Install a package of the Linux distribution."""
        if "apt-get" in self.tools:
            return f"sudo apt install {'--reinstall ' * again}{package}"
        if "dnf" in self.tools:
            return f"sudo dnf {'reinstall' if again else 'install'} {package}"
        if "pacman" in self.tools:
            return f"sudo pacman -S {package}"
        return f"sudo apk {'fix' if again else 'add'} {package}"
