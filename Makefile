# Every verb works from a clean clone; `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEMO_ARGS ?=
SERVE_ARGS ?=
TEST_ARGS ?=
FUZZ_PAYLOADS ?= 100000
FUZZ_SEED ?=
OVERLOAD_SECONDS ?= 60
SOAK_SECONDS ?= 1200
# `make crash` runs them; in `make test` the short form of tests/faults/test_crash_matrix.py kills the same processes.
DEATHS_OF_THEIR_OWN := --deselect tests/process/test_crash.py --deselect tests/process/test_firing_crash.py
FAULT_MOMENTS ?= 200
FAULT_SEED ?= 0

.PHONY: help setup shop demo serve test nightly fuzz crash overload faults soak erase check audit security observe restore upgrade bench docs screenshots lock clean

help:  ## list the verbs
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP)  ## make .venv with everything, at pinned versions

$(STAMP): pyproject.toml requirements/dev.txt
	PYTHON=$(PYTHON) scripts/system-deps
	$(PYTHON) -m venv $(VENV)
	command -v uv >/dev/null || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	PATH="$(BIN):$$PATH" uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements/dev.txt
	PATH="$(BIN):$$PATH" uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	touch $@

shop: setup  ## build the shop page of the demo into .build/shop, with Node
	$(BIN)/python scripts/build_shop.py

# Without Node, or if its build fails, the demo runs without the page, and says so.

demo: setup  ## run a server, simulated shoppers and a shop to visit, and watch (DEMO_ARGS=--once)
	@$(BIN)/python scripts/build_shop.py || true
	$(BIN)/snowmelt demo $(DEMO_ARGS)

serve: setup  ## run a server on ./snowmelt-data (SERVE_ARGS="--port 8080")
	$(BIN)/snowmelt serve $(SERVE_ARGS)

test: setup  ## install what the tests need and run them all
	PYTHON=$(PYTHON) scripts/system-deps tests
	scripts/kafka-jars
	$(BIN)/python scripts/build_shop.py
	$(BIN)/python -m pytest -n 2 --dist worksteal $(DEATHS_OF_THEIR_OWN) $(TEST_ARGS)

nightly: setup  ## the long property tests, and every benchmark at a small size: at least 20,000 drawn definitions and streams, and many more requests
	HYPOTHESIS_PROFILE=nightly $(BIN)/python -m pytest -n 2 tests/compute tests/fuzz tests/benchmarks tests/process/test_openapi_document.py $(TEST_ARGS)

fuzz: setup  ## wounded requests against collector and enrichment (FUZZ_PAYLOADS=1000000 FUZZ_SEED=7)
	PYTHONPATH=tests $(BIN)/python -m fuzzing --payloads $(FUZZ_PAYLOADS) $(if $(FUZZ_SEED),--seed $(FUZZ_SEED))

crash: setup  ## the long crash tests: kill every process 20 times in mid-stream, and while interventions fire
	SNOWMELT_CRASH_ROUNDS=20 $(BIN)/python -m pytest -m crash -n 0 $(TEST_ARGS)

overload: setup  ## offer a server ten times what it can do for a minute, and print the figures (OVERLOAD_SECONDS=20)
	PYTHONPATH=tests:. $(BIN)/python -m faults.overload --seconds $(OVERLOAD_SECONDS)

faults: setup  ## break a server in every way, 200 times in mid-stream, and print the figures (FAULT_MOMENTS=30 FAULT_SEED=7)
	PYTHON=$(PYTHON) scripts/system-deps tests
	SNOWMELT_FAULT_MOMENTS=$(FAULT_MOMENTS) SNOWMELT_FAULT_SEED=$(FAULT_SEED) $(BIN)/python -m pytest tests/faults -n 0 $(TEST_ARGS)

soak: setup  ## give a server 70 % of what it can do for 20 minutes, and see whether anything grows (SOAK_SECONDS=180)
	PYTHONPATH=tests:. $(BIN)/python -m faults.soak --seconds $(SOAK_SECONDS)

erase: setup  ## erase people on real servers, also killed meanwhile, and look for them in every file; prints the figures
	SNOWMELT_ERASE_ROUNDS=40 $(BIN)/python -m pytest tests/erasure -n 0 $(TEST_ARGS)

check: setup  ## lint, format, types, layers, and the audit of the dependencies where it can be done
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/audit.py --if-possible

audit: setup  ## ask a database of vulnerabilities about every pinned package; fails if it cannot be asked
	$(BIN)/python scripts/audit.py

security: setup  ## attack real servers: every route, credential, limit and text, and print the figures
	SNOWMELT_SECURITY=all $(BIN)/python -m pytest tests/security -n 0 $(TEST_ARGS)

observe: setup  ## watch real servers: readiness, ids, metrics against panels and alerts, spans; print the figures
	$(BIN)/python -m pytest tests/observe -n 0 $(TEST_ARGS)

restore: setup  ## back up a server under load, restore and recount; print the figures (SNOWMELT_RESTORE_SECONDS=30)
	SNOWMELT_RESTORE_SECONDS=$${SNOWMELT_RESTORE_SECONDS:-10} SNOWMELT_RESTORE_BACKUPS=$${SNOWMELT_RESTORE_BACKUPS:-3} $(BIN)/python -m pytest tests/restore/test_restore.py -n 0 $(TEST_ARGS)

upgrade: setup  ## serve the data folder of the oldest release, recount and go on; print the figures
	$(BIN)/python -m pytest tests/restore/test_whole_upgrade.py tests/runtimes/test_upgrade.py -n 0 $(TEST_ARGS)

bench: setup  ## measure everything and print the table
	$(BIN)/python -m bench

docs: setup  ## regenerate the parts of docs/ that are made from code
	$(BIN)/python scripts/make_docs.py

screenshots: shop  ## take the pictures of the shop page that docs/ shows
	PYTHON=$(PYTHON) scripts/system-deps screenshots
	PYTHONPATH=tests $(BIN)/python scripts/screenshots.py

lock: setup  ## pin the newest versions allowed by pyproject.toml
	scripts/lock

clean:  ## remove everything that can be made again
	rm -rf $(VENV) .build shop/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist bench/data
