# Hearsay: make run, make test. Each does all the set-up it needs, once; a fresh machine needs python3 (3.11 or newer) and make.
#   make run NB=00,08 PROFILE=laptop DATA=esc50:PATH SEED=0

PYTHON ?= python3
NB ?=
PROFILE ?= laptop
DATA ?= soundscapes
SEED ?= 0
REASON ?=
ENCODER ?= small_cnn
NOISY ?=
SECONDS ?= 5
OUT ?=
WHEELS ?=
FOR ?=
SHARE ?= 1
FOLDER ?=
ONLY ?=

BIN := .venv/bin
READY := .venv/.ready
WORKBOOK := $(BIN)/python -m lib.workbook
# One thread for each process, whoever starts it: two notebooks (or tests) share two cores, and numbers repeat.
export OMP_NUM_THREADS ?= 1
export MKL_NUM_THREADS ?= 1
export PYTHONHASHSEED ?= 0

.PHONY: run test lab notebooks verify record rebaseline bench check wheelhouse pages frames rehearsal lint clean help
.DEFAULT_GOAL := help

help:  ## this list
	@grep -E '^[a-z]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

$(READY): constraints.txt pyproject.toml
	@$(PYTHON) lib/workbook/preflight.py
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@case "$(WHEELS)" in ""|http*) ;; *) $(PYTHON) lib/workbook/wheelhouse.py "$(WHEELS)" ;; esac
	@echo "installing the pinned packages into .venv (once; some minutes, about 6 GB of disk, 8 GB while it unpacks)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]" \
		$(if $(WHEELS),--no-index --find-links "$(WHEELS)") \
		|| { echo "The packages could not be installed: the lines above say why; then type the same command again." >&2; exit 1; }
	@touch $@

run: $(READY)  ## execute the notebooks; every claim with its interval in build/ledger.html
	@$(WORKBOOK) run --nb "$(NB)" --profile "$(PROFILE)" --data "$(DATA)" --seed "$(SEED)"

test: $(READY)  ## unit, parity, exercise, browser and notebook tests
	@command -v chromium chromium-browser google-chrome >/dev/null || $(BIN)/python -m playwright install chromium \
		|| echo "No browser could be fetched: the browser tests will be skipped, and say so." >&2
	@$(BIN)/python -m pytest

lab: $(READY)  ## working copies of the notebooks in JupyterLab
	@$(WORKBOOK) lab

notebooks: $(READY)  ## regenerate the committed, executed notebooks
	@$(WORKBOOK) notebooks --nb "$(NB)"

verify: $(READY)  ## run profile laptop again; fail, saying which, when a verdict has moved
	@$(WORKBOOK) verify --nb "$(NB)"

record: $(READY)  ## train the long arms of a notebook and write its run log: make record NB=10
	@$(WORKBOOK) record --nb "$(NB)"

rebaseline: $(READY)  ## new bands for the smoke metrics, from ten seeds: make rebaseline REASON="why"
	@$(WORKBOOK) rebaseline --nb "$(NB)" --reason "$(REASON)"

bench: $(READY)  ## our speed beside what you would use instead; on a GPU also primus_2023's step: make bench ONLY=primus_step
	@$(BIN)/python -m tests.bench $(ONLY)

frames: $(READY)  ## encode a data set once for a class: make frames DATA=clotho NOISY=fsd50k ENCODER=cnn14 OUT=FILE
	@$(WORKBOOK) frames --data "$(DATA)" --noisy "$(NOISY)" --encoder "$(ENCODER)" --out "$(OUT)" \
		--profile "$(PROFILE)" --seed "$(SEED)" --seconds "$(SECONDS)"

wheelhouse: $(READY)  ## the packages in one folder, for a class without the internet: make wheelhouse OUT=FOLDER
	@$(WORKBOOK) wheelhouse --out "$(OUT)" --for "$(FOR)"

rehearsal: $(READY)  ## a stand-in of Clotho's size goes the way that Clotho goes; time, memory, disk: make rehearsal SHARE=0.01
	@$(WORKBOOK) rehearsal --share "$(SHARE)" --folder "$(FOLDER)"

check: $(READY)  ## before class: one line for each thing that may be amiss
	@$(WORKBOOK) check

pages: $(READY)  ## notebooks and ledger as static pages in build/pages, with search; links checked
	@$(WORKBOOK) pages

lint: $(READY)  ## ruff over lib, tests and the notebooks' sources
	@$(BIN)/ruff check .

clean:  ## remove what was built; .venv and your copies in lab/ stay
	@rm -rf build
