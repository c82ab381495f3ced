# Everything on a fresh machine with Python 3.11 or later: `make demo` shows the whole way, `make test` runs the tests.
# A stamp in .venv remembers what is installed, so a second run starts at once. Another Python: make PYTHON=python3.12 …
# The tests run in two processes; each takes up to 2 GB of memory. Another number: make test PROCESSES=4

SHELL := /bin/sh
.DEFAULT_GOAL := help

# The first Python that mien runs on and that can make virtual environments.
FITS := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	"$$p" -c "$(FITS)" >/dev/null 2>&1 && { echo "$$p"; break; }; done)

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
PROCESSES ?= 2
CHECKED := src tests docs benchmarks

.PHONY: help demo test lint docs clean
help:
	@echo "make demo   draw faces, train, evaluate, export and predict, in a few minutes and offline"
	@echo "make test   run the tests"
	@echo "make lint   check style, format and types"
	@echo "make docs   write the pages that are made from the code"
	@echo "make clean  remove what the other targets made"

demo: $(VENV)/for-demo
	@$(BIN)/mien demo

test: $(VENV)/for-development
	@$(BIN)/python -m pytest --numprocesses $(PROCESSES) --dist loadfile --no-loadscope-reorder

lint: $(VENV)/for-development
	@$(BIN)/ruff check $(CHECKED)
	@$(BIN)/ruff format --check $(CHECKED)
	@$(BIN)/mypy

docs: $(VENV)/for-development
	@$(BIN)/python docs/generate.py

clean:
	@rm -rf $(VENV) demo build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Expected Python 3.11 to 3.13 with its venv module. Received: none on the PATH. \
	Install one (https://www.python.org, or: apt install python3 python3-venv), or name it: make PYTHON=/path/to/python3"; \
	exit 1; } >&2
	@"$(PYTHON)" -m venv $(VENV)

$(VENV)/for-demo: $(BIN)/python pyproject.toml
	@echo "Installing mien with its training libraries into $(VENV) …"
	@$(PIP) -e '.[train]' scikit-image
	@touch $@

$(VENV)/for-development: $(BIN)/python pyproject.toml
	@echo "Installing mien with its development libraries into $(VENV) …"
	@$(PIP) -e '.[dev]'
	@touch $@ $(VENV)/for-demo
