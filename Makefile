# The steps of this repository. What services get is in {{cookiecutter.project_slug}}/Makefile.
# uv from the path when it works, otherwise one of our own in .tools/, which generated services find as well.
UV := $(shell uv --version >/dev/null 2>&1 && command -v uv || echo $(CURDIR)/.tools/bin/uv)
# Trust what the system trusts, as pip does: a proxy that inspects TLS has its certificate there.
export UV_SYSTEM_CERTS ?= true
PYTHON := $(UV) run python
export PATH := $(PATH):$(CURDIR)/.tools/bin

.DEFAULT_GOAL := help
.PHONY: help demo new test test-runtime fault-test prove-delivery check hooks fmt wheel bench repin names preview

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "  %-20s %s\n", $$1, $$2 }'

demo: $(UV) ## Generate a service, run it and show its signals, until Ctrl-C or for DURATION=seconds
	@exec $(PYTHON) -m demo

# Only from the command line: some systems have a NAME in the environment.
new: export NEW_NAME = $(if $(findstring command,$(origin NAME)),$(NAME))
new: export NEW_ANSWERS = $(if $(findstring command,$(origin ANSWERS)),$(ANSWERS))
new: export NEW_INTO = $(if $(findstring command,$(origin INTO)),$(INTO))
new: $(UV) ## Generate a service beside this folder, or INTO=folder: asks, unless NAME="Acme Orders" ANSWERS='{"owner": "Payments"}'
	@exec $(UV) run --quiet --no-project --python '>=3.11' --with cookiecutter==2.7.1 python -m new

test: test-runtime ## Prove runtime and template: generate, refuse, update, and run the tests of what is generated
	@.ci/pytest template $(PYTHON) -m pytest -n 3 -m "not delivery"

test-runtime: $(UV) ## Run the tests of runtime/, with coverage, on every supported Python that is here
	@UV="$(UV)" .ci/runtime $(ARGS)

fault-test: $(UV) ## Drive a generated service through floods, failures and overload; LONG=1, ROWS=name,name, WRITE=1 for the page
	@exec $(PYTHON) -m faults $(if $(LONG),--long) $(if $(REVERT),--revert) $(if $(ROWS),--rows "$(ROWS)") $(if $(WRITE),--write)

prove-delivery: $(UV) ## Prove the way to production: real images, signatures, pipelines and deploys (root, Debian's container tools)
	@.ci/pytest delivery $(PYTHON) -m pytest -n 2 -m delivery

check: $(UV) ## Check style and types
	$(UV) run ruff check .
	$(UV) run ruff format --check .
	$(UV) run mypy
	cd runtime && $(UV) run ruff check . && $(UV) run ruff format --check . && $(UV) run mypy

hooks: $(UV) ## Run the pre-commit hooks on every file: secrets, scripts, YAML, pipelines, rules
	$(UV) run pre-commit run --all-files --show-diff-on-failure

fmt: $(UV) ## Fix style
	$(UV) run ruff check --fix .
	$(UV) run ruff format .

wheel: $(UV) ## Build wheel and sdist of the runtime into dist/, for a package index that platform.toml names
	$(UV) build --quiet --clear --out-dir dist runtime
	@ls dist

repin: $(UV) ## Write ci/pins.yaml into every pipeline; FROM=.github/workflows takes over what is pinned there first
	$(PYTHON) -m ci.repin $(FROM)

names: $(UV) ## Write generator/taken_names.txt: the names of everything that a service depends on
	$(PYTHON) -m ci.taken_names

bench: $(UV) ## Measure what observability costs
	@exec $(PYTHON) -m bench

preview: $(UV) ## Draw the dashboards of docs/pictures/ from a running service; takes 20 minutes, Chromium and Node.js
	@PYTHONPATH=tests exec $(PYTHON) -m preview

$(CURDIR)/.tools/bin/uv:
	python3 -m venv .tools
	.tools/bin/python -m pip install --quiet uv
