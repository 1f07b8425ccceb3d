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

.PHONY: run test quick lint docs test-site release-check matrix benchmarks clean

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

# the site, in docs/_build/html; entries of the gallery that did not change are not run again
docs: $(VENV)/docs
	OMP_NUM_THREADS=1 $(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

# the site and the apps in Chromium, without a network; apt-get installs Chromium where it may
test-site: docs $(VENV)/site
	$(BIN)/python tools/chromium.py
	$(PYTEST) site_tests

release-check:
	$(PYTHON) tools/release.py

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

$(VENV)/docs: $(VENV)/run
	$(PIP) --editable '.[docs]'
	touch $@

$(VENV)/site: $(VENV)/docs
	$(PIP) --editable '.[site]'
	touch $@

clean:
	rm -rf .venv .matrix .release out dist docs/_build docs/gallery docs/reference docs/backreferences .mypy_cache .pytest_cache .ruff_cache
