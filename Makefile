# make setup   .venv with everything that serving and testing need
# make serve   set up, build the index where it is missing or stale, serve http://127.0.0.1:8000
# make test    set up, run every check and test, in WORKERS processes (2) of one thread each
# make screenshots   pictures of every page and state (desktop, phone, dark) in build/screenshots

PYTHON ?= python3
PORT ?= 8000
WORKERS ?= 2
VENV := .venv
BIN := $(VENV)/bin

.PHONY: setup serve index test format screenshots
.DEFAULT_GOAL := setup

setup: $(VENV)/ready

$(VENV)/ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python $$($(PYTHON) -V) is too old: 3.11 or newer is needed; name one with make PYTHON=..."; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	touch $@

index: setup
	$(BIN)/python -m indexer build corpus --out index

serve: index
	$(BIN)/python -m server --index index --port $(PORT)

test: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/bandit -q -ll -c pyproject.toml -r indexer server evaluation
	$(BIN)/python -m indexer validate corpus
	OMP_NUM_THREADS=1 $(BIN)/pytest -n $(WORKERS) --dist loadfile

screenshots: index
	OMP_NUM_THREADS=1 $(BIN)/python tests/screenshots.py --index index --out build/screenshots

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
