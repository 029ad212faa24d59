# `make` or `make help` lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

export VENV ?= .venv
JOBS ?= 3# processes of tests: much of their time is waiting for Kafka
BIN := $(VENV)/bin
UV := $(VENV)/uv/bin/uv

.PHONY: help
help: ## Show the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 10

.PHONY: run
run: ## Run the whole line; without a jun.toml, a small simulated organisation
	@tools/environment run
	@exec $(BIN)/jun up

.PHONY: test
test: environment ## Make the environment, install what the tests need, run everything
	@tools/programs
	@$(MAKE) --no-print-directory lint
	@echo "== pytest: everything, on real Kafka, Prometheus and Chromium"
	@$(BIN)/pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder -m "not alone" --durations=15
	@echo "== pytest: what measures time, alone"
	@$(BIN)/pytest -m alone

.PHONY: lint
lint: environment ## Look at form, lint, types and import directions
	@echo "== ruff format --check"
	@$(BIN)/ruff format --check
	@echo "== ruff check"
	@$(BIN)/ruff check
	@echo "== mypy (strict)"
	@$(BIN)/mypy
	@echo "== lint-imports"
	@$(BIN)/lint-imports

.PHONY: format
format: environment ## Bring the code into form
	@$(BIN)/ruff check --fix-only --quiet
	@$(BIN)/ruff format

.PHONY: generated
generated: environment ## Write what is made from the program: JSON Schema, docs/configuration.md, docs/metrics.md, boards
	@$(BIN)/jun schemas write
	@$(BIN)/jun config docs --file docs/configuration.md
	@$(BIN)/jun metrics docs --file docs/metrics.md
	@$(BIN)/jun boards write

.PHONY: bench
bench: environment ## Time the worker beside its limits and its peers; benchmarks/latest.json
	@$(BIN)/python -m benchmarks.run

.PHONY: bench-silence bench-hashtags bench-latency bench-exporter bench-push bench-recovery
bench-silence bench-hashtags bench-latency bench-exporter bench-push bench-recovery: bench-%: environment ## Run one other benchmark
	@$(BIN)/python -m benchmarks.$*

.PHONY: bench-replay
bench-replay: environment ## Time a replay beside its limit and the worker, and the backfill of a day
	@$(BIN)/python -m benchmarks.run worker limit-replay replay backfill-day

bench-%: environment ## Run one contestant of bench, for instance bench-worker
	@$(BIN)/python -m benchmarks.run $*

.PHONY: lock
lock: ## Resolve the dependencies anew into the locks; versions that two of them share are the same
	@tools/environment run
	@test -x $(UV) || $(BIN)/python -m pip install --quiet --target $(VENV)/uv uv
	@compile="$(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11"; \
	$$compile --upgrade --all-extras pyproject.toml --output-file requirements-dev.lock; \
	cp requirements-dev.lock requirements.lock; cp requirements-dev.lock requirements-build.lock; \
	$$compile --extra embedded --extra rocksdb --extra sources --extra notify --extra remote-write pyproject.toml --output-file requirements.lock; \
	printf 'hatchling\neditables\ncython\nsetuptools\n' | $$compile - --output-file requirements-build.lock

.PHONY: clean
clean: ## Remove the environment and what tools keep; the state in .jun stays
	@rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache dist

.PHONY: environment
environment:
	@tools/environment test
