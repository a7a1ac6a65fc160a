# The steps of this repository. Services have {{cookiecutter.project_slug}}/Makefile.
# uv from the path when it works, otherwise one that is installed into .tools/, which generated services find as well.
UV := $(shell uv --version >/dev/null 2>&1 && command -v uv || echo $(CURDIR)/.tools/bin/uv)
# Trust the system's certificates, as pip does: the certificate of a proxy that inspects TLS is there.
export UV_SYSTEM_CERTS ?= true
# The tests start thousands of processes, and without compiled modules each needs a second more. Containers often set it.
unexport PYTHONDONTWRITEBYTECODE
PYTHON := $(UV) run python
export PATH := $(PATH):$(CURDIR)/.tools/bin

.DEFAULT_GOAL := help
.PHONY: help demo new test test-runtime fault-test prove-delivery prove-all routes exceptions fleet check hooks fmt wheel release bench repin names openapi preview screens

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "  %-20s %s\n", $$1, $$2 }'

demo: $(UV) ## Generate a service, run it, show its signals, and make it fail in a browser, until Ctrl-C or for DURATION=seconds
	@exec $(PYTHON) -m demo

# Read only from the command line, because some systems set NAME in the environment. `value` keeps dollar signs.
new: export NEW_NAME = $(if $(findstring command,$(origin NAME)),$(value NAME))
new: export NEW_ANSWERS = $(if $(findstring command,$(origin ANSWERS)),$(value ANSWERS))
new: export NEW_INTO = $(if $(findstring command,$(origin INTO)),$(value INTO))
new: $(UV) ## Generate a service beside this folder, or INTO=folder: asks, unless NAME="Acme Orders" ANSWERS='{"owner": "Payments"}'
	@exec $(UV) run --quiet --no-project --python '>=3.11' --with cookiecutter==2.7.1 python -m new

test: test-runtime ## Test runtime and template: generate, refuse, update, and run the tests of generated services
	@.ci/pytest template $(PYTHON) -m pytest -n 3 -m "not (delivery or long)"

test-runtime: $(UV) ## Run the tests of runtime/ on every supported Python that is installed; COVERAGE=1 measures coverage
	@UV="$(UV)" COVERAGE="$(COVERAGE)" .ci/runtime $(ARGS)

fault-test: $(UV) ## Drive a generated service through floods, failures and overload; LONG=1, ROWS=name,name, WRITE=1 for the page
	@exec $(PYTHON) -m faults $(if $(LONG),--long) $(if $(REVERT),--revert) $(if $(ROWS),--rows "$(ROWS)") $(if $(WRITE),--write)

routes: $(UV) ## Write the routes of alerts/alertmanager/teams.toml into alertmanager.yml; CHECK=1 only checks
	@exec $(PYTHON) -m alerting routes $(if $(CHECK),--check)

exceptions: $(UV) ## Write alerts/rules/exceptions.rules.yml from alerts/exceptions.toml; CHECK=1 only checks, and names ended ones
	@exec $(PYTHON) -m alerting exceptions $(if $(CHECK),--check)

fleet: WAVES ?= 1,10,all
# `value` keeps what would be special in the names of folders.
fleet: export FLEET_FOLDER = $(value FOLDER)
fleet: export FLEET_TEST = $(or $(value TEST),make check test)
fleet: $(UV) ## The services in FOLDER=folder; DOCTOR=1 examines them, UPDATE=1 updates them: WAVES=1,10,all EXCEPT=name PUSH=1 TEST=command
	@exec $(PYTHON) -m fleet "$$FLEET_FOLDER" $(if $(DOCTOR),--doctor) \
	  $(if $(UPDATE),--update) --waves "$(WAVES)" $(foreach name,$(EXCEPT),--leave $(name)) $(if $(PUSH),--push) --test "$$FLEET_TEST"

prove-delivery: $(UV) ## Test images, signatures, pipelines and deploys for real (needs root and Debian's container tools)
	@.ci/pytest delivery $(PYTHON) -m pytest -n 2 -m delivery

prove-all: $(UV) ## Run the long forms, which take hours, and write docs/long-forms.md; FORMS="faults outages" runs some
	@exec $(PYTHON) -m ci.long_forms $(FORMS)

check: $(UV) ## Check style and types
	$(UV) run ruff check .
	$(UV) run ruff format --check .
	$(UV) run mypy
	cd runtime && $(UV) run ruff check . && $(UV) run ruff format --check . && $(UV) run mypy

hooks: $(UV) ## Run the pre-commit hooks on every file: secrets, scripts, YAML, pipelines, rules
	$(UV) run pre-commit run --all-files --show-diff-on-failure

# Formatted first: the check refuses long lines, which the formatter splits. It runs again after the fixes.
fmt: $(UV) ## Fix style
	$(UV) run ruff format --quiet .
	$(UV) run ruff check --fix .
	$(UV) run ruff format .

wheel: $(UV) ## Build wheel and sdist of the runtime into dist/, for a package index that platform.toml names
	$(UV) build --quiet --clear --out-dir dist runtime
	@ls dist

# Read only from the command line: an environment may have a VERSION of something else.
release: export RELEASE_VERSION = $(if $(findstring command,$(origin VERSION)),$(value VERSION))
release: $(UV) ## Check that VERSION=0.2.0 can be released, and print the commands for tag, push and upload
	@UV="$(UV)" $(UV) run --quiet --no-project --python '>=3.11' --with cookiecutter==2.7.1 python -m release

repin: $(UV) ## Write the pins of ci/pins.yaml into every pipeline; FROM=.github/workflows first copies the pins from there
	$(PYTHON) -m ci.repin $(FROM)

names: $(UV) ## Write generator/taken_names.txt: the names of all dependencies of a service
	$(PYTHON) -m ci.taken_names

openapi: $(UV) ## Write openapi.json of the emitted service, after a change of its example or of the runtime
	$(PYTHON) -m ci.openapi

bench: $(UV) ## Measure what observability costs, in 15 minutes of a quiet machine; WRITE=1 for docs/benchmarks.md and README.md
	@exec $(PYTHON) -m bench $(if $(WRITE),--write)

preview: $(UV) ## Draw the dashboards of docs/pictures/ from a running service; takes 20 minutes, Chromium and Node.js
	@PYTHONPATH=tests exec $(PYTHON) -m preview

screens: $(UV) ## Take the pictures of the console for README.md; takes a minute and a half, and Chromium
	@exec $(PYTHON) -m preview.screens

$(CURDIR)/.tools/bin/uv:
	python3 -m venv .tools
	.tools/bin/python -m pip install --quiet uv
