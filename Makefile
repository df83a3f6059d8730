# Everything runs in .venv, which each target makes for itself. `make help` lists the targets.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin
SHARED := ../shared
.DEFAULT_GOAL := help
.PHONY: help demo test lint types unit bench pictures build clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

# Two stamps, so that the demo installs no developer tools. A changed pyproject.toml installs anew.
$(VENV)/installed: pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "citerefine needs Python 3.11 or newer")'
	test -x $(RUN)/python || $(PYTHON) -m venv $(VENV)
	$(RUN)/python -m pip install --quiet --disable-pip-version-check -e '.[pdf]'
	touch $@

$(VENV)/installed-dev: pyproject.toml $(VENV)/installed
	$(RUN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@

demo: $(VENV)/installed ## answer a question from the built-in notes, and write demo.html
	$(RUN)/citerefine ask "How does ALCE measure citation recall and precision?"
	$(RUN)/citerefine ask "How does ALCE measure citation recall and precision?" --out demo.html

test: lint types unit ## all that CI checks

lint: $(VENV)/installed-dev ## ruff
	$(RUN)/ruff check .

types: $(VENV)/installed-dev ## mypy --strict
	$(RUN)/mypy
	$(RUN)/mypy tests benchmarks docs
	$(RUN)/mypy examples/*.py
	cd examples/own_graph && ../../$(RUN)/mypy --config-file ../../pyproject.toml --cache-dir ../../.mypy_cache main.py

unit: $(VENV)/installed-dev ## pytest, offline
	$(RUN)/python -m pytest

bench: $(VENV)/installed-dev ## the measurements of docs/benchmarks.md
	$(RUN)/python benchmarks/parse_scaling.py
	$(RUN)/python benchmarks/startup.py
	$(RUN)/python benchmarks/pubmedqa.py $(SHARED)/data/pubmedqa

pictures: $(VENV)/installed-dev ## draw the pictures of the README anew
	$(RUN)/python docs/pictures.py

build: $(VENV)/installed-dev ## wheel and source archive in dist/
	$(RUN)/python -m build

clean: ## remove what the targets made
	rm -rf $(VENV) build dist demo.html *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
