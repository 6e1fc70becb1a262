# `make demo` and `make test` need Python >= 3.10 with venv, make and a C compiler; everything else they fetch themselves.
#
#   make demo     one real photo and one ECG through the whole codec; writes demo-out/
#   make test     all tests (installs TensorFlow where it exists: CPython up to 3.11)
#   make lint     ruff and mypy
#   make clean    what a build leaves behind; .venv stays
#
# PYTHON=python3.10 picks the interpreter, VENV=dir another environment, PYTEST_ARGS='-k image' goes to pytest.

PYTHON ?= python3
VENV ?= .venv
PYTEST_ARGS ?=
BIN := $(VENV)/bin
# setuptools warns at length about folders in editable installs; a test guards against what it fears.
PIP := PYTHONWARNINGS=ignore $(BIN)/python -m pip --disable-pip-version-check install --quiet

# A changed build script or C source installs again; Python sources are used where they lie.
NATIVE := setup.py setup.cfg pyproject.toml $(wildcard codec/_build_native.py edge_runtime/c/*.c edge_runtime/c/*.h)

.PHONY: demo test lint clean
.DELETE_ON_ERROR:

demo: $(VENV)/.demo
	$(BIN)/vaecodec demo

test: $(VENV)/.test
	$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: $(VENV)/.test
	$(BIN)/ruff check .
	tools=$$(mktemp -d) && $(BIN)/python -m pip --disable-pip-version-check install --quiet --no-deps --no-build-isolation --target "$$tools" . \
	  && cd "$$tools" && MYPYPATH="$$tools" "$(abspath $(BIN))/mypy" --config-file "$(CURDIR)/pyproject.toml" -p vaecodec; rc=$$?; rm -rf "$$tools"; exit $$rc

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(BIN)/python $(NATIVE)
	$(PIP) --editable '.[demo]'
	touch $@

$(VENV)/.test: $(BIN)/python $(NATIVE)
	$(PIP) --editable '.[train,edge,server,bench,demo,dev]'
	touch $@

clean:
	rm -rf build dist *.egg-info demo-out .pytest_cache .mypy_cache .ruff_cache .hypothesis codec/_native*.so codec/_native.c
	find . -name __pycache__ -not -path './$(VENV)/*' -type d -prune -exec rm -rf {} +
