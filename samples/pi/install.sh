#!/bin/sh
# Makes a Raspberry Pi with Raspberry Pi OS a talking gadget that starts by itself.
#
#   ./install.sh             install, or bring up to date; asks for the API key the first time
#   ./install.sh --dry-run   only show what it would do
#   ./install.sh --key       ask for the API key again
#   ./install.sh --remove    take the service away, and the key with it
#
# It may be run as often as you like. What it makes: ~/inworld-gadget (the program and its virtual
# environment), /etc/inworld-gadget.env (the key, for root only), and a systemd service.
set -eu

PACKAGES="python3-venv python3-pyaudio python3-gpiozero python3-lgpio python3-numpy libspeexdsp1"
EXTRAS="cli,echo,resample,simulator,tools"
NAME=inworld-gadget

here=$(cd "$(dirname "$0")" && pwd)
root=${DESTDIR:-} # for tests, and for making images
keyfile=$root/etc/$NAME.env
unit=$root/etc/systemd/system/$NAME.service
dry="" new_key="" remove=""

say() {
    printf '%s\n' "$*"
}

fail() {
    printf 'install.sh: %s\n' "$*" >&2
    exit 1
}

# run COMMAND...: do it, or show it.
run() {
    if [ -n "$dry" ]; then
        say "would run: $*"
    else
        "$@"
    fi
}

# as_root COMMAND...: the same with more rights.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        run "$@"
    else
        run sudo "$@"
    fi
}

install_packages() {
    missing=""
    for package in $PACKAGES; do
        status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) || status=""
        [ "$status" = "install ok installed" ] || missing="$missing $package"
    done
    [ -n "$missing" ] || {
        say "The system's packages are there."
        return
    }
    say "Missing:$missing."
    as_root apt-get update
    # shellcheck disable=SC2086 # several words are meant
    as_root apt-get install --yes $missing
}

# The system's Python refuses pip (it is "externally managed"). A virtual environment does not, and
# this one sees the system's packages, so that nothing has to be compiled.
install_program() {
    if [ -f "$here/../../setup.cfg" ]; then # a clone: with the code that is in it
        source="$(cd "$here/../.." && pwd)[$EXTRAS]"
    else
        source="inworld_rt[$EXTRAS]"
    fi
    run mkdir -p "$folder"
    [ -x "$folder/.venv/bin/python" ] ||
        run python3 -m venv --system-site-packages "$folder/.venv"
    run "$folder/.venv/bin/python" -m pip install --quiet --upgrade "$source"
    [ "$here" = "$folder" ] || run cp "$here/gadget.py" "$folder/gadget.py"
}

# The key goes from the keyboard to the file, and is on no command line, where others could see it.
install_key() {
    if [ -z "$new_key" ] && as_root_quietly grep -q '^INWORLD_API_KEY=.' "$keyfile"; then
        say "The API key is there already; ./install.sh --key asks for another."
        return
    fi
    if [ -n "$dry" ]; then
        say "would ask for the API key, and keep it in $keyfile, which only root may read"
        return
    fi
    terminal=""
    if [ -t 0 ]; then
        terminal=$(stty -g)
        # shellcheck disable=SC2064 # as it is now
        trap "stty '$terminal'; exit 130" INT TERM
        stty -echo
    fi
    printf 'API key (nothing is shown while you paste it): '
    IFS= read -r key || :
    if [ -n "$terminal" ]; then
        stty "$terminal"
        trap - INT TERM
    fi
    say ""
    case $key in
    "") fail "no key was given; nothing is changed. Start it again when you have one" ;;
    *[!A-Za-z0-9+/=_.-]*)
        fail "that is no API key: it is one long word of letters, digits and perhaps + / = at its end"
        ;;
    esac
    draft=$(umask 077 && mktemp)
    trap 'rm -f "$draft"' EXIT
    {
        printf 'INWORLD_API_KEY=%s\n' "$key"
        printf '# GADGET_VOICE=Sarah\n'
        printf '# GADGET_INSTRUCTIONS="You are a friendly owl. Answer in one sentence."\n'
        printf '# GADGET_OPTIONS=--hands-free --microphone USB --speaker USB\n'
    } >"$draft"
    # What was written besides the key stays.
    if as_root_quietly test -f "$keyfile"; then
        {
            printf 'INWORLD_API_KEY=%s\n' "$key"
            as_root_quietly grep -v '^INWORLD_API_KEY=' "$keyfile" || :
        } >"$draft"
    fi
    as_root mkdir -p "$root/etc"
    as_root install -m 600 "$draft" "$keyfile"
}

# Even in a dry run; it changes nothing.
as_root_quietly() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@" 2>/dev/null
    else
        sudo "$@" 2>/dev/null
    fi
}

install_service() {
    if [ -n "$dry" ]; then
        say "would write $unit, for the user $user"
    else
        draft_unit=$(mktemp)
        sed -e "s|@USER@|$user|g" -e "s|@UID@|$(id -u)|g" -e "s|@HOME@|$HOME|g" \
            "$here/$NAME.service" >"$draft_unit"
        as_root mkdir -p "$(dirname "$unit")"
        as_root install -m 644 "$draft_unit" "$unit"
        rm -f "$draft_unit"
    fi
    # So that the user's sound server runs from the start, on systems with a desktop.
    as_root loginctl enable-linger "$user"
    as_root systemctl daemon-reload
    as_root systemctl enable "$NAME.service"
    as_root systemctl restart "$NAME.service"
}

remove_service() {
    as_root systemctl disable --now "$NAME.service" || :
    as_root rm -f "$unit" "$keyfile"
    as_root systemctl daemon-reload
    say "Removed. The program is still in $folder; delete that folder if you like."
}

for argument; do
    case $argument in
    --dry-run) dry=1 ;;
    --key) new_key=1 ;;
    --remove) remove=1 ;;
    -h | --help)
        sed -n '2,/^set /{s/^# \{0,1\}//;/^set /d;p;}' "$0"
        exit 0
        ;;
    *) fail "unknown argument: $argument; there are --dry-run, --key, --remove and --help" ;;
    esac
done

[ -z "${SUDO_USER:-}" ] || fail "start it without sudo: the gadget runs as you, not as root"
user=$(id -un)
folder=$HOME/$NAME

if [ -n "$remove" ]; then
    remove_service
    exit 0
fi
install_packages
install_program
install_key
install_service
[ -z "$dry" ] || {
    say "Nothing was done: this was a dry run."
    exit 0
}
say "Done. The lamp goes dark when it is ready. What it says: journalctl -u $NAME -f"
