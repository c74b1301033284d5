# Two commands, each doing all of its own set-up:
#   make demo    the main job on a bundled clip: no camera, no model hub, no network after the install
#   make test    the test suite on real clips (two wheels are fetched for them, once)
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# A file's tests share what they prepared, so that a file stays with one worker. Each worker takes about 1 GB.
PYTEST := $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

.PHONY: demo test coverage lint types check benchmarks clean

demo: $(VENV)/.installed
	$(BIN)/posesync demo --output demo/demo.mp4 --headless

test: $(VENV)/.installed-dev
	$(PYTEST)

coverage: $(VENV)/.installed-dev
	$(PYTEST) --cov --cov-report=term-missing:skip-covered --cov-fail-under=85

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# mypy cannot follow setuptools' package-dir mapping: show it the rooms under their import names.
types: $(VENV)/.installed-dev
	mkdir -p build/types/posesync
	for room in pose reference realtime configs; do ln -sfn ../../../$$room build/types/posesync/$$room; done
	MYPYPATH=build/types $(BIN)/mypy --namespace-packages --explicit-package-bases -p posesync

check: coverage lint types

benchmarks: $(VENV)/.installed-dev
	-$(BIN)/python benchmarks/people.py --peers --jobs 2  # its exit code is the number of goals missed
	-$(BIN)/python benchmarks/judgement.py --jobs 2
	$(BIN)/python benchmarks/tracking.py --full
	$(BIN)/python benchmarks/live.py --soak 30
	$(BIN)/python benchmarks/feedback.py
	$(BIN)/python benchmarks/drawing.py
	$(BIN)/python benchmarks/report.py
	$(BIN)/python benchmarks/sync.py
	$(BIN)/python benchmarks/web.py
	$(BIN)/python benchmarks/browser.py
	$(BIN)/python benchmarks/hostile.py

clean:
	rm -rf $(VENV) build demo *.egg-info

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[cpu]'
	touch $@

$(VENV)/.installed-dev: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[cpu,dev]'
	touch $(VENV)/.installed $@
