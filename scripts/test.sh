#!/bin/sh
# Format, lint, types; then the tests on every Python 3.10 to 3.13 of this machine. The Python of .venv
# comes last and runs all of them with coverage, so that its summary is what one sees in the end; the
# others leave out those marked `slow` (what they build and install is the same everywhere).
# Arguments go to every pytest.
#
# What fails does not keep the rest from running; in the end every failure counts.
set -eu
cd "$(dirname "$0")/.."

scripts/setup.sh dev
main=$(.venv/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])')
others=$(scripts/setup.sh pythons | cut -d ' ' -f 1 | grep -vxF "$main" || :)
failed=""

# Derandomised property tests: a failure here must be one that anybody can repeat.
export HYPOTHESIS_PROFILE="${HYPOTHESIS_PROFILE:-ci}"

"${MAKE:-make}" --no-print-directory lint || failed=" lint"

# The others at the same time, since most tests wait more than they work; each is shown when it is done.
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
for version in $others; do
    scripts/setup.sh light "$version"
    ".venv-$version/bin/python" -m pytest -q -p no:cacheprovider -m "not slow" "$@" \
        >"$logs/$version" 2>&1 &
    printf '%s\n' $! >"$logs/$version.pid"
done
for version in $others; do
    wait "$(cat "$logs/$version.pid")" || failed="$failed $version"
    printf '\n== Python %s: all but the slow tests ==\n' "$version"
    cat "$logs/$version"
done

printf '\n== Python %s: all tests, with coverage ==\n' "$main"
.venv/bin/python -m pytest -q --cov --cov-report=term "$@" || failed="$failed $main"

[ -z "$failed" ] || {
    printf 'Failed:%s\n' "$failed" >&2
    exit 1
}
