# Everything lives in .venv; each target installs first what is not there yet.
PYTHON ?= python3
BIN := .venv/bin

# In a container one is root, which Jupyter wants to be told.
AS_ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)

.PHONY: help install lab test check fuzz lint docs lists messages timm-index notebooks workshop workshop-site bench bench-gpu picture zoo studies clean

help:
	@echo "make lab        open JupyterLab on the first notebook"
	@echo "make test       run all tests: lint, types, import contracts, unit, notebooks, browser"
	@echo "make check      lint, types, contracts and the fast tests: what to run after every change"
	@echo "make fuzz       read twenty thousand damaged files through every reader"
	@echo "make docs       build the documentation into build/docs; warnings are errors"
	@echo "make lists      list methods, transforms and data sets in docs/lists.md"
	@echo "make messages   collect phrases for translators, and compile what they have translated"
	@echo "make timm-index build every network of timm once, for the list by which weights are recognised"
	@echo "make bench      measure the speed of the engine and of the widgets"
	@echo "make bench-gpu  measure the engine on the first CUDA card, beside what the card can do (some minutes)"
	@echo "make notebooks  run the notebooks and keep their outputs"
	@echo "make workshop   build the sessions of the workshop from their sources, and run the solved notebooks"
	@echo "make workshop-site  write the workshop's pages for those without Python into build/workshop"
	@echo "make picture    take the screenshots of the last make test over into the documents"
	@echo "make studies    train the models of the studies again, and measure the pool's spectra (about six hours)"
	@echo "make zoo        rebuild the miniature zoo from the raw images (about forty minutes on two cores)"

install: .venv/installed

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[lab,label-errors,postgresql,text,cluster,remote,datasets,site,serve,workshop,pareto,docs,dev]'
	touch $@

lab: install
	$(BIN)/jupyter lab $(AS_ROOT) --LabApp.default_url=/lab/tree/notebooks/01_drag_alpha.ipynb

# Files of tests are shared out to several processes with one thread each; what is slow is marked and has its reason.
WORKERS ?= 2
PYTEST := OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive $(BIN)/python -m pytest -q -rs -n $(WORKERS) --dist loadfile

# Both runs share a store: what the first has measured of the zoo, notebooks and browsers find.
test: lint
	folder=$$(mktemp -d); trap 'rm -rf "$$folder"' EXIT; export SOUPWIDGETS_TESTS="$$folder"; \
	$(PYTEST) --ignore=tests/browser --durations=25 && \
	$(PYTEST) -o addopts="-p tests.fixtures --nbval --ignore-glob=notebooks/workshop/*/learner/*" --durations=25 tests/browser notebooks

check: lint
	$(PYTEST) --ignore=tests/browser -m "not slow"

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# A minute, half of it for the panels in the pages, which are kept until the package is another.
docs: install
	$(BIN)/python docs

lists: install
	$(BIN)/python -m tests.lists

messages: install
	$(BIN)/python -m tests.messages

# Some minutes; when timm is another version.
timm-index: install
	$(BIN)/python -m tests.models.timm_index

notebooks: install
	SOUPWIDGETS_STORE=$$(mktemp -d) SOUPWIDGETS_PRECISION=float32 $(BIN)/jupyter nbconvert --to notebook --execute --inplace \
	  --ExecutePreprocessor.store_widget_state=False --ExecutePreprocessor.record_timing=False notebooks/*.ipynb
	# Cells with a progress bar carry this tag: what the bar leaves behind is not kept.
	$(BIN)/jupyter nbconvert --to notebook --inplace --TagRemovePreprocessor.enabled=True \
	  --TagRemovePreprocessor.remove_all_outputs_tags=nbval-ignore-output notebooks/*.ipynb

workshop: install
	$(BIN)/python -m notebooks.workshop.building

# Pages for those without Python, to be served by any web server: python -m http.server --directory build/workshop
workshop-site: install
	$(BIN)/soupwidgets export build/workshop --pool data/zoo/fashion --suite data/suites/fashion \
	  --fine-tuned ft-03 --fine-tuned ft-08 --fine-tuned ft-00 --fine-tuned bad-lr --examples 250 --accept-mb 12 \
	  --workshop notebooks/workshop/en --baselines data/baselines/fashion.csv

bench: install .venv/mergekit/installed
	$(BIN)/python -m benchmarks

# A machine with a card may have no more than torch, open_clip and what benchmarks/gpu.py names.
bench-gpu:
	$(or $(wildcard $(BIN)/python),$(PYTHON)) -m benchmarks.gpu

# The library that soups are compared with; it takes torch from ours and brings the rest along.
.venv/mergekit/installed: .venv/installed
	$(PYTHON) -m venv .venv/mergekit
	$(BIN)/python -c "import sysconfig; print(sysconfig.get_paths()['purelib'])" \
	  > $$(.venv/mergekit/bin/python -c "import sysconfig; print(sysconfig.get_paths()['purelib'])")/shared.pth
	.venv/mergekit/bin/python -m pip install --quiet --disable-pip-version-check mergekit==0.1.5
	touch $@

picture:
	cp build/artefacts/host-lab-dark.png notebooks/pictures/dark.png
	cp build/artefacts/drag.gif build/artefacts/explorer.png build/artefacts/mixer.png build/artefacts/frontier.png build/artefacts/landscape.png build/artefacts/diagnosis.png build/artefacts/pareto.png build/artefacts/diversity.png build/artefacts/reviewer.png build/artefacts/spectrum.png build/artefacts/augmentations.png build/artefacts/serve.png notebooks/pictures/

zoo: install
	$(BIN)/soupwidgets zoo diverse
	$(BIN)/soupwidgets zoo resnet
	$(BIN)/soupwidgets zoo build-text
	$(BIN)/soupwidgets zoo build
	$(BIN)/soupwidgets zoo miniature

# What the notebooks on spectral bias and on augmentations show; trainings that are in build/ are not done again.
KIND := --suite data/suites/fashion --model data/zoo/fashion/zero-shot.safetensors
# Until a training without augmentation knows its images.
CONVERGED := --epochs 40 --learning-rate 0.002 --images 1000
LONGER := --epochs 120 --learning-rate 0.002 --images 1000
SIXTEEN := $(foreach name,flip crop rotate translate colour blur noise cutout invert randaugment autoaugment mixup \
  crop:0.25 rotate:0.25 translate:0.25 cutout:0.25,--augmentation $(name))
SHORTER := --epochs 30 --learning-rate 0.002 --images 1000 --seeds 3

studies: install
	$(BIN)/soupwidgets augment diversity $(KIND) $(CONVERGED) --seeds 5 --out data/studies/augmentations.json $(SIXTEEN)
	$(BIN)/soupwidgets augment diversity $(KIND) $(LONGER) --seeds 3 --work build/augmentations-longer \
	  --out data/studies/augmentations-longer.json $(SIXTEEN)
	$(BIN)/soupwidgets augment variants $(KIND) $(CONVERGED) --seeds 5 --out data/studies/augmentation-variants.json \
	  $(foreach name,rotate crop:0.25 randaugment cutout noise,--static $(name) --switched-off $(name))
	$(BIN)/soupwidgets spectrum noise $(KIND) $(SHORTER) \
	  --out data/studies/label-noise.json --uniform --independent --of-class shirt:0.05 --of-class shirt:0.2 \
	  $(foreach f,0.05 0.1 0.2 0.4,--radial $(f)) $(foreach f,0.5 1 2 4,--random $(f))
	$(BIN)/soupwidgets spectrum trainings $(KIND) $(SHORTER) \
	  --out data/studies/trainings.json --after 3 --after 8 --after 15 --width 64 --layers 1 --examples 250 \
	  --examples 2000 --self-distillation \
	  $(foreach name,flip crop:0.25 mixup bluenoise:0.5 pinknoise:0.5,--augmentation $(name))
	$(BIN)/soupwidgets spectrum paths --pool data/zoo/fashion --suite data/suites/fashion --samples 32 --precision float32 \
	  --json data/studies/frequencies.json
	$(BIN)/soupwidgets spectrum sensitivity --pool data/zoo/fashion --suite data/suites/fashion --samples 32 --precision float32 \
	  $(foreach n,00 01 02 03 04 05 06 07 08 09 10 11 12 13 14 15 16 17 18 19 20 21,--model ft-$(n)) \
	  --json data/studies/frequency-sensitivity.json

fuzz: install
	$(BIN)/python -m tests.fuzz

clean:
	rm -rf .venv build
