# Everything runs in .venv, made on first use with nothing but Python 3.11 and the package registry.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
export PATH := $(CURDIR)/.venv/bin:$(PATH)

# Recordings of people's emotions are no business of anyone's telemetry.
export DO_NOT_TRACK := true
export RAY_USAGE_STATS_ENABLED := 0
export DVC_NO_ANALYTICS := 1
export ITERATIVE_DO_NOT_TRACK := 1
export MLFLOW_DISABLE_TELEMETRY := true
export MLFLOW_MODEL_CATALOG_URI :=
export PREFECT_SERVER_ANALYTICS_ENABLED := false
export GX_ANALYTICS_ENABLED := false
export HF_HUB_DISABLE_TELEMETRY := 1
# The pipeline and its tests start hundreds of processes: byte code is compiled once.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help install run test test-fast coverage lint format accept bench ui docs lock

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: .venv/.installed  ## .venv with the locked versions

.venv/.installed: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "error: no python3.11 on PATH; install it, or: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "error: Python 3.11 or newer is needed, this is " + sys.version.split()[0])'
	test -x .venv/bin/python || $(PYTHON) -m venv .venv
	python -m pip install --quiet --upgrade "pip==26.3"
	python -m pip install --progress-bar on "$$(grep '^torch==' requirements.lock)"
	python -m pip install --progress-bar on --requirement requirements.lock
	@# setuptools warns of every editable install whose package is a folder here, as this one's is meant to be
	PYTHONWARNINGS=ignore python -m pip install --quiet --no-deps --editable .
	@touch $@

run: install  ## the whole line on the control corpus: search, register, promote, predict
	@git rev-parse --verify --quiet HEAD > /dev/null 2>&1 || { echo "error: there is no git commit here (a ZIP holds none), and lineage names a model's code by its commit; run:"; \
	  echo "  git init && git add . && git commit -m start && make run"; exit 1; }
	@emoflow corpora synthesise control
	@dvc repro
	@emoflow publish
	-@emoflow promote
	@emoflow predict "$$(ls data/raw/control/video/*.mp4 | head -n 1)"
	@emoflow results

# A worker has neighbouring tests, which share what is made for a file, until another one has nothing left to do.
QUICK := OMP_NUM_THREADS=1 pytest -n logical --dist worksteal -m "not slow and not integration and not accept"
# These wait for servers and for Ray a third of their time: three workers keep two cores busy.
LONG := OMP_NUM_THREADS=1 pytest -n 3 --dist loadfile --no-loadscope-reorder -m "(slow or integration) and not accept"

test: install lint  ## every test that CI runs
	@$(QUICK)
	@$(LONG)

coverage: install  ## how many lines the quick tests reach
	@$(QUICK) --cov --cov-report=
	@echo "lines that the quick tests reach: $$(coverage report --format=total) %"

test-fast: install  ## the quick ones
	@$(QUICK)

accept: install  ## the figures promised, on all of RAVDESS: too long for CI
	@pytest -m accept -s tests/acceptance

bench: install  ## speed against what one would use instead, in one run
	@emoflow corpora synthesise control
	@emoflow encoders fetch whisper-tiny.en
	@python -m benchmarks.features data/raw/control --clips 120
	@python -m benchmarks.features data/raw/control --clips 60 --encoder whisper-tiny.en
	@python -m benchmarks.search
	@python -m benchmarks.population
	@python -m benchmarks.corpora
	@python -m benchmarks.gate

lint: install  ## code style and types
	@ruff check .
	@ruff format --check --quiet .
	@mypy

format: install  ## lay the code out
	@ruff check --fix-only --quiet .
	@ruff format --quiet .

ui: install  ## Prefect, MLflow and the worker on loopback; says where
	@emoflow ui

docs: install  ## the manual as a static site, in site/; a broken link is an error
	@NO_MKDOCS_2_WARNING=1 mkdocs build --quiet --strict

lock:  ## requirements.lock anew from pyproject.toml
	rm -rf .emoflow/lock && $(PYTHON) -m venv .emoflow/lock
	.emoflow/lock/bin/python -m pip install --quiet --upgrade "pip==26.3"
	.emoflow/lock/bin/python -m pip install "$$(sed -n 's/^ *"\(torch==[^"]*\)".*/\1/p' pyproject.toml)"
	.emoflow/lock/bin/python -m pip install --editable ".[dev,docs]"
	{ sed -n '/^#/p' requirements.lock; .emoflow/lock/bin/python -m pip freeze --exclude-editable \
	  | sed 's/+[a-z0-9.]*$$//'; } > .emoflow/lock/requirements.lock
	mv .emoflow/lock/requirements.lock requirements.lock
