# asyncfc-sim. Needs make and Python 3.11 or newer; uses uv if it is there. `make PYTHON=...` names a Python.

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

help: ## print these targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile

demo: $(INSTALLED) ## simulate the BFCL v4 multi-turn benchmark under every policy, and check the runs
	$(BIN)/asyncfc demo

test: $(INSTALLED) ## run all tests
	$(BIN)/python -m pytest

test-engines: $(INSTALLED) ## run agents on transformers serve, vLLM and llama-server; makes them first (2 GB, 9 min of CPU)
	@for name in transformers vllm llama; do bash scripts/engines.sh $$name || true; done
	$(BIN)/python -m pytest tests/engines tests/language/test_grammar_engines.py tests/serve/test_against_transformers.py

check: $(INSTALLED) ## ruff, mypy, layers, the wheel on its own, core tests on each Python found
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest tests/test_layers.py tests/test_packaging.py
	bash scripts/try_wheel.sh
	bash scripts/test_pythons.sh

verify: $(INSTALLED) ## what the tests do in part, whole: random programs, mutants, racy runs, BFCL, footprints (10 min)
	$(BIN)/python scripts/verify.py
	$(BIN)/python scripts/verify_runs.py
	$(BIN)/python scripts/verify_footprints.py
	$(BIN)/asyncfc check --litmus
	$(BIN)/asyncfc check bfcl

proofs: ## check the proofs of the theorems with Coq, and print what each rests on (1 min; installs Coq as root)
	bash scripts/proofs.sh

papers: $(INSTALLED) ## simulate what papers claim, and write papers/*/RESULTS.md (2 min)
	$(BIN)/asyncfc papers reproduce

bench: $(INSTALLED) ## run the benchmarks
	@set -e; for script in benchmarks/bench_*.py; do echo "== $$script"; $(BIN)/python $$script; done

clean: ## remove the environments, caches and built files
	rm -rf .venv .venv-* .engines dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .benchmarks .coverage htmlcov
	find asyncfc_sim tests benchmarks -name __pycache__ -type d -exec rm -rf {} +

$(INSTALLED): pyproject.toml constraints.txt
	@PYTHON="$(PYTHON)" bash scripts/set_up.sh

.PHONY: help demo test test-engines check verify proofs papers bench clean
