#!/bin/sh
# Format, lint, types; then the tests on every Python 3.10 to 3.13 of this machine. The Python of .venv
# runs all of them with coverage; the others leave out those marked `slow` (what they build and install
# is the same everywhere) and try fewer examples.
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

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT

# One environment after the other, for they all write into this folder.
for version in $others; do
    scripts/setup.sh light "$version"
done &
setting_up=$!
"${MAKE:-make}" --no-print-directory lint || failed=" lint"
wait "$setting_up"

# start NAME COMMAND...: pytest in the background, its words in a file. So many at once are slow: what
# took too long is tried once more.
start() {
    name=$1
    shift
    "$@" -q -p no:cacheprovider --reruns 1 --only-rerun Timeout >"$logs/$name" 2>&1 &
    printf '%s\n' $! >"$logs/$name.pid"
}

# finish NAME TITLE: waits for it and shows its words.
finish() {
    wait "$(cat "$logs/$1.pid")" || failed="$failed $1"
    printf '\n== %s ==\n' "$2"
    cat "$logs/$1"
}

for version in $others; do
    start "$version" env HYPOTHESIS_PROFILE=few ".venv-$version/bin/python" \
        -m pytest -m "not slow" "$@"
done
for version in $others; do
    finish "$version" "Python $version: all but the slow tests"
done

# What listens to sound waits in real time; beside it all the rest, which has to stand back.
start "$main" env COVERAGE_FILE=.coverage-all nice -n 19 .venv/bin/python \
    -m pytest -m "not sound" -n 2 --cov --cov-report= --cov-fail-under=0 "$@"
start "$main-sound" env COVERAGE_FILE=.coverage-sound .venv/bin/python \
    -m pytest -m sound --cov --cov-report= --cov-fail-under=0 "$@"
finish "$main-sound" "Python $main: the tests of sound"
finish "$main" "Python $main: all others"
.venv/bin/python -m coverage combine -q .coverage-all .coverage-sound
.venv/bin/python -m coverage report || failed="$failed coverage"

[ -z "$failed" ] || {
    printf 'Failed:%s\n' "$failed" >&2
    exit 1
}
