# `make mini` and `make test` set up .venv themselves and are safe to repeat.
# The upstream line of the stack:  make test STACK=upstream  (in .venv-upstream)
# Another Python:                  make test PYTHON=python3.12 VENV=.venv-3.12
PYTHON ?= python3
STACK ?= onedl
ifeq ($(STACK),onedl)
VENV ?= .venv
CONSTRAINTS := constraints.txt
# rm_mm itself requires onedl-mmcv.
MMCV :=
else ifeq ($(STACK),upstream)
VENV ?= .venv-upstream
CONSTRAINTS := constraints-upstream.txt
MMCV := mmcv-lite
else
$(error STACK is '$(STACK)': expected onedl or upstream)
endif
BIN := $(VENV)/bin
# One process per core, at most four. The tests of one file share expensive fixtures, so they stay in one process.
PYTEST := $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile
export RM_MM_STACK := $(STACK)

IMAGES ?=

.PHONY: bench bench-scaling mini mini-short test test-short test-python test-slow test-slurm test-browser test-all lint fidelity clean

mini: $(VENV)/installed
	$(BIN)/rm-mm suite --preset mini

# The whole path with one method. The schedules are too short for meaningful results.
mini-short: $(VENV)/installed
	$(BIN)/rm-mm suite --preset mini --methods rm --schedule-scale 0.05 --work-dir work_dirs/mini-short

test: $(VENV)/installed-dev
	$(PYTEST)

# Everything that another version of a library can break: imports, packaging, numbers, runs.
test-short: $(VENV)/installed-dev
	$(PYTEST) tests/compat tests/data/prepare tests/doctor tests/packaging tests/pretrain tests/recipe tests/run \
	    tests/transfer tests/suite tests/reporting tests/logs $(wildcard tests/test_*.py)

# Everything that another Python can break: imports, packaging, files, texts, calls. Numbers come from the libraries.
test-python: $(VENV)/installed-dev
	$(PYTEST) tests/compat tests/data/prepare tests/doctor tests/packaging tests/reporting tests/transfer \
	    tests/suite/launch $(wildcard tests/test_*.py)

# Each test is a training or an installation, so tests are distributed one by one.
test-slow: $(VENV)/installed-dev
	$(PYTEST) --dist load -m 'slow and not gpu and not slurm and not browser'

# Needs Chromium.
test-browser: $(VENV)/installed-dev
	$(BIN)/python -m pytest -m browser

# The tests start their own Slurm. This needs root, and Debian's slurm-wlm and munge.
test-slurm: $(VENV)/installed-dev
	$(BIN)/python -m pytest -m slurm

test-all: test test-slow

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Compares the recipes with the authors' logs and writes docs/fidelity.md.
LOGS := tests/data/logs
fidelity: $(VENV)/installed
	$(BIN)/rm-mm fidelity --md docs/fidelity.md \
	    classification/r50_rm_in1k.py $(LOGS)/imagenet_r50_rm.log \
	    classification/pyramidnet200_rm_cifar10.py $(LOGS)/cifar10_pyramidnet200_rm.log \
	    detection/atss_r50_rm_coco.py $(LOGS)/coco_atss_r50_rm.json \
	    segmentation/upernet_r50_rm_ade20k.py $(LOGS)/ade20k_upernet_r50_rm.json \
	    segmentation/upernet_r50_baseline_ade20k.py $(LOGS)/ade20k_upernet_r50_baseline.json

# Each benchmark prints a table and writes build/benchmarks/NAME.json. IMAGES is a folder of JPEG photographs.
# All benchmarks run, even if one misses its bars; then `make bench` fails at the end.
BENCHMARKS := startup step loader downstream_loaders coco_eval
WITH_IMAGES := loader downstream_loaders
bench: $(VENV)/installed
	@[ -d '$(IMAGES)' ] || { echo 'make bench needs photographs: make bench IMAGES=DIR' >&2; exit 2; }
	$(BIN)/python -m pip install --quiet $(PIP_FLAGS) -c $(CONSTRAINTS) $(MMCV) -e '.[fast]'
	mkdir -p build/benchmarks
	@failed=; for name in $(BENCHMARKS); do \
	    images=; case ' $(WITH_IMAGES) ' in *" $$name "*) images=1 ;; esac; \
	    $(BIN)/python benchmarks/$$name.py --json build/benchmarks/$$name.json \
	        $${images:+--images '$(IMAGES)'} || failed="$$failed $$name"; \
	done; [ -z "$$failed" ] || { echo "not reached:$$failed" >&2; exit 1; }

# Measures how cost grows, for docs/performance.md. Takes hours.
bench-scaling: $(VENV)/installed
	@[ -d '$(IMAGES)' ] || { echo 'make bench-scaling needs photographs: make bench-scaling IMAGES=DIR' >&2; exit 2; }
	$(BIN)/python benchmarks/scaling.py --images '$(IMAGES)'
	$(BIN)/python benchmarks/plot_scaling.py

clean:
	rm -rf .venv* build dist *.egg-info rm_mm/.mim

# The stamp file is written last, so an interrupted installation is repeated.
$(VENV)/installed: setup.py $(CONSTRAINTS)
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' || { \
	    echo '$(PYTHON) is not Python 3.10 to 3.12. Pass one that is, for example: PYTHON=python3.11' >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo 'Python has no venv module. On Debian or Ubuntu: apt-get install python3-venv' >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet $(PIP_FLAGS) -c $(CONSTRAINTS) $(MMCV) -e .
	touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(BIN)/python -m pip install --quiet $(PIP_FLAGS) -c $(CONSTRAINTS) $(MMCV) -e '.[dev]'
	touch $@
