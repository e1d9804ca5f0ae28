# Two commands for everybody: `make demo` and `make test`. Each sets up .venv by itself.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed-
# Two workers: more do not help on the small machines that this is meant for; set WORKERS=8 on a big one.
WORKERS ?= 2

.PHONY: demo demo-quick test test-slow lint docs check bench clean help

help:            ## this list
	@grep -E '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

demo: $(STAMP)demo  ## the main job: simulate, check, train, evaluate; writes demo/report.html (under ten minutes)
	$(BIN)/finegym demo --out demo

demo-quick: $(STAMP)demo  ## the same, smoke-sized (about half of that)
	$(BIN)/finegym demo --out demo-quick --quick

test: $(STAMP)dev $(STAMP)system $(STAMP)web  ## every test but the slow ones
	OMP_NUM_THREADS=1 PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

test-slow: $(STAMP)dev  ## the slow tests only
	$(BIN)/python -m pytest -m slow

lint: $(STAMP)dev  ## ruff and mypy
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy

docs: $(STAMP)dev  ## build the documentation into site/
	$(BIN)/mkdocs build --strict --quiet

check: lint test docs  ## all of it, before a commit

bench: $(STAMP)dev  ## every benchmark, one after the other (on a quiet machine)
	for program in benchmarks/*.py; do $(BIN)/python $$program || exit 1; done

clean:           ## forget the environment and what the demo made
	rm -rf $(VENV) demo demo-quick site

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "finegym needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version). Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "could not make $(VENV): on Debian, install python3-venv first"; exit 1; }

$(STAMP)demo: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[lite]'
	@touch $@

# For the tests alone, everything else brings its own: FFmpeg's libraries (torchcodec), a browser and a database server (the app).
SYSTEM := ffmpeg chromium postgresql
$(STAMP)system: | $(BIN)/python
	@{ ldconfig -p 2>/dev/null | grep -q libavcodec.so && command -v chromium && ls /usr/lib/postgresql/*/bin/initdb; } >/dev/null 2>&1 \
	  || { [ "$$(id -u)" = 0 ] && apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $(SYSTEM); } >/dev/null 2>&1 \
	  || echo "$(SYSTEM): not all on this machine, and they could not be installed: the tests that need them skip"
	@touch $@

# What the web pages' own tests are run with; Node is the machine's, or that of a PyPI package.
$(STAMP)web: web/package-lock.json | $(STAMP)dev
	@cd web && PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --no-audit --no-fund --silent
	@touch $@

$(STAMP)dev: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --editable '.[lite,dev]'
	@touch $@
