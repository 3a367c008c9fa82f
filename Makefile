# Every verb does its own set-up: Python >= 3.11, make and a package index are enough.
# `.tools` holds the pinned installer, `.venv` everything else; a stamp is renewed when its lock changes.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
# A start without compiled modules costs seconds, so this wish of the environment is not passed on.
unexport PYTHONDONTWRITEBYTECODE
# These would send the installers to another environment than .venv.
unexport VIRTUAL_ENV
unexport PYTHONHOME
unexport PYTHONPATH

BIN := .venv/bin
UV := .tools/bin/uv
DEFAULT := .venv/.stamp-default
DEV := .venv/.stamp-dev
EXTRAS := kafka keras mlflow postgres spark
COMPILE := $(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url \
	--no-header --python-version 3.11 $(LOCK_FLAGS)

.PHONY: help setup demo demo-ci test check docs bench engines extra peers lock hooks clean

help: ## List the verbs
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | \
		while IFS=$$'\t' read -r verb words; do printf '  make %-9s %s\n' "$$verb" "$$words"; done

setup: $(DEV) ## Make .venv with everything that development needs

demo: $(DEFAULT) ## Simulate, train, serve, play a day, replay: the whole product in minutes
	@$(BIN)/crivo demo $(ARGS)

demo-ci: $(DEFAULT) ## The same, smaller, ending by itself
	@$(BIN)/crivo demo --ci $(ARGS)

test: $(DEV) ## Everything that can run on this machine
	@$(BIN)/python scripts/engines.py || [ "$${CRIVO_REQUIRE:-}" != all ]
	@$(BIN)/python scripts/stages.py test

check: $(DEV) ## Format, lint, strict types, import contracts, locks, docs, fast tests: under a minute
	@$(BIN)/python scripts/stages.py check

docs: $(DEV) ## Build the pages of docs/ into build/docs; a warning is a failure
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

bench: $(DEV) ## List the benchmarks; run some with NAME="engines lake", and ARGS="--quick --json FILE"
	@$(BIN)/python -m benchmarks $(NAME) $(ARGS)

engines: $(DEV) ## Fetch a Kafka broker and Spark's jars by Maven into .tools/engines, checked
	@$(BIN)/python scripts/engines.py

extra: ## Crivo with what only some need, in .tools/NAME: NAME=kafka|keras|mlflow|postgres|spark
	@if ! [[ " $(EXTRAS) " == *" $(NAME) "* ]]; then echo "NAME=one of: $(EXTRAS)" >&2; exit 2; fi
	@$(MAKE) .tools/$(NAME)/.stamp

peers: .tools/peers/.stamp .tools/streams/.stamp ## Install what benchmarks compare with, beside .venv

lock: $(UV) ## Compile requirements/*.txt from pyproject.toml (LOCK_FLAGS=--upgrade renews all)
	@$(COMPILE) --group pyproject.toml:uv -o requirements/uv.txt
	@$(COMPILE) --group pyproject.toml:build -o requirements/build.txt
	@$(COMPILE) pyproject.toml -o requirements/default.txt
	@for extra in $(EXTRAS); do $(COMPILE) pyproject.toml --extra $$extra \
		-c requirements/default.txt -o requirements/$$extra.txt; done
	@$(COMPILE) --group pyproject.toml:peers -c requirements/default.txt -o requirements/peers.txt
	@$(COMPILE) --group pyproject.toml:streams -o requirements/streams.txt
	@$(COMPILE) pyproject.toml --group pyproject.toml:dev -c requirements/default.txt \
		-o requirements/dev.txt

hooks: $(DEV) ## Install the pre-commit hooks; they use the tools in .venv
	@$(BIN)/pre-commit install

clean: ## Remove environments, caches and build products; home folders (.crivo) stay
	@rm -rf .venv .tools .hypothesis .*_cache build dist
	@find src tests benchmarks scripts -name __pycache__ -prune -exec rm -rf {} +

# The first Python that runs and is new enough. A shim that points nowhere does not run.
$(UV): requirements/uv.txt
	@python=""; for name in $(PYTHON) python3.11 python3.12 python3.13 python3; do \
		if "$$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; then \
			python="$$name"; break; fi; done; \
	if [ -z "$$python" ]; then \
		echo "Python >= 3.11 was not found; name one with PYTHON=..." >&2; exit 3; fi; \
	"$$python" -m venv --clear .tools
	@.tools/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@touch $(UV)

.venv/bin/python: | $(UV)
	@$(UV) venv --quiet --allow-existing --python .tools/bin/python .venv

# An environment of its own: mlflow and mlflow-skinny own the same files, and a sync of .venv, which
# takes the one out again, would take the other's with it.
$(EXTRAS:%=.tools/%/.stamp): .tools/%/.stamp: requirements/%.txt requirements/build.txt $(UV)
	@$(UV) venv --quiet --allow-existing --python .tools/bin/python .tools/$*
	@$(UV) pip sync --quiet --require-hashes --python .tools/$* requirements/$*.txt
	@$(UV) pip install --quiet --python .tools/$* --no-deps --build-constraints \
		requirements/build.txt --editable .
	@touch .tools/$*/.stamp

.tools/peers/.stamp .tools/streams/.stamp: .tools/%/.stamp: requirements/%.txt $(UV)
	@$(UV) venv --quiet --allow-existing --python .tools/bin/python .tools/$*
	@$(UV) pip sync --quiet --require-hashes --python .tools/$* requirements/$*.txt
	@touch .tools/$*/.stamp

# The default set is kept in a venv that already has the development set: the latter contains it.
$(DEFAULT): requirements/default.txt requirements/build.txt pyproject.toml $(UV) | .venv/bin/python
	@if [ -e $(DEV) ]; then $(MAKE) $(DEV); else \
		echo "Installing what Crivo needs into .venv, some 900 MB, once ..." >&2; \
		$(UV) pip sync --quiet --require-hashes --python .venv requirements/default.txt; \
		$(UV) pip install --quiet --python .venv --no-deps --build-constraints requirements/build.txt \
			--editable .; fi
	@touch $(DEFAULT)

$(DEV): requirements/dev.txt requirements/build.txt pyproject.toml $(UV) | .venv/bin/python
	@$(UV) pip sync --quiet --require-hashes --python .venv requirements/dev.txt
	@$(UV) pip install --quiet --python .venv --no-deps --build-constraints requirements/build.txt \
		--editable .
	@touch $(DEV)
