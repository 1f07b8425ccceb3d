# `make run` and `make test` need only Python 3.11 or newer with venv; everything else goes into .venv.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: run test lint benchmarks clean

run: .venv/run
	$(BIN)/python -m jkoflow

test: lint
	$(BIN)/python -m pytest

lint: .venv/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

benchmarks: .venv/run
	for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

.venv/run: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	touch $@

.venv/dev: .venv/run
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

clean:
	rm -rf .venv out .mypy_cache .pytest_cache .ruff_cache
