# Everything a fresh machine needs is Python 3.11 or newer and GNU make: each target makes the virtual
# environment and installs from the package index by itself, and does neither again until setup.cfg changes.

PYTHON ?= python3
ARGS ?=
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help demo test lint bench

help: ## list what you can ask for
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .venv/installed ## build the demo year and serve it on http://127.0.0.1:5000 (ARGS="--full" for its real size)
	$(BIN)/achterban demo $(ARGS)

test: .venv/installed-dev ## run the tests on SQLite and PostgreSQL (ARGS="-n 2 tests/giving")
	$(BIN)/pytest $(ARGS)

lint: .venv/installed-dev ## check style, formatting and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: .venv/installed-bench ## run the benchmarks, peers included, one after another (ARGS="--quick")
	@set -e; for script in benchmarks/[a-z]*.py; do \
		echo "== $$script"; $(BIN)/python "$$script" $(ARGS); \
	done

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "achterban needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) --version 2>&1)." >&2; \
		echo "Install a newer one and name it: make PYTHON=python3.13 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; \
		echo "Python could not make a virtual environment; on Debian or Ubuntu: apt install python3-venv" >&2; exit 1; }

.venv/installed: setup.cfg pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --editable '.[mollie,stripe]'
	@touch $@

.venv/installed-dev: setup.cfg pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --editable '.[dev]'
	@touch .venv/installed $@

.venv/installed-bench: setup.cfg pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --editable '.[dev,bench]'
	@rm -rf .venv/lib/python3*/site-packages/tests  # a peer brings its own, which would hide ours
	@touch .venv/installed .venv/installed-dev $@
