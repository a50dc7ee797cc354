# The verbs of the project. On a fresh machine with Python 3.11, make and git each one first
# sets up what it needs; `make` alone lists them.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

UI ?= 1
WORKERS ?= 2
ROUNDS ?= 3
PHASES ?=
NETWORK ?= 1
export SHOPTHREAD_PYTHON ?=
# Nothing that a verb starts calls home.
export DAGSTER_DISABLE_TELEMETRY := yes
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export GX_ANALYTICS_ENABLED := false
STATE := $(abspath $(or $(SHOPTHREAD_HOME),var))
PY := .venv/bin/python
BIN := .venv/bin
LINTBIN := .venv-lint/bin

# What an environment is made from; a stamp that is newer than all of it is up to date.
RUN := .venv/.made-from-run
DEV := .venv/.made-from-dev
LINT := .venv-lint/.made-from-lint
OLD_READER := .venv-duckdb1/.made-from-duckdb1
MANIFEST := dbt_project/target/manifest.json
DBT_FILES := $(shell find dbt_project -type f \( -name '*.sql' -o -name '*.yml' -o -name '*.csv' \) \
	-not -path '*/target/*' 2>/dev/null)
# NETWORK=0: the tests and all they start reach this machine and no other.
OFFLINE := $(if $(filter 0 no false,$(NETWORK)),$(PY) -m tools.offline)
# Files in the order of tests/conftest.py, so that no worker waits for the other at either end.
PYTEST := $(OFFLINE) $(PY) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

.PHONY: help setup demo dev test test-all lint format lock golden bench docs

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(RUN) $(MANIFEST) ## make .venv from the lock and parse the dbt project

demo: setup ## one full run on the sample data, its report, then the UI (UI=0: no UI)
	@$(BIN)/shopthread demo $(if $(filter 0 no false,$(UI)),--no-ui)

dev: $(DEV) $(MANIFEST) $(STATE)/dagster/dagster.yaml ## the Dagster UI with its daemon, reloading code
	@DAGSTER_HOME=$(STATE)/dagster $(BIN)/dagster dev --host 127.0.0.1 --workspace workspace.yaml

test: $(DEV) $(OLD_READER) $(MANIFEST) ## the fast tests, under ten minutes on two cores (ARGS=… goes to pytest, NETWORK=0 denies it)
	@$(PYTEST) $(ARGS)

test-all: $(DEV) $(OLD_READER) $(MANIFEST) ## every test, slow, long and browser ones too (ARGS='-m "not long"': in an hour)
	@$(PYTEST) -m "" $(ARGS)

lint: $(DEV) $(LINT) $(MANIFEST) ## style, types, borders, SQL, words, dependencies, locks
	@$(MAKE) --keep-going $(LINT_STEPS)

format: $(LINT) ## let ruff and sqlfmt lay out Python and SQL
	@$(LINTBIN)/ruff check --quiet --fix . || true
	@$(LINTBIN)/ruff format .
	@$(LINTBIN)/sqlfmt --quiet dbt_project

lock: $(RUN) ## resolve the locks in requirements/ again (UPGRADE=1: newest versions)
	@$(PY) -m tools.lock $(if $(UPGRADE),--upgrade)

golden: $(DEV) $(MANIFEST) ## write the expected tables in tests/golden again; review the diff
	@$(PYTEST) tests -m golden --update-golden $(ARGS)

bench: $(DEV) $(MANIFEST) ## what a run costs against plain floors (PHASES="publish query", ROUNDS=3)
	@$(PY) -m bench.phases --rounds $(ROUNDS) $(PHASES)

docs: $(DEV) ## write what is generated again: docs/reference, the dbt sources
	@$(PY) -m tools.mission --write
	@$(PY) -m tools.dbt_sources --write

LINT_STEPS := lint-python lint-types lint-borders lint-sql lint-models lint-yaml lint-words \
	lint-dependencies lint-locks lint-docs
.PHONY: $(LINT_STEPS)

lint-python:
	$(LINTBIN)/ruff check .
	$(LINTBIN)/ruff format --check .

lint-types:
	$(LINTBIN)/mypy --python-executable $(PY)

lint-borders:
	PYTHONPATH=. $(LINTBIN)/lint-imports

lint-sql:
	$(LINTBIN)/sqlfmt --check --quiet dbt_project

lint-models:
	$(LINTBIN)/dbt-bouncer --config-file dbt-bouncer.yml

lint-yaml:
	$(LINTBIN)/yamllint --strict .

lint-words:
	$(LINTBIN)/codespell
	$(PY) -m tools.tidy

lint-dependencies:
	$(BIN)/deptry .

lint-locks:
	$(PY) -m tools.lock --check

lint-docs:
	$(PY) -m tools.mission --check
	$(PY) -m tools.dbt_sources --check

$(RUN): tools/make-env.sh requirements/bootstrap.txt requirements/run.txt pyproject.toml
	@tools/make-env.sh .venv run

$(DEV): $(RUN) requirements/dev.txt
	@tools/make-env.sh .venv dev

$(LINT): tools/make-env.sh requirements/bootstrap.txt requirements/lint.txt
	@tools/make-env.sh .venv-lint lint

# The tests open published files with the oldest client that readers may bring.
$(OLD_READER): tools/make-env.sh requirements/bootstrap.txt requirements/duckdb1.txt
	@tools/make-env.sh .venv-duckdb1 duckdb1

# Parsing reads no data and opens no database.
$(MANIFEST): $(RUN) $(DBT_FILES)
	@$(PY) -m tools.manifest
	@touch $@

$(STATE)/dagster/dagster.yaml: dagster.yaml
	@mkdir -p -m 700 $(@D) && cp $< $@
