"""`@tool` attaches what a developer says, changes nothing, and refuses what cannot be meant."""

from __future__ import annotations

import asyncio
import functools
import subprocess
import sys

import pytest

from asyncfc_sim.tools.decorator import Metadata, metadata_of, tool
from asyncfc_sim.tools.errors import ToolError


def read(path: str) -> str:
    return path


def test_the_function_stays_as_it_was():
    def f(x: int, y: int = 2) -> int:
        return x + y

    before = dict(vars(f))
    assert tool(f) is f
    assert tool(reads=["k:{x}"], name="g")(f) is f
    assert (f(1), f.__name__, f.__wrapped__ if hasattr(f, "__wrapped__") else None) == (3, "f", None)
    assert vars(f).keys() - before.keys() == {"__asyncfc__"}


def test_bare_and_with_arguments():
    @tool
    def bare() -> None: ...

    @tool()
    def empty() -> None: ...

    @tool(
        reads=["a:{x}", "b"],
        writes=[],
        irreversible=True,
        idempotent=True,
        timeout_s=3,
        concurrency=2,
        commutes_with=["bare"],
        approval=True,
        name="other-name",
    )
    def full(x: int) -> None: ...

    assert metadata_of(bare) == metadata_of(empty) == Metadata()
    assert metadata_of(full) == Metadata(("a:{x}", "b"), (), True, True, 3.0, 2, ("bare",), "other-name", True)
    assert metadata_of(read) is None


@pytest.mark.parametrize(
    ("reads", "writes", "declared"),
    [(None, None, False), ([], None, True), (None, [], True), (["k"], None, True)],
)
def test_saying_nothing_of_effects_is_not_the_same_as_saying_that_there_are_none(reads, writes, declared):
    function = tool(reads=reads, writes=writes)(lambda: None)
    metadata = metadata_of(function)
    assert metadata is not None
    assert metadata.declared is declared


def test_methods_and_async_functions():
    class Store:
        @tool(reads=["k:{key}"])
        def get(self, key: str) -> str:
            return key

        @staticmethod
        @tool(name="inner")
        def below() -> int:
            return 1

        @tool(name="outer")
        @staticmethod
        def above() -> int:
            return 2

        @tool
        @classmethod
        def of_class(cls) -> str:
            return cls.__name__

    @tool
    async def later() -> int:
        return 3

    store = Store()
    assert metadata_of(store.get) == Metadata(reads=("k:{key}",))
    assert (store.get("a"), Store.below(), store.above(), store.of_class()) == ("a", 1, 2, "Store")
    assert [found.name for f in (Store.below, store.above) if (found := metadata_of(f))] == ["inner", "outer"]
    assert metadata_of(store.of_class) == Metadata()
    assert asyncio.run(later()) == 3


def test_a_wrapper_made_with_wraps_carries_what_was_said():
    @tool(reads=["k"])
    def f() -> None: ...

    @functools.wraps(f)
    def wrapper(*args, **kwargs):
        return f(*args, **kwargs)

    assert metadata_of(wrapper) == Metadata(reads=("k",))


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"reads": "file:{path}"}, "reads is a list, not a string: write reads=['file:{path}']"),
        ({"commutes_with": "read"}, "commutes_with is a list, not a string: write commutes_with=['read']"),
        ({"writes": 3}, "writes is a list of strings, not 3"),
        ({"writes": [3]}, "writes is a list of strings; 3 is none"),
        ({"reads": ["file:{name}"]}, "reads: 'file:{name}' names 'name'; its parameters are: path"),
        ({"reads": ["file:{path.name}"]}, "reads: 'file:{path.name}' names 'path.name'; its parameters are: path"),
        ({"reads": ["a*b"]}, "reads: 'a*b': key pattern 'a*b': '*' may only be the last segment"),
        ({"reads": [""]}, "reads: '': key pattern '' is empty"),
        ({"reads": ["{}"]}, "reads: '{}': braces hold the name of a parameter, and nothing else"),
        ({"reads": ["k:{path!r}"]}, "reads: 'k:{path!r}': braces hold the name of a parameter, and nothing else"),
        ({"writes": ["k:{path"]}, "writes: 'k:{path': expected '}' before end of string"),
        ({"irreversible": 1}, "irreversible is True or False, not 1"),
        ({"idempotent": "no"}, "idempotent is True or False, not 'no'"),
        ({"timeout_s": 0}, "timeout_s is a number of seconds above 0, not 0"),
        ({"timeout_s": float("nan")}, "timeout_s is a number of seconds above 0, not nan"),
        ({"timeout_s": True}, "timeout_s is a number of seconds above 0, not True"),
        ({"concurrency": 0}, "concurrency is a whole number, 1 or more, not 0"),
        ({"concurrency": 1.5}, "concurrency is a whole number, 1 or more, not 1.5"),
        ({"name": "größe"}, "name='größe': 1 to 64 of the characters A-Z a-z 0-9 _ - are expected"),
        ({"name": "x" * 65}, f"name='{'x' * 65}': 1 to 64 of the characters A-Z a-z 0-9 _ - are expected"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name_of_the_tool(said, why):
    with pytest.raises(ToolError) as caught:
        tool(**said)(read)
    assert str(caught.value) == f"tool 'read': {why}"
    assert metadata_of(read) is None


def test_arguments_go_by_name():
    with pytest.raises(ToolError, match=r"@tool stands above a function; its arguments go by name"):
        tool(["file:{path}"])  # type: ignore[call-overload]


def test_files_of_tools_pay_for_the_standard_library_and_the_core_alone():
    statement = (
        "import sys; before = set(sys.modules); import asyncfc_sim.tools.decorator; print(*set(sys.modules) - before)"
    )
    run = subprocess.run([sys.executable, "-c", statement], capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    assert {name for name in loaded if name.startswith("asyncfc_sim.") and name.count(".") == 2} == {
        "asyncfc_sim.core.footprint",
        "asyncfc_sim.core.references",
        "asyncfc_sim.core.values",
        "asyncfc_sim.tools.decorator",
        "asyncfc_sim.tools.errors",
    }
    assert {name.partition(".")[0] for name in loaded} - {"asyncfc_sim"} <= sys.stdlib_module_names
