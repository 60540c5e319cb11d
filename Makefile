# Everything sets itself up: a virtual environment in .venv, system packages where they are missing.
# PYTHON=/path/to/python chooses the Python of .venv.

.NOTPARALLEL:
.DEFAULT_GOAL := help
.PHONY: help demo test quick lint format docs bench audio dist clean

RUN := .venv/bin/python -m
TYPED := inworld_rt samples benchmarks

help:  ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo:  ## show what this package does; needs no account and no sound card
	@scripts/setup.sh demo
	@.venv/bin/python -m inworld_rt demo

test:  ## all that CI runs: format, lint, types, tests on every Python from 3.10 to 3.13 found
	@scripts/test.sh

quick:  ## the quick tests, on one Python
	@scripts/setup.sh dev
	@$(RUN) pytest -q -m "not slow"

lint:  ## format, lint, types
	@scripts/setup.sh dev
	$(RUN) ruff format --check .
	$(RUN) ruff check .
	$(RUN) mypy $(TYPED)

format:  ## put the code into shape
	@scripts/setup.sh dev
	$(RUN) ruff check --fix-only .
	$(RUN) ruff format .

docs:  ## the documentation, in docs/_build; starts at index.html there
	@scripts/setup.sh dev
	@$(RUN) sphinx -W --keep-going -n -q -j auto docs docs/_build
	@echo "Made: docs/_build/index.html"

audio:  ## install PyAudio, for the microphone and the speaker
	@scripts/setup.sh audio

dist:  ## sdist and wheel, in dist/
	@scripts/setup.sh dev
	$(RUN) build

bench:  ## measure speed, against the floor and against others
	@scripts/setup.sh dev
	@$(RUN) benchmarks

clean:  ## remove all that was made here, the virtual environments too
	rm -rf .venv .venv-* build dist docs/_build *.egg-info .coverage* .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +
