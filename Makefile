# Steward. `make` alone lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8000
DATA ?= var
BASE_PORT ?= 8100
WORKERS ?= 2
READY := $(VENV)/.ready
JARS := deploy/kafka/libs/.complete
NODE := tests/contracts/asyncapi examples/subscriber-typescript examples/client-typescript

.DEFAULT_GOAL := help
.PHONY: help
help: ## List the targets, a sentence each
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Set-up
.PHONY: setup kafka node-tools requirements
setup: $(READY) ## Make the virtual environment from the hash-pinned requirements
$(READY): requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

kafka: $(JARS) ## Fetch the jars of an Apache Kafka broker for `make up` and the tests (needs Maven)
$(JARS): deploy/kafka/pom.xml deploy/kafka/libs.sha256
	@command -v mvn > /dev/null || { echo "Kafka's jars are fetched by Maven: install maven and a Java of at least 17" >&2; exit 1; }
	rm -rf deploy/kafka/libs
	cd deploy/kafka && mvn --batch-mode --quiet dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory=libs
	cd deploy/kafka/libs && $$(command -v sha256sum || echo shasum -a 256) --check --status ../libs.sha256
	@touch $@

node-tools: $(NODE:%=%/node_modules/.package-lock.json) ## Install what the AsyncAPI check and the TypeScript examples need (needs npm)
%/node_modules/.package-lock.json: %/package-lock.json
	cd $* && npm ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

requirements: ## Resolve the requirements anew (needs uv)
	uv pip compile --quiet --generate-hashes --python-version 3.11 --extra dev --no-emit-index-url --no-header pyproject.toml -o requirements.txt

##@ Run
.PHONY: run demo up down
run: setup ## Start everything in one process on 127.0.0.1 (PORT=8000 DATA=var; SIMULATE=1: with people at work)
	@STEWARD_SIMULATE=$(SIMULATE) $(BIN)/python -m shared.run --embedded --port $(PORT) --data $(DATA)

demo: setup ## Tell a story, from an alert to the proof, with the events that each step caused (takes a minute)
	@$(BIN)/python -m cli.demo

up: setup kafka ## Start it as in production: PostgreSQL, Kafka, a process per service (BASE_PORT=8100 DATA=var)
	@$(BIN)/python -m shared.local.up --port $(BASE_PORT) --data $(DATA)

down: setup ## Stop what `make up` started; the data stays
	@$(BIN)/python -m shared.local.down --data $(DATA)

##@ Prove
.PHONY: check test test-long tools bench faults capabilities
check: setup ## Lint, format, types and import rules; changes nothing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy examples/subscriber-python
	$(BIN)/lint-imports

# Without Java, npm or kcat the tests that need them are skipped and say so; where CI=true everything has to be there.
tools: setup
	@$(MAKE) --no-print-directory kafka node-tools || test "$$CI" != true

test: tools ## Run the tests, on a real PostgreSQL and a real Kafka (WORKERS=2 at a time)
	$(BIN)/pytest -m "not long" -n $(WORKERS) --dist loadfile

test-long: tools ## Run the tests that take minutes
	$(BIN)/pytest -m long --timeout 1800

bench: setup kafka ## Measure against hand-written code and pgbench, in one run (JSON=file keeps the figures)
	$(BIN)/python -m bench $(if $(JSON),--json $(JSON))

faults: setup kafka ## Kill every part while people work, and check that nothing is lost, doubled or inverted (SEED=n)
	@$(BIN)/python -m tests.faults $(if $(SEED),--seed $(SEED)) $(if $(KILLS),--kills $(KILLS))

capabilities: setup ## List the capabilities with the tests that prove each
	$(BIN)/python -m tests.capabilities

##@ Work on it
.PHONY: format schemas map migration clean
format: setup ## Put the code into the house's form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

schemas: setup ## Write schemas, examples and the page of events anew from the event classes
	$(BIN)/python -m contracts.publish

map: setup ## Print what each service owns, publishes and consumes
	@$(BIN)/python -m shared.run --map

migration: setup ## Draft a migration from what the tables say (SERVICE=incident NAME="what changes")
	@test -n "$(SERVICE)" -a -n "$(NAME)" || { echo 'say which: make migration SERVICE=incident NAME="what changes"' >&2; exit 2; }
	$(BIN)/python -m shared.run $(SERVICE) --revise "$(NAME)" --data $(DATA)/draft

clean: ## Remove caches and fetched tools; data and the virtual environment stay
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache deploy/kafka/libs $(NODE:%=%/node_modules) examples/*/build
	find . -name __pycache__ -not -path "./$(VENV)/*" -prune -exec rm -rf {} +
