# Everything starts from here: `make help` says what there is.
# Nothing has to be installed first but Python (3.11 or newer), git and make.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: audit help run demo test test-bare outages check lint format types arch structure bench bench-all bench-builds bench-judged bench-lists bench-page bench-road docs lock changelog release clean services tools image image-docker

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

# Where Python may not keep what it compiled, every process of ours compiles 1,500 modules anew.
unexport PYTHONDONTWRITEBYTECODE

# Whom this machine trusts, its tools trust too: also a proxy that looks into what is encrypted.
CERTIFICATES := $(firstword $(wildcard $(SSL_CERT_FILE) /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt))
ifneq ($(CERTIFICATES),)
export UV_SYSTEM_CERTS ?= true
export PIP_CERT ?= $(CERTIFICATES)
endif

$(READY): requirements-dev.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "relaunch needs Python 3.11 or newer, and there is no $(PYTHON)"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "relaunch needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version). Try: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "relaunch needs the venv module of Python, which $(PYTHON) lacks; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@command -v git >/dev/null || { echo "relaunch needs git"; exit 1; }
	@echo "Setting up $(VENV) (once) …"
	@# What an interrupted setup left is no virtual environment: it is made anew.
	@$(BIN)/python -c 'import pip' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --force-reinstall --require-hashes -r <(awk '/^uv==/{p=1} p; p&&!/\\$$/{exit}' requirements-dev.txt)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements-dev.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@

run: $(READY) ## Start the embedded edition on 127.0.0.1:8080
	@$(BIN)/relaunch dev $(ARGS)

demo: $(READY) ## See a push rebuild a real environment, in under three minutes; ARGS=--page for its page
	@$(BIN)/relaunch demo $(ARGS)

services:
	@bash scripts/services.sh

tools: $(READY) # Helm and a current kubectl, where this machine can have them
	@$(BIN)/python -m scripts.tools || echo "the tests of the chart are skipped"

test: $(READY) services tools ## Run every test that can run here; say by name what cannot
	@set -a; . .make/services.env; set +a; code=0; $(BIN)/python -m pytest -n 2 --dist loadgroup -q $(ARGS) || code=$$?; \
	  echo $$code > .make/pytest.status; exit $$code

test-bare: ## Show on a bare Debian 12, in a chroot, that run and test work; ARGS=tests/domain for a part
	@bash scripts/bare.sh $(ARGS)

outages: $(READY) services ## Kill brokers and leaders under load, and the API server below fifty builds
	@set -a; . .make/services.env; set +a; $(BIN)/python -m pytest -q -m "outage or crowd" tests/journeys $(ARGS)

check: lint types arch structure ## Lint, format, types, architecture, structure

lint: $(READY)
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .

types: $(READY)
	@$(BIN)/mypy

arch: $(READY) ## Check who may import whom, and that the map, the generated pages and the tests stand where they should
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest -q -n 0 tests/fences tests/docs/test_pages.py

structure: $(READY) ## Print the limits of the source's structure; ARGS=-v says where each number comes from
	@$(BIN)/python -m scripts.structure $(ARGS)

format: $(READY) ## Format the code and mend what can be mended
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --fix --quiet .

bench: $(READY) services ## Measure what a delivery costs; ARGS=--long for ten minutes more, ARGS="--waiting 100000" for a deep queue
	@set -a; . .make/services.env; set +a; $(BIN)/python -m bench.ingest $(ARGS)

bench-road: $(READY) services ## Measure what lies between a 202 and a build, and between a build and its launchers
	@set -a; . .make/services.env; set +a; $(BIN)/python -m bench.road $(ARGS)

bench-all: $(READY) services ## Measure every line of the aims, one part after the other; ARGS=--small for a tenth
	@set -a; . .make/services.env; set +a; $(BIN)/python -m bench.table $(ARGS)

bench-judged: $(READY) services ## Measure how many pushes one to four consumers judge
	@set -a; . .make/services.env; set +a; $(BIN)/python -m bench.judged $(ARGS)

bench-lists: $(READY) services ## Measure what lists cost among 200,000 launchers; PostgreSQL alone
	@set -a; . .make/services.env; set +a; $(BIN)/python -m bench.lists $(ARGS)

bench-page: $(READY) ## Measure the first paint of each page, and the user guide by a stop watch; needs Chromium
	@$(BIN)/python -m bench.page $(ARGS)

bench-builds: $(READY) services ## Measure what a build in a cluster costs beside the build
	@set -a; . .make/services.env; set +a; $(BIN)/python -m bench.builds $(ARGS)

docs: $(READY) ## Write what the pages in docs/ say that the code knows
	@$(BIN)/python -m scripts.docs

lock: $(READY) ## Resolve the locked development requirements anew
	@$(BIN)/uv pip compile --quiet pyproject.toml --group dev --universal --upgrade \
	  --generate-hashes --no-header --no-emit-index-url -o requirements-dev.txt
	@$(BIN)/uv pip compile --quiet pyproject.toml --extra traces --universal --constraint requirements-dev.txt \
	  --generate-hashes --no-header --no-emit-index-url -o requirements.txt

image: $(READY) ## Write the image as .make/relaunch.tar, without a container engine
	@mkdir -p .make && $(BIN)/python -m scripts.image .make/relaunch.tar

image-docker: $(READY) ## Build the Dockerfile by buildah over a base of Debian's packages, and run it; takes minutes
	@bash scripts/dockerfile.sh $(ARGS)

audit: $(READY) ## Look for known vulnerabilities in what is shipped; 2 where their list cannot be reached
	@$(BIN)/python -m scripts.audit

changelog: $(READY) ## Show the changelog of the next release, out of changes/
	@$(BIN)/towncrier build --draft --version next 2>/dev/null

release: check test ## Check everything, write version and changelog, commit and tag: make release VERSION=0.2.0
	@$(BIN)/python -m scripts.release $(VERSION)

clean: ## Remove what make made here
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
