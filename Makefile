# Everything Keyless needs is set up by the target that needs it; nothing is installed by hand.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip --quiet --disable-pip-version-check
COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --custom-compile-command "make lock"

.PHONY: help demo test lint compiled conformance fuzz bench bench-quick bench-check fresh fresh-demo lock clean packages

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s%s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .venv/demo.installed ## see Keyless work: a database, a provider, a query without a password
	@$(BIN)/keyless demo $(ARGS)

test: packages lint compiled ## set up what is missing, lint, then run every test (ARGS="-k vault")
	$(BIN)/pytest $(ARGS)
	KEYLESS_PURE=1 $(BIN)/pytest --quiet tests/test_compiled.py tests/proxy tests/protocols $(ARGS) || [ $$? -eq 5 ] # -k may leave none

lint: .venv/dev.installed ## ruff, its formatter and mypy
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

conformance: packages compiled ## drivers' own suites, direct and through Keyless (ARGS=pgx)
	@mkdir -p dist
	$(BIN)/python -m tests.conformance --markdown docs/conformance.md --json dist/conformance.json $(ARGS)

fuzz: compiled ## mutate recorded sessions (ARGS="--messages 10000000")
	$(BIN)/python -m tests.fuzz $(ARGS)

bench: packages compiled ## Keyless beside its peers, into dist/bench.md, .json and .png (ARGS="--only ssh")
	$(BIN)/python -m bench $(ARGS)

bench-quick: packages compiled ## the same with little of everything, in a few minutes
	$(BIN)/python -m bench --quick $(ARGS)

bench-check: .venv/dev.installed ## what dist/bench.json is below its marks in, or below what --against has
	$(BIN)/python -m bench.check $(ARGS)

fresh: ## prove `make demo` and `make test` on this commit in a clean Debian (root)
	scripts/fresh.sh "make demo" "make test"

fresh-demo: ## prove `make demo` only
	scripts/fresh.sh "make demo"

lock: ## write requirements/*.txt anew from pyproject.toml (uv; ARGS=--upgrade)
	$(COMPILE) $(ARGS) --extra uvloop --extra demo --extra dev pyproject.toml -o requirements/dev.txt
	$(COMPILE) -c requirements/dev.txt --extra uvloop --extra demo pyproject.toml -o requirements/demo.txt
	$(COMPILE) -c requirements/dev.txt --extra uvloop pyproject.toml -o requirements/run.txt
	$(COMPILE) -c requirements/dev.txt requirements/build.in -o requirements/build.txt

clean: ## remove the environment and what the tools keep
	rm -rf .venv build .mypy_cache .pytest_cache .ruff_cache .hypothesis dist
	find protocols proxy -name "*.so" -delete

compiled: .venv/dev.installed ## the hot path anew, after a change in it
	@$(BIN)/python hatch_build.py

packages:
	@scripts/system-packages.sh

# One rule for every lock: the stamp is older than a changed lock, which installs anew.
.venv/%.installed: requirements/%.txt requirements/build.txt pyproject.toml | $(BIN)/pip
	@echo "Installing requirements/$*.txt into .venv ..."
	@$(PIP) install --require-hashes -r requirements/build.txt -r $<
	@KEYLESS_COMPILE=never $(PIP) install --no-index --no-deps --no-build-isolation --editable . # `compiled` does that
	@touch $@

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit("Keyless needs Python 3.11 or newer: make PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
