#!/usr/bin/env bash
# Build the wheel, install it into an empty environment, and use it from outside the checkout.
set -euo pipefail
cd "$(dirname "$0")/.."
checkout=$PWD
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# The resolver would serve this folder instead of the live grammar/ and models/.
[ ! -e asyncfc_sim/_data ] || { echo "asyncfc_sim/_data must not exist in a checkout" >&2; exit 1; }

echo "building the wheel and installing it into an empty environment"
.venv/bin/python -m pip wheel --quiet --no-deps --wheel-dir "$scratch" .
.venv/bin/python -m venv "$scratch/venv"
"$scratch/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    --constraint constraints.txt "$scratch"/asyncfc_sim-*.whl pytest

cd "$scratch"
CHECKOUT=$checkout venv/bin/python - <<'PY'
import os
from importlib.metadata import distribution
from pathlib import Path

import asyncfc_sim
from asyncfc_sim._resources import data_path

assert Path(os.environ["CHECKOUT"]) not in Path(asyncfc_sim.__file__).parents, "imported from the checkout"
assert data_path("grammar", "program.lark").is_file()
assert any(data_path("models", "decoders").glob("*.toml"))
assert any(data_path("models", "tools").glob("*.toml"))
assert any(data_path("litmus").glob("*.lit"))
files = {str(file) for file in distribution("asyncfc-sim").files or []}
assert "asyncfc_sim/py.typed" in files
assert any(file.endswith("licenses/LICENSE") for file in files)
PY

cat >program.fc <<'FC'
f1 = search(query="population of Berlin")
f2 = search(query="population of Paris")
f3 = add(a=$f1.items[0].population, b=$f2.items[0].population)
await $f3
return $f3.total
FC
venv/bin/asyncfc --help >/dev/null
venv/bin/asyncfc parse program.fc >/dev/null
venv/bin/asyncfc papers list >/dev/null

cat >shop.py <<'PY'
from asyncfc_sim.tools.decorator import tool

STOCK = {"apple": 3}


@tool(reads=["stock:{item}"])
def count(item: str) -> int:
    return STOCK.get(item, 0)


@tool(writes=["stock:{item}"])
def restock(item: str, n: int) -> int:
    STOCK[item] = STOCK.get(item, 0) + n
    return STOCK[item]
PY
# The plug-ins of pytest and Hypothesis, which nothing here imports, and which import nothing before they are asked.
cat >test_plugins.py <<'PY'
import sys


def test_plugins_are_light():
    import hypothesis

    assert hypothesis and "asyncfc_sim._hypothesis" in sys.modules and "asyncfc_sim.pytest_plugin" in sys.modules
    assert not {"numpy", "pydantic", "asyncfc_sim.core.values"} & set(sys.modules)


def test_my_tools(asyncfc_check):
    assert asyncfc_check("shop.py", examples=5).swaps


def test_programs():
    from hypothesis import given
    from hypothesis import strategies as st

    from asyncfc_sim import Program

    @given(st.from_type(Program))
    def each_is_a_program(program):
        assert isinstance(program, Program)

    each_is_a_program()
PY
venv/bin/python -m pytest --quiet -W error::pytest.PytestAssertRewriteWarning test_plugins.py >pytest.txt || { cat pytest.txt; exit 1; }
echo "the wheel works on its own"
