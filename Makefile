# make demo | lab | check | test | docs | images | bench | lock | clean       (each does its own set-up in .venv)
UV     := $(shell command -v uv 2>/dev/null)
PYTHON ?= python3
BIN    := $(if $(filter Windows_NT,$(OS)),.venv/Scripts,.venv/bin)
KIT    := $(BIN)/kit

# Without compiled modules every start reads and compiles pandas anew: seconds instead of tenths.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo begun lab test check docs images bench lock clean

demo: begun .venv/lab
	$(KIT) demo --html build/demo.html
	-@$(BIN)/python -m tools.setup_time end

# Notes when the set-up began; make bench tells how long it took. No Python here yet: nothing is timed.
begun:
	-@$(PYTHON) -I tools/setup_time.py begin $(if $(UV),uv,pip)

lab: .venv/lab
	$(KIT) lab

bench: .venv/test
	$(KIT) bench --full
	-@$(BIN)/python -m tools.checkout

# The fast loop: a minute. What pre-commit runs, and nothing else.
check: .venv/test
	$(BIN)/ruff format --check -q .
	$(BIN)/ruff check -q .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q -n 2 --dist loadfile @tests/fast.txt

test: .venv/test
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	-$(BIN)/python tests/browser/get_chromium.py
	$(BIN)/python -m pytest -q -n 2 --dist loadfile -m "not browser" tests
	$(BIN)/python -m pytest -q -rs -n 2 --dist loadfile --timeout=300 -m browser tests/browser
	$(BIN)/python -m pytest -q -n 2 --dist loadfile --nbval --nbval-sanitize-with tests/notebooks.cfg \
	  --nbval-current-env --nbval-cell-timeout=300 --timeout=300 -W default notebooks

# The documentation site: pages, notebooks and docstrings, built without the network.
docs: .venv/test
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs build/site

# The README's picture in both themes, as the browser test sees it.
images: .venv/test
	$(BIN)/python -m pytest -q -k picture tests/browser/test_panels.py
	cp build/screens/chain_light_1280.png docs/images/chain.png
	cp build/screens/chain_dark_1280.png docs/images/chain-dark.png

# One installer, two locked sets: what the lab needs, and what the tests need besides.
.venv/lab .venv/test: .venv/%: locks/%.txt pyproject.toml
ifdef UV
	$(UV) venv -q --allow-existing .venv
	$(UV) pip install -q --python $(BIN)/python --require-hashes -r $<
	$(UV) pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e .
else
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r $<
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
endif
	$(BIN)/python -m kit.pricing
	touch $@

# The locks name no index: hashes say what a file is, not where it comes from.
lock:
	uv pip compile -q pyproject.toml --extra lab --group build --universal --python-version 3.11 \
	  --generate-hashes --no-header --no-annotate -o locks/lab.txt
	uv pip compile -q pyproject.toml --extra lab --extra test --group build --universal --python-version 3.11 \
	  --generate-hashes --no-header --no-annotate -c locks/lab.txt -o locks/test.txt

clean:
	rm -rf .venv build .pytest_cache .mypy_cache .ruff_cache .hypothesis
