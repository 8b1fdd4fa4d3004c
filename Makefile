# make run   sets up and serves; prints the address to open
# make test  sets up and runs every check and test
# make bench ARGS="scenario3 --seconds 20"

# The distribution's Python first: it is built with profile and link-time optimisation, which a
# plain build from source is not, and a media worker lives from the interpreter's speed.
PYTHON ?= $(shell .ci/find-python)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
ARGS ?=
SERIAL := browser or netns or bench

.PHONY: run test lint types web-types unit bench clean

run: $(VENV)/.app
	$(BIN)/python -m signaling $(ARGS)

test: $(VENV)/.dev $(VENV)/.system
	$(MAKE) --no-print-directory --jobs 2 --output-sync=target lint types web-types
	$(MAKE) --no-print-directory unit

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.dev
	$(BIN)/mypy

web-types: $(VENV)/.system
	.ci/web

# What needs the machine to itself comes second, one test after the other.
unit: $(VENV)/.dev $(VENV)/.system
	$(BIN)/python -m pytest -m 'not ($(SERIAL))' --numprocesses 2 --dist loadfile
	$(BIN)/python -m pytest -m '$(SERIAL)'

bench: $(VENV)/.dev
	$(BIN)/python -m bench $(ARGS)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo 'Python 3.11 or newer is needed; this is' "$$($(PYTHON) --version)"; exit 1; }
	$(PYTHON) -m venv $(VENV) \
	  || { rm -rf $(VENV); echo 'Install the venv module first: apt install python3-venv'; exit 1; }

# Nothing is installed whose SHA-256 does not stand in the lock file, not even to build with.
$(VENV)/.app: requirements.lock pyproject.toml | $(VENV)/bin/python
	$(PIP) --require-hashes -r requirements.lock
	$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.app
	$(PIP) --require-hashes -r requirements-dev.lock
	@touch $@

# Browsers and peers that the tests drive: installed when root, named when not.
$(VENV)/.system: .ci/system-packages | $(VENV)/bin/python
	.ci/system-packages
	@touch $@

clean:
	rm -rf $(VENV) node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis
