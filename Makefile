# Everything a person or CI starts. Each target sets up what it needs first; the second time that
# takes no time (.ci/setup.sh keeps stamps).

SHELL := /bin/bash
.DEFAULT_GOAL := help
.NOTPARALLEL:
export DEEPFACE_BACKEND_ENGINE ?= onnx

PY := .venv/bin/python
PORT ?= 8000
FRESH ?=
ONLY ?=
JOBS ?= 2

# pytest ends with 5 where a tier has no test yet; a run of all tiers still needs some (see test).
TIER = $(PY) -m pytest --color=yes -q

.PHONY: help setup setup-test demo test test-services lint types bench pictures messages clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: ## virtual environment, packages, weights
	@bash .ci/setup.sh

setup-test: ## the same and what tests need (a browser)
	@bash .ci/setup.sh --test

demo: setup ## the whole product on this machine (PORT=8000, FRESH=1 starts over)
	@PORT=$(PORT) FRESH=$(FRESH) exec $(PY) manage.py demo

test: setup-test ## all tests, tier by tier
	@$(TIER) -n $(JOBS) tests/unit tests/property
	@$(TIER) -n $(JOBS) tests/integration
	@$(TIER) tests/engine tests/worker
	@$(TIER) tests/e2e

test-services: setup-test ## tests marked db or broker on PostgreSQL and Redis
	@bash .ci/services.sh $(TIER) -m "db or broker"

lint: setup ## ruff, import-linter, djlint, deptry
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	.venv/bin/lint-imports --no-cache
	.venv/bin/djlint --lint --quiet templates
	.venv/bin/deptry .

types: setup ## mypy
	$(PY) -m mypy biometrics dsr_portal tests

bench: setup ## measured figures (ONLY=area), written to var/bench.json
	$(PY) manage.py bench $(if $(ONLY),--only $(ONLY))

pictures: setup-test ## pictures of README and docs, made by walking the tour
	$(PY) manage.py pictures

messages: setup ## collect the strings to translate, compile what is translated
	$(PY) manage.py makemessages --all --ignore=.venv --ignore=var --no-obsolete
	$(PY) manage.py compilemessages --ignore=.venv

clean: ## caches and the virtual environment; var/ (data, keys) stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache staticfiles
