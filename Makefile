# Porchlight. On a fresh machine `make run` is all you need: it prepares what is missing and starts the demo company.

ifeq ($(filter oneshell,$(.FEATURES)),)
$(error This Makefile needs GNU make 4 or newer (on macOS: brew install make, then type gmake))
endif
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help
.PHONY: help setup run demo-reset test torture bench lint format clean

# The first of these that is 3.11 to 3.13 builds the environment; `make setup PYTHON=/path/to/python` names one.
PYTHON ?= python3.13 python3.12 python3.11 python3
ARGS ?=
ROUNDS ?= 50

help: ## show this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 19

setup: .venv/.system .venv/.ready ## prepare this machine: system libraries, virtual environment, packages
	@[ "$(MAKECMDGOALS)" != setup ] || echo "Ready: 'make run' starts Porchlight, 'make test' proves it."

run: setup ## start the demo company and print where to look
	@.venv/bin/flask --app app demo $(ARGS)

demo-reset: setup ## begin the demo company anew
	@.venv/bin/flask --app app demo --reset $(ARGS)

# Each process takes a run of files, and helps the other at the end: what a file sets up is set up once. The
# tests start many processes: what is compiled is kept, even where the environment says not to.
test: export PYTHONDONTWRITEBYTECODE :=
test: setup ## run all tests, on SQLite, on PostgreSQL, in a browser (some: make test ARGS="-k receipt")
	@.venv/bin/python -m pytest -n 2 --dist worksteal $(ARGS)

torture: setup ## kill processes while customers pay, and count (make torture ROUNDS=1000 ARGS="--database postgresql")
	@.venv/bin/python -m tests.torture --rounds $(ROUNDS) $(ARGS)

bench: setup ## print the benchmarks
	@.venv/bin/python -m tests.benchmarks $(ARGS)

lint: setup ## check style and format
	@.venv/bin/ruff check .
	.venv/bin/ruff format --check .

format: setup ## put style and format right
	@.venv/bin/ruff check --fix-only --quiet .
	.venv/bin/ruff format .

clean: ## remove the virtual environment and the caches; data stays
	@rm -rf .venv .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- what setup does -----------------------------------------------------------------------------------------

SUITS := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))
find_python = for each in $(PYTHON); do "$$each" -c '$(SUITS)' 2>/dev/null && echo "$$each" && break; done | grep .

# A running Porchlight needs no test tools: where they cannot be installed, these two only say so.
run demo-reset: export WITHOUT_TEST_TOOLS := yes

# Missing system packages, by Debian's names; whether one is there is asked by its effect, whoever installed it.
.venv/.system:
	@python=$$($(find_python)) || true
	lacks() { [ "$$(uname)" = Linux ] && ! "$$python" -c "import ctypes; ctypes.CDLL('$$1')" 2>/dev/null; }
	need= tools=
	if [ -z "$$python" ]; then need+=" python3 python3-venv"; fi
	if lacks libpango-1.0.so.0; then need+=" libpango-1.0-0"; fi
	if lacks libpangoft2-1.0.so.0; then need+=" libpangoft2-1.0-0"; fi
	if lacks libharfbuzz-subset.so.0; then need+=" libharfbuzz-subset0"; fi  # a PDF in a quarter of the time
	if ! fc-list 2>/dev/null | grep -q .; then need+=" fontconfig fonts-dejavu-core"; fi
	if ! command -v chromium chromium-browser google-chrome >/dev/null; then tools+=" chromium"; fi
	if ! command -v pdftotext >/dev/null; then tools+=" poppler-utils"; fi
	if ! PATH="$$PATH:/usr/sbin" command -v dovecot >/dev/null; then tools+=" dovecot-imapd"; fi
	root=; if [ "$$(id -u)" != 0 ]; then root="sudo -n"; fi
	apt() { $$root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o=Dpkg::Use-Pty=0 "$$@" >/dev/null; }
	again() { [ -z "$$need" ] && [ -e .venv/.ready ] && [ "$${WITHOUT_TEST_TOOLS-}" ]; }
	if [ "$$need$$tools" ] && ! again && command -v apt-get >/dev/null && $$root true 2>/dev/null; then
		echo "Installing system packages:$$need$$tools"
		apt update || true
		if [ -z "$$need" ] || apt install --no-install-recommends $$need; then need=; fi
		if [ -z "$$tools" ] || apt install --no-install-recommends $$tools; then tools=; fi
	fi
	if [ "$$need$$tools" ]; then
		if [ -z "$$need" ]; then echo -n "For the tests only: " >&2; fi
		echo "please install (names of Debian's packages): sudo apt-get install --no-install-recommends$$need$$tools" >&2
		[ -z "$$need" ] && [ "$${WITHOUT_TEST_TOOLS-}" ]
	else
		mkdir -p .venv && touch $@
	fi

# The packages of the lock, compiled ahead (the payment SDK takes a second and 170 MB otherwise) and tried out.
.venv/.ready: requirements.txt | .venv/.system
	@python=$$($(find_python)) || { echo "No Python from 3.11 to 3.13 here: name one, 'make setup PYTHON=...'." >&2; exit 1; }
	if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then rm -rf .venv/bin .venv/lib*; "$$python" -m venv .venv; fi
	echo "Installing $$(grep -c == $<) packages for $$(.venv/bin/python --version) into .venv (about half a minute) ..."
	pip() { .venv/bin/python -m pip install -qq --disable-pip-version-check --no-compile --no-deps "$$@"; }
	pip $$(grep '^setuptools==' $<)
	pip --no-build-isolation -r $<
	.venv/bin/python -m compileall -q -j 0 .venv/lib
	.venv/bin/python -c 'import authorizenet.apicontractsv1, weasyprint, psycopg, argon2, flask_admin.contrib.peewee'
	touch $@
