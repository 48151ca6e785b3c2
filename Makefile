# Needs Python 3.11 or newer, make and nothing else. Each target first builds `.venv` from the
# hashed lock files where it is missing or stale; only that first time needs the network.

.SUFFIXES:
.DEFAULT_GOAL := help
.PHONY: help run test check lint types contracts coverage slow mutants bench bench-peers format lock clean

# The tests start many processes; without compiled files each of them compiles all it imports.
unexport PYTHONDONTWRITEBYTECODE

PYTHONS := python3 python3.13 python3.12 python3.11
BIN := .venv/bin
SOURCES := cockpit engine storage bench tests
BOOK := engine/ingest/book.py,engine/ingest/continuity.py
BOOK_TESTS := tests/unit/engine/ingest/test_book.py tests/unit/engine/ingest/test_continuity.py
JOURNAL_TESTS := $(wildcard tests/unit/storage/test_journal*.py)
LAST_HAND := guard trading latch journal_writer
RUNTIME := $(patsubst %,engine/runtime/%.py,$(LAST_HAND))
RUNTIME_TESTS := $(patsubst %,tests/unit/engine/runtime/test_%.py,$(LAST_HAND))

# A stamp is named after what it was built from: a changed lock file is a missing stamp.
fingerprint = $(firstword $(shell cat pyproject.toml $(1) | cksum))
CORE_LOCK := requirements/core.txt
DEV_LOCK := requirements/dev.txt
CORE := .venv/core-$(call fingerprint,$(CORE_LOCK))
DEV := .venv/dev-$(call fingerprint,$(CORE_LOCK) $(DEV_LOCK))

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(CORE)  ## start the cockpit on the simulated market; ARGS="..." hands on options
	@$(BIN)/cockpit $(ARGS)

test: $(DEV)  ## run the tests; about three minutes
	@$(BIN)/pytest --no-header --numprocesses 2 --durations 10 -m "not slow and not nightly"

check: lint types contracts coverage slow  ## run what `make test` does not; about half an hour

lint: $(DEV)  ## check format and style
	@$(BIN)/ruff format --quiet --check $(SOURCES) || { echo "Mend with: make format" >&2; exit 1; }
	@$(BIN)/ruff check --quiet $(SOURCES)

types: $(DEV)  ## check types, strictly on source
	@$(BIN)/mypy

contracts: $(DEV)  ## check who imports whom
	@$(BIN)/lint-imports --no-cache --no-logo

coverage: $(DEV)  ## check that what money hangs on is covered wholly by its own tests
	@$(call covers_wholly,$(BOOK_TESTS),--include=$(BOOK))
	@$(call covers_wholly,tests/unit/engine/kernel,--source=engine/kernel)
	@$(call covers_wholly,tests/unit/engine/execution,--source=engine/execution)
	@$(call covers_wholly,$(RUNTIME_TESTS),--include=$(call joined,$(RUNTIME)))
	@$(call covers_wholly,tests/unit/engine/kill,--source=engine/kill)
	@$(call covers_wholly,$(JOURNAL_TESTS),--include=storage/journal*.py)

slow: $(DEV)  ## run the slow tests; many of them wait most of the time
	@$(BIN)/pytest --no-header --numprocesses 4 --dist worksteal --durations 10 -m "slow and not nightly"

mutants: $(DEV)  ## change the modules that money hangs on at random: do the tests notice?
	@$(BIN)/python -m tests.mutants $(ARGS)

bench: $(DEV)  ## measure speed; not part of any gate
	@$(BIN)/python -m bench $(ARGS)

bench-peers: $(DEV) .venv-peers/ready  ## measure speed against other programs, in turn
	@$(BIN)/python -m bench --peers $(ARGS)

format: $(DEV)  ## lay out the code and mend what can be mended without judgement
	@$(BIN)/ruff check --quiet --fix-only $(SOURCES)
	@$(BIN)/ruff format --quiet $(SOURCES)

lock: $(DEV)  ## write the lock files; LOCK_FLAGS=--upgrade for newer versions
	@$(compile) --group build --output-file $(CORE_LOCK)
	@$(compile) --group dev --constraint $(CORE_LOCK) --output-file $(DEV_LOCK)

clean:  ## remove all that make and the tools have made
	@rm -rf .venv build dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

# $(call covers_wholly,tests,what): these tests alone reach every branch of it.
covers_wholly = $(BIN)/coverage run $(2) -m pytest --no-header --quiet -m "not slow" $(1) \
	&& $(BIN)/coverage report

# $(call joined,words): the same with commas between them.
comma := ,
space := $() $()
joined = $(subst $(space),$(comma),$(strip $(1)))

# The same on every machine: the default index and nothing that the environment adds to it.
compile = env $$(env | awk -F= '/^(PIP|UV)_/ { print "-u", $$1 }') \
	$(BIN)/uv pip compile pyproject.toml --quiet --universal --generate-hashes \
	--no-config --no-emit-index-url --system-certs --custom-compile-command 'make lock' $(LOCK_FLAGS)

install = $(BIN)/python -m pip --disable-pip-version-check -qq install

# $(call build,lock): install just that, then the checkout itself. Old stamps go first, so that
# what was interrupted, or a lock file that came back, is installed again.
define build
	@rm -f .venv/core-* .venv/dev-*
	@$(install) --require-hashes --requirement $(1)
	@$(install) --no-deps --no-build-isolation --editable .
endef

$(CORE): $(BIN)/python
	@echo "Installing what the cockpit needs into .venv ..."
	$(call build,$(CORE_LOCK))
	@touch $@

# The development lock holds everything of the core, at the same versions.
$(DEV): $(BIN)/python
	@echo "Installing what the tests need into .venv ..."
	$(call build,$(DEV_LOCK))
	@touch $(CORE) $@

# Other programs never share an environment with ours; it ignores itself in git.
.venv-peers/ready: bench/peers.txt | $(BIN)/python
	@echo "Installing what we are measured against into .venv-peers ..."
	@$(BIN)/python -m venv --clear .venv-peers
	@echo '*' > .venv-peers/.gitignore
	@.venv-peers/bin/python -m pip --disable-pip-version-check -qq install --requirement $<
	@touch $@

$(BIN)/python:
	@for python in $(PYTHONS); do \
	    $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	    if $$python -c 'import ensurepip, venv' 2>/dev/null; then \
	        echo "Making .venv with $$($$python --version) ..."; \
	        $$python -m venv --clear .venv && exit; \
	        rm -rf .venv; \
	        exit 1; \
	    fi; \
	    lacking=$${lacking:-$$python}; \
	done; \
	if test -n "$$lacking"; then \
	    version=$$($$lacking -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
	    echo "$$lacking has no venv module. Mend with: sudo apt install python$$version-venv" >&2; \
	else \
	    echo "The cockpit needs Python 3.11 or newer; none of these is it: $(PYTHONS)." >&2; \
	    echo "Another one may be named: make PYTHONS=/path/to/python3 ..." >&2; \
	fi; \
	exit 1
