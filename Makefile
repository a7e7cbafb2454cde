# Every target works on a fresh machine with Python 3.11 or newer, pip and make.
PYTHON ?= python3
VENV   := .venv
# Four test processes on two cores, as many wait for the processes they have started, and each takes from the others
# what is left; more threads each would only wait for one another. Modules are compiled once, not again in every
# process that a test starts.
TESTS  := PYTHONDONTWRITEBYTECODE= OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -n 4 --dist worksteal
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.PHONY: fuzz-api setup demo demo-summary test test-all test-peers chaos test-ray test-deploy lint format bench docs clean

setup: $(STAMP)          ## make .venv, install redraft and its tools, find missing system libraries

$(STAMP): pyproject.toml constraints.txt scripts/setup.py
	$(PYTHON) scripts/setup.py --venv $(VENV)
	@touch $(STAMP)

demo: setup              ## the main job, offline: parts -> pictures -> a trained model -> a solid
	$(BIN)/redraft demo

demo-summary: setup      ## the second task: documents -> pages -> a trained model -> a summary
	$(BIN)/redraft demo --task summary --out redraft-demo-summary

test: setup              ## the default tests, under ten minutes on two cores
	$(TESTS) -m "not slow and not peer"

test-all: setup test-peers   ## also the slow ones
	$(TESTS)

test-peers: setup        ## what we write, in the real cadquery and build123d; our losses beside TRL's
	$(BIN)/python scripts/peer_environment.py
	$(BIN)/python -m pytest -m peer

fuzz-api: setup          ## 50,000 calls of every operation of the API, valid and not (FUZZ_CALLS, FUZZ_SEED)
	OMP_NUM_THREADS=1 $(VENV)/bin/python -m pytest -s -m slow tests/web/test_schemathesis.py

chaos: setup             ## 1,000 SIGKILLs of server, worker, keepers and trainers; the figures go to benchmarks/
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/chaos.py --kills 500

test-ray: setup          ## jobs and data on a real Ray cluster of two nodes
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/queue/test_ray_executor.py tests/queue/test_ray_cluster.py \
		tests/queue/test_ray_drawing.py

test-deploy: setup       ## the images, compose files and units of deploy/, run as they say
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest tests/deploy

lint: setup              ## style, types, and the order of the rooms
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: setup             ## side-by-side benchmarks; each writes its table into benchmarks/
	$(BIN)/python scripts/peer_environment.py
	-$(BIN)/python scripts/peer_environment.py swift
	$(BIN)/python benchmarks/run_all.py

docs: setup              ## draws the pictures and histograms of docs/ again (needs the Noto fonts)
	$(BIN)/python scripts/part_histograms.py
	$(BIN)/python scripts/script_pictures.py

clean:
	rm -rf $(VENV) .venv-* build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
