# Everything a person or CI starts. Each target sets up what it needs first; the second time that
# takes no time (.ci/setup.sh keeps stamps).

SHELL := /bin/bash
.DEFAULT_GOAL := help
.NOTPARALLEL:
export DEEPFACE_BACKEND_ENGINE ?= onnx
# Python keeps what it compiled (__pycache__): without, each of the demo's processes compiles the
# whole portal at every start.
unexport PYTHONDONTWRITEBYTECODE

PY := .venv/bin/python
PORT ?= 8000
FRESH ?=
ONLY ?=
FULL ?=
JOBS ?= 2
export JOBS

.PHONY: help setup setup-test demo test test-services lint types bench pictures messages clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

setup: ## Debian packages, virtual environment, Python packages, model weights
	@bash .ci/setup.sh

setup-test: ## the same and what tests need (a browser)
	@bash .ci/setup.sh --test

# Set-up is steps 1 to 4 of the demo's seven; the command goes on counting and ends with the time.
demo: ## the whole product on this machine (PORT=8000; FRESH=1 starts over)
	@started=$$(date +%s); STEPS=7 bash .ci/setup.sh && \
	PORT=$(PORT) FRESH=$(FRESH) DSR_DEMO_STARTED=$$started exec $(PY) manage.py demo

test: setup-test ## all tests, tier by tier
	@$(PY) .ci/tiers.py

test-services: setup-test ## tests marked db or broker, on PostgreSQL and Redis
	@bash .ci/services.sh $(PY) .ci/tiers.py services

lint: setup ## ruff, import-linter, djlint, deptry
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	.venv/bin/lint-imports
	.venv/bin/djlint --lint --quiet templates
	.venv/bin/deptry .

types: setup ## mypy
	$(PY) -m mypy biometrics dsr_portal

bench: setup ## measured figures, to var/bench.json (ONLY=area; FULL=1: full sizes, hours)
	@DSR_BENCH_FULL=$(FULL) $(PY) -m tests.bench $(if $(ONLY),--only $(ONLY))

pictures: setup-test ## pictures of README and docs, made by walking the tour
	@$(PY) -m pytest -q tests/e2e/test_whole_way.py --pictures docs/pictures

messages: setup ## collect the strings to translate, compile what is translated
	@command -v msgfmt >/dev/null || { echo "Needs gettext: sudo apt-get install -y gettext"; exit 1; }
	$(PY) manage.py makemessages --all --no-obsolete --add-location=file --ignore=.venv --ignore=var --ignore=tests
	$(PY) manage.py compilemessages --ignore=.venv

clean: ## caches and the virtual environment; var/ and the keys stay
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache staticfiles
