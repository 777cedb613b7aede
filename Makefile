.DEFAULT_GOAL := help
.PHONY: help setup lock frameworks up demo test faults fuzz check format bench clean

PYTHON ?= python3
BIN := .venv/bin

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.ready ## Make the virtual environment from requirements.lock

.venv/.ready: requirements.lock pyproject.toml infra/setup
	@PYTHON=$(PYTHON) infra/setup
	@touch $@

lock: setup ## Pin every version again, with hashes, into requirements.lock
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-annotate --system-certs --upgrade --quiet \
		--custom-compile-command "make lock" --output-file requirements.lock

frameworks: setup ## Fetch the rules by which frameworks are known again
	$(BIN)/python infra/frameworks.py

up: setup ## Start the whole plane here; stop it with Ctrl-C
	@$(BIN)/shipbook up

demo: setup ## Deploy a real repository on a plane of its own (CI=1 ends by itself)
	@$(BIN)/python -m services.demo $(if $(CI),--once)

test: setup ## Run all tests
	@$(BIN)/pytest -n 2 --dist loadgroup

faults: setup ## Kill, cut and starve every part, N times over (N=300)
	@SHIPBOOK_FAULTS=$(or $(N),300) $(BIN)/pytest tests/faults

fuzz: setup ## Send whatever the API's description allows, and does not (N=20 times as much as the tests do)
	@SHIPBOOK_FUZZ=$(or $(N),20) $(BIN)/pytest --timeout 7200 tests/dialects/test_fuzzing.py

check: setup ## Format, lint, types, import contracts, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@$(MAKE) --no-print-directory test

format: setup ## Write the format and the lint fixes
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup ## Measure, and write bench/RESULTS.md (B=name for one)
	@$(BIN)/python -m bench $(B)

clean: ## Remove everything that setup and tests made
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis
