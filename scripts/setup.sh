#!/bin/sh
# Makes a virtual environment with this package in it, and installs what the system lacks for that.
#
#   scripts/setup.sh demo           .venv: what `make demo` needs; sound where PyAudio can be built
#   scripts/setup.sh dev            .venv: what `make test` needs
#   scripts/setup.sh audio          .venv: PyAudio, and it fails where that cannot be built
#   scripts/setup.sh light 3.12     .venv-3.12: what the tests need, for another Python
#   scripts/setup.sh pythons        prints each Python 3.10 to 3.13 of this machine: version and path
#
# PYTHON=/path/to/python chooses the Python of .venv. Quick when nothing changed: a stamp file in the
# environment knows setup.cfg, this file and the folder.
set -eu
cd "$(dirname "$0")/.."

VERSIONS="3.13 3.12 3.11 3.10" # newest first: the first that can make an environment is taken
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

# Runs a command without its noise; where it fails, shows all of it.
quietly() {
    quiet_log=$(mktemp)
    if "$@" >"$quiet_log" 2>&1; then
        rm -f "$quiet_log"
    else
        cat "$quiet_log" >&2
        rm -f "$quiet_log"
        return 1
    fi
}

# --- system packages ---------------------------------------------------------------------------------

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif ! command -v sudo >/dev/null 2>&1; then
        say "That needs root, and there is no sudo here."
        return 1
    elif [ -t 0 ]; then
        sudo "$@"
    else
        sudo -n "$@" # nobody is there to type a password
    fi
}

# Installs packages by the system's own means: system_install "apt packages" "brew packages".
system_install() {
    if command -v apt-get >/dev/null 2>&1; then
        say "Installing with apt: $1"
        as_root true || return 1 # asks for the password where it can be seen
        quietly as_root apt-get update || return 1
        # shellcheck disable=SC2086 # a list of words
        quietly as_root env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y --no-install-recommends $1
    elif command -v brew >/dev/null 2>&1; then
        say "Installing with brew: $2"
        # shellcheck disable=SC2086
        quietly brew install $2
    else
        say "Neither apt nor brew is here to install: $1"
        return 1
    fi
}

# --- finding a Python --------------------------------------------------------------------------------

# Every place where Python $1 may be. A pyenv shim may be of a version that is not switched on, so
# pyenv's own folders follow.
places() {
    command -v "python$1" || :
    for place in "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1".*/bin/python; do
        [ ! -x "$place" ] || printf '%s\n' "$place"
    done
}

# Whether $1 runs, can make an environment, is 3.10 or newer, and is version $2 where that is given.
# Debian's python3 without python3-venv runs but has no ensurepip.
suits() {
    "$1" -c 'import ensurepip, ssl, sys, venv
version = "%d.%d" % sys.version_info[:2]
sys.exit(sys.version_info < (3, 10) or sys.argv[1] not in ("", version))' "${2:-}" >/dev/null 2>&1
}

find_version() {
    places "$1" | while IFS= read -r place; do
        if suits "$place" "$1"; then
            printf '%s\n' "$place"
            break
        fi
    done
}

find_any() {
    for version in $VERSIONS; do
        found=$(find_version "$version")
        if [ -n "$found" ]; then
            printf '%s\n' "$found"
            return
        fi
    done
    found=$(command -v python3 || :) # newer than all we know
    [ -z "$found" ] || ! suits "$found" || printf '%s\n' "$found"
}

choose_python() {
    if [ -n "${PYTHON:-}" ]; then
        suits "$PYTHON" || die "PYTHON=$PYTHON is not a Python 3.10 or newer that can make environments"
        printf '%s\n' "$PYTHON"
        return
    fi
    chosen=$(find_any)
    if [ -z "$chosen" ]; then
        say "No Python 3.10 or newer that can make virtual environments was found."
        system_install "python3 python3-venv" "python@3.13" || :
        hash -r
        chosen=$(find_any)
    fi
    [ -n "$chosen" ] || die "please install Python 3.10 or newer, or say where it is: PYTHON=/path/to/python"
    printf '%s\n' "$chosen"
}

# --- the environment ---------------------------------------------------------------------------------

# Makes the environment $1 with Python $2, unless a working one is there: that is kept.
make_venv() {
    [ ! -x "$1/bin/python" ] || ! suits "$1/bin/python" || return 0
    say "Making a virtual environment in $1 ($("$2" --version 2>&1))"
    quietly "$2" -m venv --clear "$1" || die "cannot make a virtual environment in $1"
}

# What an installation depends on. The folder too: an environment does not survive being moved.
key() { { pwd; cat setup.cfg setup.py scripts/setup.sh; } | cksum | tr ' ' -; }

# Installs this package, editable, with extras: install VENV STAMP EXTRAS [pip options].
# --prefer-binary: an older wheel is better than a compiler that the machine may lack.
install() {
    venv=$1 stamp=$1/.set-up-$2 extras=$3
    shift 3
    [ "$(cat "$stamp" 2>/dev/null || :)" != "$(key)" ] || return 0
    say "Installing inworld_rt with $extras into $venv; the first time takes a minute or two"
    quietly "$venv/bin/python" -m pip install --use-pep517 --prefer-binary "$@" -e ".[$extras]" ||
        return 1
    key >"$stamp"
}

# The floors of setup.cfg as a pip constraints file.
floors() {
    "$1/bin/python" - <<'END'
import configparser

config = configparser.ConfigParser(interpolation=None)
config.read("setup.cfg", encoding="utf-8")
extras = config["options.extras_require"]
lines = config["options"]["install_requires"].splitlines()
for name in extras["all"].strip().partition("[")[2].rstrip("]").split(","):
    lines += extras[name].splitlines()
print(*sorted({line.replace(">=", "==", 1) for line in lines if line}), sep="\n")
END
}

# --- sound -------------------------------------------------------------------------------------------

# PyAudio has no wheels for Linux and macOS: it wants a compiler and the headers of Python and PortAudio.
portaudio_ready() {
    command -v cc >/dev/null 2>&1 || return 1
    headers=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("include"))')
    printf '#include <Python.h>\n#include <portaudio.h>\n' |
        cc -E -I"$headers" -x c - >/dev/null 2>&1
}

# Whether PyAudio is there, or could be installed.
install_audio() {
    .venv/bin/python -c 'import pyaudio' >/dev/null 2>&1 && return 0
    if command -v brew >/dev/null 2>&1; then
        prefix=$(brew --prefix)
        export CPATH="$prefix/include${CPATH:+:$CPATH}" LIBRARY_PATH="$prefix/lib${LIBRARY_PATH:+:$LIBRARY_PATH}"
    fi
    portaudio_ready ||
        system_install "gcc libc6-dev python3-dev portaudio19-dev" "portaudio" || return 1
    say "Building PyAudio for the microphone and the speaker"
    quietly .venv/bin/python -m pip install --prefer-binary -e ".[audio]"
}

# Sound is welcome and never required. Tried once for each stamp, because a failure is slow.
try_audio() {
    [ "$(cat .venv/.set-up-audio 2>/dev/null || :)" != "$(key)" ] || return 0
    install_audio || {
        say "PyAudio could not be installed, so nothing is played or recorded here; all else works."
        say "To try again: make audio"
    }
    key >.venv/.set-up-audio
}

# A sound card of software for the tests; where it cannot be had, those tests say what is missing.
try_soundcard() {
    command -v apt-get >/dev/null 2>&1 || return 0
    command -v pulseaudio >/dev/null 2>&1 && command -v pactl >/dev/null 2>&1 &&
        command -v jackd >/dev/null 2>&1 &&
        ls /usr/lib/*/alsa-lib/libasound_module_pcm_pulse.so >/dev/null 2>&1 && return 0
    system_install "pulseaudio pulseaudio-utils libasound2-plugins jackd2 libspeexdsp1" "" ||
        say "Without PulseAudio and JACK the tests of the sound devices are left out."
}

# --- pages -------------------------------------------------------------------------------------------

# A browser for the tests of pages, and what draws the diagrams of the documentation.
try_pages() {
    command -v apt-get >/dev/null 2>&1 || return 0
    command -v chromium >/dev/null 2>&1 && command -v chromedriver >/dev/null 2>&1 &&
        command -v dot >/dev/null 2>&1 && return 0
    system_install "chromium chromium-driver graphviz" "" ||
        say "Without Chromium and Graphviz the tests of pages and diagrams are left out."
}

# --- what is asked for -------------------------------------------------------------------------------

main_venv() {
    if [ -x .venv/bin/python ] && suits .venv/bin/python; then
        return 0
    fi
    chosen_python=$(choose_python)
    make_venv .venv "$chosen_python"
}

case "${1:-}" in
demo)
    main_venv
    # A developer's environment has all of it.
    [ "$(cat .venv/.set-up-dev 2>/dev/null || :)" = "$(key)" ] ||
        install .venv demo cli,simulator || die "the installation failed; pip's own words are above"
    try_audio
    ;;
dev)
    main_venv
    install .venv dev batch,cli,echo,fast,report,resample,simulator,tools,dev || die "the installation failed; pip's own words are above"
    try_audio
    try_soundcard
    try_pages
    ;;
audio)
    main_venv
    install_audio || die "PyAudio could not be installed; the reason is above"
    ;;
light)
    venv=.venv-$2
    extras=cli,echo,fast,resample,simulator,tools,test
    make_venv "$venv" "$(find_version "$2")"
    if [ "$2" = 3.10 ]; then # the oldest Python runs with the oldest of everything we say we work with
        floors "$venv" >"$venv/floors.txt"
        set -- "$@" -c "$venv/floors.txt"
        extras=batch,report,$extras
    fi
    shift 2
    install "$venv" light "$extras" "$@" ||
        die "the installation failed; pip's own words are above"
    ;;
pythons)
    for version in $VERSIONS; do
        found=$(find_version "$version")
        [ -z "$found" ] || printf '%s %s\n' "$version" "$found"
    done
    ;;
*)
    sed -n '2,11s/^# \{0,1\}//p' "$0"
    exit 2
    ;;
esac
