# Two commands are all the set-up there is: make run, make test.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MESSAGES ?= 100000

.PHONY: help run test check format messages test-browser bench load chaos clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo 'Hongyan needs Python 3.11 or newer. Name one: make PYTHON=python3.12 run'; exit 1; }
	$(PYTHON) -m venv $(VENV)

# A stamp newer than the requirements says that the environment is fresh.
$(VENV)/.demo: requirements.txt requirements-demo.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-demo.txt
	@touch $@

$(VENV)/.dev: requirements.txt requirements-demo.txt requirements-dev.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@ $(VENV)/.demo

run: $(VENV)/.demo ## everything on this machine: admin, API, worker, clock, simulated WeChat, Redis
	@HONGYAN_DEMO=1 exec $(BIN)/python manage.py demo

test: $(VENV)/.dev ## all tests, on SQLite and on PostgreSQL; needs nothing running
	$(BIN)/python -m pytest -q -n 3
	HONGYAN_TEST_DATABASE=postgresql $(BIN)/python -m pytest -q -n 3

check: $(VENV)/.dev ## lint, types, missing migrations, stale translations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	HONGYAN_DEMO=1 $(BIN)/mypy
	HONGYAN_DEMO=1 $(BIN)/python manage.py makemigrations --check --dry-run
	HONGYAN_DEMO=1 $(BIN)/python manage.py check

format: $(VENV)/.dev ## what ruff can mend by itself
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

messages: $(VENV)/.dev ## collect texts to translate, and compile the catalogues
	$(BIN)/python -m tests.catalogues

test-browser: $(VENV)/.dev ## pages in a headless Chromium (CHROMIUM=/path/to/chromium)
	$(BIN)/python -m pytest -q --override-ini addopts="-p tests.services --strict-markers" tests/browser

# What Hongyan is compared with has an environment of its own.
.venv-rivals/.ready: tests/benchmarks/rivals/requirements.txt
	$(PYTHON) -m venv .venv-rivals
	.venv-rivals/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

bench: $(VENV)/.dev .venv-rivals/.ready ## measures, side by side in one run, as ratios (BENCH=accept: a part)
	$(BIN)/python -m tests.benchmarks $(BENCH)

# The callers of the load test, too: gevent and Flask are nothing of Hongyan's.
.venv-load/.ready: tests/load/requirements.txt
	$(PYTHON) -m venv .venv-load
	.venv-load/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

load: $(VENV)/.dev .venv-load/.ready ## more and more callers until it is full, and what is full (LOAD="--scenario mixed --web 2")
	$(BIN)/python -m tests.load .venv-load/bin/locust $(LOAD)

chaos: $(VENV)/.dev ## a storm: all is killed while messages are accepted; none lost, none doubled (MESSAGES=3000 SEED=7), nothing leaked (HUNT=1)
	$(BIN)/python -m tests.chaos.storm --messages $(MESSAGES) $(if $(SEED),--seed $(SEED)) $(if $(HUNT),--hunt)

clean: ## removes the environment and the demo's data
	rm -rf $(VENV) .venv-rivals .venv-load var
