# Needs Python >= 3.11 and make; everything else comes hash-pinned into .venv. `make` alone lists what there is.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help up test lint bench quality test-faults test-attack test-pages screens bench-pages fuzz chaos test-stack test-keycloak test-compose test-alarms env lock sbom audit-packages clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: $(READY) ## start the whole network here and keep it running; Ctrl-C stops it
	@exec $(BIN)/joldama up $(ARGS)

test: $(READY) ## every test that needs nothing but this machine and takes nothing away (ARGS="-k word" for some)
	@$(BIN)/python -m services.local.kafka
	@$(BIN)/python -m tests.support.kubernetes
	@exec $(BIN)/python -m pytest -n 4 --durations=40 -m "not (faults or attack or stack or keycloak or pages)" $(ARGS)

test-faults: $(READY) ## servers and processes taken away under load
	@$(BIN)/python -m services.local.kafka
	@exec $(BIN)/python -m pytest -n 2 --durations=40 -m faults $(ARGS)

test-attack: $(READY) ## attacks on a running network, each of which must fail
	@$(BIN)/python -m services.local.kafka
	@exec $(BIN)/python -m pytest -n 2 --durations=20 -m attack $(ARGS)

test-pages: $(READY) ## the console in Debian's Chromium: journeys, every page with axe-core, in three languages
	@deploy/install-chromium
	@$(BIN)/python -m services.local.kafka
	@exec $(BIN)/python -m pytest --durations=20 -m pages $(ARGS)

screens: $(READY) ## pictures of the console into docs/screens
	@deploy/install-chromium
	@exec $(BIN)/python -m tests.pages.screens

bench-pages: $(READY) ## what the pages cost on a slow line, against their budgets (ARGS="--only lists")
	@deploy/install-chromium
	@exec $(BIN)/python -m tests.pages.bench $(ARGS)

fuzz: $(READY) ## Schemathesis on every route of every service (ARGS="--cases 10000")
	@$(BIN)/python -m services.local.kafka
	@exec $(BIN)/python -m tests.fuzz $(ARGS)

chaos: $(READY) ## seeded runs under load with faults, then the invariants (ARGS="--runs 10", ARGS="--seed 17 --runs 1")
	@$(BIN)/python -m services.local.kafka
	@exec $(BIN)/python -m tests.chaos $(ARGS)

lint: $(READY) ## ruff, mypy --strict and the import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY) ## one table of speeds against bare parts
	@exec $(BIN)/python -m tests.bench $(ARGS)

quality: $(READY) ## how far children travel by which policy, beside hindsight's best (ARGS="--months 1 --load 0.7 --seed 2")
	@exec $(BIN)/python -m tests.quality $(ARGS)

test-stack: $(READY) ## the integration tests on PostgreSQL and Redis from Debian's packages
	@exec deploy/test-stack $(ARGS)

test-keycloak: $(READY) ## the network on Keycloak, with the realm of deploy/keycloak
	@$(BIN)/python -m services.local.kafka
	@$(BIN)/python -m tests.support.keycloak
	@exec $(BIN)/python -m pytest --durations=10 tests/keycloak $(ARGS)

test-compose: $(READY) ## the journey against the composed network
	@exec deploy/test-compose $(ARGS)

test-alarms: ## each alarm on promtool: it rings when it should, and not before
	@deploy/test-alarms

env: ## random secrets into .env, for docker compose
	@$(PYTHON) deploy/make_env.py

sbom: $(READY) ## a CycloneDX bill of materials of the image's packages into dist/sbom.json
	@mkdir -p dist
	@$(BIN)/cyclonedx-py requirements deploy/requirements.lock --pyproject pyproject.toml --of JSON -o dist/sbom.json
	@$(BIN)/python -c 'import json; print(len(json.load(open("dist/sbom.json"))["components"]), "packages in dist/sbom.json")'

audit-packages: $(READY) ## known weaknesses of the image's packages, where an advisory service can be reached
	@deploy/audit-packages $(BIN)/pip-audit

lock: ## resolve pyproject.toml anew into the lock files
	@test -x $(BIN)/uv || $(MAKE) $(READY)
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --no-annotate pyproject.toml --all-extras -o requirements.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --no-annotate pyproject.toml -c requirements.lock -o deploy/requirements.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --no-annotate deploy/assets.in -c requirements.lock -o deploy/assets.lock
	$(BIN)/uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --no-annotate --no-deps deploy/kubernetes/tools.in -o deploy/kubernetes/tools.lock

clean: ## remove .venv, downloads and caches; a network's data in .joldama stays
	rm -rf $(VENV) .joldama-cache .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis dist

# The stamp is written last, so an interrupted installation is taken up again, and a changed lock is installed.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; name it, as in: make PYTHON=python3.12" >&2; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV) || \
	  { echo "This Python cannot make a virtual environment (on Debian: apt install python3-venv)" >&2; exit 1; }
	@echo "Installing the pinned packages into $(VENV) (once; a minute or two) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(BIN)/python -m pip check || { echo "requirements.lock is behind pyproject.toml: make lock" >&2; exit 1; }
	@touch $@
