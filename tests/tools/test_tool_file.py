"""Files of tools: which functions count, how the file is imported, and what is said when it cannot be."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from textwrap import dedent
from types import ModuleType

import pytest

from asyncfc_sim.tools.errors import MissingDependency, ToolFileError
from asyncfc_sim.tools.tool_file import ToolFile, load_tools, tools_of

THREE = """
    from asyncfc_sim.tools.decorator import tool

    STATE = {}

    def get(key: str) -> int:
        return STATE[key]

    def put(key: str, value: int) -> None:
        STATE[key] = value

    def _helper(x): ...
"""


@pytest.fixture
def write(tmp_path: Path):
    def write(text: str, name: str = "mytools.py") -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
        return path

    return write


def names(file: ToolFile) -> list[str]:
    assert list(file.tools) == [tool.name for tool in file.tools.values()] == list(file.core)
    return list(file.tools)


# Which functions are tools ------------------------------------------------------------------------------------------


def test_a_module_that_is_imported_already_is_taken_as_it_is(write):
    module = load_tools(write(THREE)).module
    again = tools_of(module)
    assert names(again) == ["get", "put"]
    assert again.module is module
    assert again.tools["put"].function is module.put
    with pytest.raises(ToolFileError, match="no tools"):
        tools_of(ModuleType("empty"))


def test_without_any_mark_all_public_functions_of_the_file(write):
    file = load_tools(
        write(
            THREE
            + """
    from os.path import join
    from functools import lru_cache

    class Public:
        def __call__(self): ...

    instance = Public()
    number = 5
    nameless = lambda: None
    again = get

    @lru_cache
    def cached(x: int): ...
    """
        )
    )
    assert names(file) == ["get", "put", "cached"]


def test_decorated_functions_leave_the_others_out(write):
    marked = """
    @tool(reads=["k:{key}"])
    def look(key: str): ...

    @tool
    def _private(): ...

    alias = look
    """
    assert names(load_tools(write(THREE + marked))) == ["look", "_private"]


def test_a_list_of_tools_is_the_whole_list(write):
    listed = """
    @tool
    def marked(): ...

    class Store:
        def size(self) -> int:
            return 0

    TOOLS = [put, Store().size, tool(name="third")(lambda: None)]
    """
    assert names(load_tools(write(THREE + listed))) == ["put", "size", "third"]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("get", ["get"]),
        ("_helper", ["_helper"]),
        ("SOME", ["put", "get"]),
        ("NAMED", ["store", "load"]),
        ("bound", ["size"]),
        ("TOOLS", ["put"]),
    ],
)
def test_a_name_says_which(write, name, found):
    more = """
    class Store:
        def size(self) -> int:
            return 0

    SOME = (put, get)
    NAMED = {"store": put, "load": get}
    TOOLS = [put]
    bound = Store().size
    """
    assert names(load_tools(write(THREE + more), name)) == found


def test_hooks_are_no_tools(write):
    hooks = """
    def fresh():
        STATE.clear()

    def observe():
        return STATE
    """
    file = load_tools(write(THREE + hooks))
    assert names(file) == ["get", "put"]
    assert (file.fresh, file.observe) == (file.module.fresh, file.module.observe)
    assert file.observe is not None
    assert file.fresh is not None
    file.tools["put"].call({"key": "a", "value": 1})
    assert file.observe() == {"a": 1}
    assert (file.fresh(), file.observe()) == (None, {})

    listed = load_tools(write(THREE + hooks + "TOOLS = [get, fresh, observe]\n"))
    assert names(listed) == ["get"]
    without = load_tools(write(THREE))
    assert (without.fresh, without.observe) == (None, None)


# How the file is imported -------------------------------------------------------------------------------------------


def test_each_load_is_a_module_of_its_own(write):
    path = write(THREE)
    first, second = load_tools(path), load_tools(path)
    first.tools["put"].call({"key": "a", "value": 1})
    assert (first.module.STATE, second.module.STATE) == ({"a": 1}, {})
    assert first.module.__name__ != second.module.__name__
    assert "mytools" not in sys.modules


def test_neighbours_can_be_imported_and_nothing_is_left_behind(write, monkeypatch, tmp_path):
    monkeypatch.delitem(sys.modules, "neighbour_of_tools", raising=False)
    path = write("from neighbour_of_tools import get\nTOOLS = [get]\n", "folder/mytools.py")
    write("def get(): ...\n", "folder/neighbour_of_tools.py")
    before = (list(sys.path), sys.dont_write_bytecode)
    assert names(load_tools(path)) == ["get"]
    assert (list(sys.path), sys.dont_write_bytecode) == before
    assert sorted(each.name for each in path.parent.iterdir()) == ["mytools.py", "neighbour_of_tools.py"]
    sys.modules.pop("neighbour_of_tools")


def test_a_relative_path(write, monkeypatch):
    monkeypatch.chdir(write(THREE).parent)
    file = load_tools("mytools.py")
    assert file.path == Path("mytools.py")
    assert file.module.__file__ == str(Path("mytools.py").absolute())
    write("\n1 / 0\n")
    with pytest.raises(ToolFileError, match=r"^mytools\.py:2: it cannot be imported: ZeroDivisionError"):
        load_tools("mytools.py")


def test_types_written_as_text_dataclasses_and_pickle_work(write):
    path = write(
        """
        from __future__ import annotations
        from dataclasses import dataclass

        @dataclass
        class Point:
            x: int
            next: Point | None = None

        def move(point: Point) -> Point:
            return Point(point.x + 1, point)
        """,
        "a-file.of.tools.py",
    )
    file = load_tools(path)
    assert file.tools["move"].call({"point": {"x": 1}}) == {"x": 2, "next": {"x": 1, "next": None}}
    point = file.module.Point(1)
    assert pickle.loads(pickle.dumps(point)) == point


def test_what_an_import_prints_does_not_mix_with_results(write, capsys):
    load_tools(write("print('hello')\ndef f(): ...\n"))
    assert capsys.readouterr() == ("", "hello\n")


# What is wrong ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "where", "why"),
    [
        ("def f(:\n", ":1:7", "invalid syntax"),
        ("\nx = {}['a']\n", ":2", "it cannot be imported: KeyError: 'a'"),
        ("def g():\n    raise OSError(2, 'gone', 'x')\n\ng()\n", ":2", "it cannot be imported: FileNotFoundError"),
        ("import sys\nsys.exit(3)\n", ":2", "it cannot be imported: SystemExit: 3"),
        ("from os import nothing_there\n", ":1", "it cannot be imported: ImportError: cannot import name"),
        ("from . import x\n", ":1", "it cannot be imported: ImportError: attempted relative import"),
        ("import asyncfc_sim.nothing\n", ":1", "it cannot be imported: ModuleNotFoundError"),
        (
            "from asyncfc_sim.tools.decorator import tool\n\n@tool(reads='k')\ndef f(): ...\n",
            ":3",
            "tool 'f': reads is a list, not a string",
        ),
        ("\n\ndef f(*args): ...\n", ":3", "tool 'f': *args cannot be offered to a model"),
        ("import sys\ndef f(x: sys.flags): ...\n", ":2", "tool 'f': parameter 'x': "),
        ("x = 1\n", "", "no tools: it defines no public function"),
        ("", "", "no tools: it defines no public function"),
        ("def fresh(): ...\n", "", "no tools: it defines no public function"),
        ("TOOLS = []\n", "", "no tools: TOOLS names none"),
        ("TOOLS = 5\n", "", "TOOLS: a function, or a list, tuple or dict of functions, is expected, not a int"),
        ("class C: ...\nTOOLS = C\n", "", "TOOLS: a function, or a list, tuple or dict of functions, is expected"),
        ("TOOLS = [5]\n", "", "tool '5': a function is expected"),
        ("TOOLS = {1: lambda: 0}\n", ":1", "tool 1: a name of 1 to 64"),
        ("def f(): ...\nTOOLS = [f, f]\n", "", "two tools are named 'f': @tool(name=\"...\") gives one another name"),
        (
            "from asyncfc_sim.tools.decorator import tool\n@tool(commutes_with=['g'])\ndef f(): ...\n",
            "",
            "tool 'f': commutes_with: 'g' is no tool of this file",
        ),
        ("def f(): ...\nfresh = 1\n", "", "fresh is kept for a function without parameters, which is not async"),
        ("def f(): ...\nasync def observe(): ...\n", "", "observe is kept for a function without parameters"),
        (
            "def f(): ...\ndef fresh(x): ...\n",
            "",
            "fresh is kept for a function without parameters, which is not async: ",
        ),
    ],
)
def test_the_place_and_the_reason_are_named(write, text, where, why):
    path = write(text)
    modules = set(sys.modules)
    with pytest.raises(ToolFileError) as caught:
        load_tools(path)
    assert str(caught.value).removeprefix(f"{path}{where}: ").startswith(why)
    if "imported" in why:
        assert not any(name.startswith("_asyncfc_tools") for name in set(sys.modules) - modules)


def test_a_fault_in_a_neighbour_names_the_line_that_imports_it(write, monkeypatch):
    monkeypatch.delitem(sys.modules, "faulty_neighbour", raising=False)
    write("\n\n1 / 0\n", "faulty_neighbour.py")
    path = write("\nimport faulty_neighbour\n")
    with pytest.raises(ToolFileError, match=r"mytools\.py:2: it cannot be imported: ZeroDivisionError"):
        load_tools(path)


def test_a_missing_package_is_named(write):
    path = write("def f(): ...\nimport no_such_package.inner\n")
    with pytest.raises(MissingDependency) as caught:
        load_tools(path)
    assert str(caught.value) == f"{path}:2: the Python package 'no_such_package' is not installed"
    assert caught.value.name == "no_such_package"


@pytest.mark.parametrize("name", ["nothing", "", "TOOLS"])
def test_a_name_that_is_not_there(write, name):
    with pytest.raises(ToolFileError, match=rf"mytools\.py: it has no '{name}'$"):
        load_tools(write(THREE), name)


def test_a_tool_named_alone_may_commute_with_others(write):
    path = write("from asyncfc_sim.tools.decorator import tool\n@tool(commutes_with=['g'])\ndef f(): ...\n")
    assert load_tools(path, "f").core["f"].commutes_with == {"g"}


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_tools(tmp_path / "none.py")
    with pytest.raises(IsADirectoryError):
        load_tools(tmp_path)


def test_an_interruption_goes_through(write):
    modules = set(sys.modules)
    with pytest.raises(KeyboardInterrupt):
        load_tools(write("raise KeyboardInterrupt\n"))
    assert not any(name.startswith("_asyncfc_tools") for name in set(sys.modules) - modules)
