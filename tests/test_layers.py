"""Imports point down only, the core is pure, and the command line starts light.

The table below is the architecture: each floor with its number and with the third-party modules that it may import.
"""

import ast
import importlib.metadata
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "asyncfc_sim"

FLOORS: dict[str, tuple[int, set[str]]] = {
    "core": (1, set()),  # but for order.py: see NETWORKX_MODULE
    "language": (2, {"lark"}),
    "tools": (3, {"griffe", "pydantic"}),
    "traces": (4, set()),
    "report": (5, {"matplotlib", "rich"}),
    "workloads": (6, {"bfcl_eval", "numpy"}),
    # The three drivers share a number, and so never import one another.
    "verify": (7, {"hypothesis", "numpy"}),
    "simulate": (7, {"numpy", "simpy"}),
    "live": (7, {"anyio", "httpx2", "jsonschema", "mcp", "openai", "referencing"}),
    "studies": (8, {"numpy"}),
    "serve": (8, {"jinja2", "numpy", "safetensors", "tokenizers"}),
    "cli": (9, {"distributed", "rich", "typer"}),
    # The plug-ins: Hypothesis and pytest import them, nobody here does.
    "_hypothesis": (10, {"hypothesis"}),
    "pytest_plugin": (10, {"pytest"}),
}
NETWORKX_MODULE = "asyncfc_sim.core.order"

# Everything else of the standard library is closed to the core: no clock, disk, network, process or randomness.
PURE_STDLIB = {
    "__future__", "abc", "bisect", "collections", "copy", "dataclasses", "enum", "fractions", "functools", "graphlib",
    "hashlib", "heapq", "itertools", "json", "math", "numbers", "operator", "re", "string", "types", "typing",
}  # fmt: skip
IMPURE_BUILTINS = {"__import__", "breakpoint", "eval", "exec", "id", "input", "open", "print"}

# Not needed to print help; a command imports what it needs when it runs.
HEAVY = {
    "anyio", "bfcl_eval", "dask", "distributed", "griffe", "httpx2", "hypothesis", "jinja2", "lark", "llguidance",
    "matplotlib", "mcp", "networkx", "numpy", "openai", "pydantic", "safetensors", "scipy", "simpy", "tokenizers",
}  # fmt: skip


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def floor_of(module: str) -> str:
    """Name the folder of a module; the exempt helpers have none ("")."""
    if module in {"asyncfc_sim", "asyncfc_sim._resources"}:
        return ""
    if module == "asyncfc_sim.__main__":
        return "cli"
    return module.split(".")[1]


def imports(module: str) -> Iterator[str]:
    """Yield the absolute name of everything that a module imports, inside functions too."""
    path = MODULES[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            outer = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            source = ".".join([*outer, node.module] if node.module else outer)
            # `from asyncfc_sim import core` imports a module; `from asyncfc_sim.core import Call` a name of one.
            for alias in node.names:
                name = f"{source}.{alias.name}"
                yield name if name in MODULES else source


def fault(module: str, imported: str) -> str | None:
    """Say what is wrong with an import, if anything is."""
    floor = floor_of(module)
    number, third_party = FLOORS[floor] if floor else (0, set())
    top = imported.split(".")[0]
    if module == "asyncfc_sim" and top == module:
        return None  # names for type checkers; tests/test_public.py sees that importing it loads nothing
    if top == "asyncfc_sim":
        if imported == "asyncfc_sim":
            return "the package itself (import the module that is meant)" if floor else None
        target = floor_of(imported)
        if target == floor or (not target and floor != "core"):
            return None
        if target and FLOORS[target][0] < number:
            return None
        return f"{target or imported} from {floor or 'the package root'}: imports point down only"
    if top in sys.stdlib_module_names:
        return f"{imported}: not pure" if floor == "core" and top not in PURE_STDLIB else None
    if top in third_party or (top == "networkx" and module == NETWORKX_MODULE):
        return None
    return f"{imported}: not in this floor's table"


def test_every_module_has_a_floor():
    assert len(MODULES) > 1
    assert {floor_of(module) for module in MODULES} - {""} <= set(FLOORS)


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_down(module: str):
    assert [why for name in imports(module) if (why := fault(module, name))] == []


@pytest.mark.parametrize("module", [name for name in MODULES if floor_of(name) == "core"])
def test_the_core_calls_no_impure_builtin(module: str):
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert called & IMPURE_BUILTINS == set()


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("asyncfc_sim.core.values", "asyncfc_sim.language.parser"),
        ("asyncfc_sim.core.values", "asyncfc_sim._resources"),
        ("asyncfc_sim.core.values", "networkx"),
        ("asyncfc_sim.core.values", "time"),
        ("asyncfc_sim.core.values", "asyncio.locks"),
        ("asyncfc_sim.verify.walk", "asyncfc_sim.simulate.driver"),
        ("asyncfc_sim.traces.trace", "numpy"),
        ("asyncfc_sim", "numpy"),
    ],
)
def test_the_rule_can_fail(module: str, imported: str):
    assert fault(module, imported)


def imported_by(statement: str) -> set[str]:
    """Run a statement in a fresh interpreter; return the top-level modules that it loads."""
    run = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", statement], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    lines = [line for line in run.stderr.splitlines() if line.startswith("import time:")]
    return {line.rpartition("|")[2].strip().split(".")[0] for line in lines}


def test_importing_the_package_is_light():
    loaded = imported_by("import asyncfc_sim")
    assert "asyncfc_sim" in loaded
    assert loaded & (HEAVY | {"rich", "typer"}) == set()


def test_help_is_light():
    (script,) = importlib.metadata.entry_points(group="console_scripts", name="asyncfc")
    assert script.value == "asyncfc_sim.cli:main"
    loaded = imported_by("import sys; from asyncfc_sim.cli import main; sys.argv = ['asyncfc', '--help']; main()")
    assert "typer" in loaded
    assert loaded & HEAVY == set()
