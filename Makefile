# Needs make and Python 3.11 or 3.12, nothing else. `make help` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VENV ?= .venv
PORT ?= 8000
DATA ?= ./taskgraft-data
# Another package index for torch, for example a CPU-only one (the default one of some platforms brings gigabytes of CUDA).
TORCH_INDEX ?=
# The first interpreter that runs, is 3.11 or 3.12, and can make environments; a name on PATH alone proves nothing (pyenv's shims).
PYTHON ?= $(shell for python in python3 python3.12 python3.11; do \
	if $$python -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null; \
	then echo $$python; break; fi; done)
# One thread a process in tests and benchmarks: several processes share the machine, and results repeat bit for bit.
ONE_THREAD := OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
TESTS ?=
# How many processes the tests are spread over, file by file.
WORKERS ?= 2

.PHONY: help install demo up test lint bench bench-h2o accept clean

help: ## list the targets
	@grep -hE '^[a-zA-Z0-9%_-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([^:]+):.*## /\1\t/' | expand -t 16

install: $(STAMP) ## make .venv with the pinned dependencies (TORCH_INDEX=… names another index for torch)

$(STAMP): constraints.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "expected Python 3.11 or 3.12 with venv as python3, python3.12 or python3.11; found none: name one with PYTHON=…"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(STAMP) ## start everything in a temporary folder, train, predict and cancel over HTTP, stop it all
	$(BIN)/taskgraft demo

up: $(STAMP) ## run the service on this machine (PORT=8000 DATA=./taskgraft-data); Ctrl-C stops it
	$(BIN)/taskgraft up --data $(DATA) --port $(PORT)

test: $(STAMP) ## the whole suite, on SQLite, a real PostgreSQL and a real Redis (TESTS=tests/store for a part)
	$(ONE_THREAD) $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(TESTS)

lint: $(STAMP) ## ruff, strict types, the import contracts, the ban list
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/test_house.py

bench: $(STAMP) ## every benchmark, one after the other (minutes); results in benchmarks/results
	@for file in benchmarks/[a-z][0-9]*_*.py; do name=$$(basename $$file .py); $(MAKE) --no-print-directory bench-$${name%%_*}; done

bench-%: $(STAMP) ## one benchmark by its number, as in make bench-j1
	$(ONE_THREAD) $(BIN)/python -m benchmarks.$(notdir $(basename $(wildcard benchmarks/$*_*.py)))

bench-h2o: ## install H2O-3, the other side of benchmark j1, into an environment of its own (needs Java to run)
	@test -x .venv-h2o/bin/python || $(PYTHON) -m venv .venv-h2o
	.venv-h2o/bin/python -m pip install --quiet --disable-pip-version-check h2o==3.46.0.12

accept: $(STAMP) ## what is learned over HTTP beside the papers (half an hour); those that need data run where TASKGRAFT_DATA names it
	@for file in benchmarks/accept_*.py; do name=$$(basename $$file .py); $(MAKE) --no-print-directory accept-$${name#accept_}; done

accept-%: $(STAMP) ## one of them, as in make accept-m1
	@echo "$*"
	@$(ONE_THREAD) $(BIN)/python -m benchmarks.accept_$*

clean: ## remove the environments and every cache; the service's data stays
	rm -rf $(VENV) .venv-h2o .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist *.egg-info
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +
