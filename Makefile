# Two commands matter: `make demo` and `make test`. All make their own virtual environment in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# What was installed last, so that switching between demo and test installs once each.
STAMP := $(VENV)/.installed

.PHONY: demo test prove bench lint audit clean
.DEFAULT_GOAL := test

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "mi-sync needs Python 3.11 or newer; set PYTHON=…")'
	$(PYTHON) -m venv $(VENV)

$(STAMP)-sandbox: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[sandbox]'
	@touch $@

$(STAMP)-dev: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(STAMP)-sandbox

$(STAMP)-audit: $(STAMP)-dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[audit]'
	@touch $@

demo: $(STAMP)-sandbox
	$(BIN)/mi-sync demo $(DEMO)

test: $(STAMP)-dev
	$(BIN)/python -m pytest $(PYTEST)

# Kills runs at every moment, for a quarter of an hour, and writes down in docs/proof.md that nothing came of it.
prove: $(STAMP)-dev
	cd tests && ../$(BIN)/python -m system.prove --report ../docs/proof.md $(PROVE)

# Measures mi-sync beside its peers, for an hour, and writes benchmarks/RESULTS.md; see benchmarks/README.md.
bench: $(STAMP)-dev
	$(BIN)/python -m benchmarks $(BENCH)

lint: $(STAMP)-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/pyright

# Known vulnerabilities of what is installed; says so where the advisories cannot be reached.
audit: $(STAMP)-audit
	$(BIN)/python .ci/audit.py

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
