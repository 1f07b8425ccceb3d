# `make run` and `make test` need only Python 3.11 or newer with venv; everything else goes into .venv.
PYTHON ?= python3
VENV ?= .venv
CONSTRAINTS ?= constraints.txt
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint $(CONSTRAINTS)
# one process a core; tests/conftest.py keeps each to one thread
PYTEST := $(BIN)/python -m pytest --numprocesses auto --dist worksteal
# where mypy finds the stubs it reads
STUBS ?= $(BIN)/python

.PHONY: run test quick lint matrix benchmarks clean

run: $(VENV)/run
	$(BIN)/python -m jkoflow

test: lint
	$(PYTEST)

quick: $(VENV)/dev
	$(PYTEST) -m 'not slow'

lint: $(VENV)/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy --python-executable $(STUBS)

matrix:
	$(PYTHON) tools/matrix.py

benchmarks: $(VENV)/run
	for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

$(VENV)/run: pyproject.toml $(CONSTRAINTS)
	$(PYTHON) -m venv $(VENV)
	$(PIP) --editable .
	touch $@

$(VENV)/dev: $(VENV)/run
	$(PIP) --editable '.[dev]'
	touch $@

clean:
	rm -rf .venv .matrix out .mypy_cache .pytest_cache .ruff_cache
