# On a machine with Python 3.11 or newer and git:
#   make run     install into .venv, then simulate the diabetes scenario into outputs/
#   make test    install what the tests need, too, and run them all
#   make check   the style, the types, the direction of imports
#   make bench   the benchmarks; see benchmarks/README.md

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
BIN = $(VENV)/bin
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check

unexport PYTHONPATH PYTHONHOME

.PHONY: run test check bench

run: $(VENV)/installed
	$(BIN)/sim run scenarios/diabetes

test: $(VENV)/installed-dev
	$(BIN)/python -m pytest -n auto

check: $(VENV)/installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/installed-peers
	$(BIN)/python benchmarks/kernel.py
	$(BIN)/python benchmarks/end_to_end.py
	$(BIN)/python benchmarks/first_patient.py
	$(BIN)/python benchmarks/runtimes.py
	$(BIN)/python benchmarks/check.py
	$(BIN)/python benchmarks/measure.py

$(VENV)/installed: pyproject.toml
	@echo "installing into $(VENV), which takes a minute or two the first time"
	$(PYTHON) -m venv --clear $(VENV)
	$(INSTALL) --editable .
	touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(INSTALL) --editable '.[dev]'
	touch $@

$(VENV)/installed-peers: $(VENV)/installed
	$(INSTALL) --editable '.[peers]'
	touch $@
