# The two commands for a fresh Debian or Ubuntu machine with Python 3.11 are `make up` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PYTEST_ARGS ?=

.PHONY: help up down status check test format constraints clean

help: ## Show the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

up: $(INSTALLED) ## Install if need be, start Kansatsu in the background, say what to type next
	@scripts/up.sh $(BIN)

down: ## Stop it
	@scripts/down.sh $(BIN)

status: ## Show whether it runs
	@$(BIN)/kansatsu status

check: $(VENV)/.installed-dev ## Lint, format, types, layers, documentation
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest tests/docs/test_complete.py

test: $(VENV)/.installed-dev ## Install what the tests need (as root), and run them all
	@scripts/test-machine.sh
	@scripts/test.sh $(BIN) $(PYTEST_ARGS)

format: $(VENV)/.installed-dev ## Put the source in form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

constraints: ## Take the newest release of every dependency; run the tests before you commit them
	@scripts/constraints.sh constraints.txt

clean: ## Remove the virtual environment and caches; data stay
	rm -rf $(VENV) .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(VENV)/bin/python:
	@PYTHON="$(PYTHON)" scripts/venv.sh $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	@scripts/install.sh $(VENV) '.[aws]'
	@touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(VENV)/bin/python
	@scripts/install.sh $(VENV) '.[aws,dev]'
	@touch $@ $(VENV)/.installed
