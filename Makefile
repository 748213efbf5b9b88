# Steward. `make` alone lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8000
DATA ?= var
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help
help: ## List the targets, a sentence each
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Set-up
.PHONY: setup requirements
setup: $(READY) ## Make the virtual environment from the hash-pinned requirements
$(READY): requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

requirements: ## Resolve the requirements anew (needs uv)
	uv pip compile --quiet --generate-hashes --python-version 3.11 --extra dev --no-emit-index-url --no-header pyproject.toml -o requirements.txt
