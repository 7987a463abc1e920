# Every target first sets up .venv, when it is missing or older than what it is made from.
# Another interpreter: make clean, then make PYTHON=python3.12 ...

PYTHON ?= python3
BIN := .venv/bin
SET_UP := .venv/.set-up
LOWEST := .venv-lowest/bin
LOWEST_SET_UP := .venv-lowest/.set-up

.DEFAULT_GOAL := help
.PHONY: help set-up check test test-slow test-fuzz test-faults test-lowest demo bench clean

help:  ## list what can be made (this list)
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

set-up: $(SET_UP)  ## the virtual environment in .venv, with the versions of constraints.txt

# torch first and by itself: it is nine tenths of the download, and a failure of it is told apart at once.
$(SET_UP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("bnexp needs Python 3.11 or newer; $(PYTHON) is %d.%d: say make PYTHON=python3.11" % sys.version_info[:2])'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -c constraints.txt torch
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev,optuna,tensorboard]'
	@touch $@

check: $(SET_UP)  ## format, lint, types and the import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

test: $(SET_UP)  ## all tests but the slow ones, and what was skipped and why
	$(BIN)/pytest -rs -n auto --dist loadfile

test-slow: $(SET_UP)  ## the tests that take long, of each of which there is a short one in `make test`
	$(BIN)/pytest -rs -m slow || [ $$? -eq 5 ] # 5: there is none

# The tools of the tests may be of today; linters and types are left out, because their stubs are of newer versions.
$(LOWEST_SET_UP): pyproject.toml constraints.txt constraints-lowest.txt
	$(PYTHON) -m venv .venv-lowest
	$(LOWEST)/python -m pip install --quiet -c constraints.txt torch
	$(LOWEST)/python -m pip install --quiet -c constraints-lowest.txt -e '.[optuna]' build hatchling hypothesis pytest pytest-xdist selenium
	@touch $@

test-lowest: $(LOWEST_SET_UP)  ## all tests but the slow ones with the lowest versions of the libraries
	$(LOWEST)/pytest -rs -n auto --dist loadfile

test-fuzz: $(SET_UP)  ## a million inputs that nobody would think of: files, records, tables (an hour or two)
	$(BIN)/pytest -rs -m fuzz -n auto

test-faults: $(SET_UP)  ## sweeps that are killed, disks that are full, rivals in one store (BNEXP_TEST_KILLS=100)
	$(BIN)/pytest -rs -m faults

demo: $(SET_UP)  ## a small study on the bundled digits, with its report
	$(BIN)/bnexp study=quickstart name=demo

bench: $(SET_UP)  ## a step and its parts, then bnexp beside its peers (make bench ARGS="--root FOLDER_OF_MNIST --only steps,epoch")
	$(BIN)/python scripts/benchmark_step.py
	$(BIN)/python scripts/benchmark_sweep.py $(ARGS)

clean:  ## remove what was built: .venv and .venv-lowest, caches, dist (results in outputs/ stay)
	rm -rf .venv .venv-lowest .mypy_cache .pytest_cache .ruff_cache .import_linter_cache build dist
	find bnexp hydra_plugins scripts tests -name __pycache__ -prune -exec rm -rf {} +
