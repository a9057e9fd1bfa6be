"""The pytest plug-in, as somebody else meets it: a project of their own, tested in a process of its own."""

from __future__ import annotations

import importlib.metadata

import pytest

pytest_plugins = ["pytester"]

SHOP = """
from asyncfc_sim.tools.decorator import tool

STOCK = {"apple": 3}


@tool(reads=["stock:{item}"])
def count(item: str) -> int:
    return STOCK.get(item, 0)


@tool(writes=["stock:{item}"])
def restock(item: str, n: int) -> int:
    STOCK[item] = STOCK.get(item, 0) + n
    return STOCK[item]
"""
WRONG = """

@tool(reads=[])
def list_items() -> list[str]:
    return sorted(STOCK)
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makepyfile(shop=SHOP, wrong_shop=SHOP + WRONG)
    return pytester


def test_the_entry_point_is_the_one_that_pytest_loads() -> None:
    (entry,) = importlib.metadata.entry_points(group="pytest11", name="asyncfc")
    assert entry.value == "asyncfc_sim.pytest_plugin"


def test_sound_tools_pass_however_they_are_named(project: pytest.Pytester) -> None:
    project.makepyfile("""
        import shop

        def test_functions(asyncfc_check):
            report = asyncfc_check([shop.count, shop.restock], examples=100)
            assert set(report.tools) == {"count", "restock"}
            assert report.examples == 7  # as the command line says
            assert report.swaps > 0

        def test_one_function(asyncfc_check):
            assert set(asyncfc_check(shop.restock).tools) == {"restock"}

        def test_a_module(asyncfc_check):
            assert set(asyncfc_check(shop).tools) == {"count", "restock"}

        def test_a_file(asyncfc_check):
            assert set(asyncfc_check("shop.py").tools) == {"count", "restock"}

        def test_nothing_is_left_behind():
            assert shop.STOCK == {"apple": 3}
    """)
    project.runpytest_subprocess("--asyncfc-examples", "7").assert_outcomes(passed=5)


def test_a_wrong_declaration_fails_with_two_calls_the_key_and_the_right_declaration(project: pytest.Pytester) -> None:
    project.makepyfile("""
        import wrong_shop

        def test_my_tools(asyncfc_check):
            asyncfc_check(wrong_shop)
    """)
    result = project.runpytest_subprocess("--asyncfc-examples", "20")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*test_my_tools*",
            "asyncfc: * declaration* wrong, in * trials, seed 0",
            '*list_items: add reads=[[]"stock:[*]"[]]*',
            "*list_items()",
            "*restock(item=*, n=*)",
            "*key *the keys of STOCK",
        ]
    )
    result.stdout.no_fnmatch_line("*def check*")  # nothing of the plug-in's own code


def test_what_cannot_be_checked_fails_and_says_why(project: pytest.Pytester) -> None:
    project.makepyfile("""
        import socket

        CONNECTION = socket.socket()

        def send(text: str) -> int:
            return CONNECTION.send(text.encode())

        def greet(name) -> str:
            raise ValueError("never")

        def test_a_state_that_cannot_be_seen(asyncfc_check):
            asyncfc_check(send)

        def test_a_tool_that_always_fails(asyncfc_check):
            asyncfc_check([greet], examples=5)

        def test_a_file_that_is_not_there(asyncfc_check):
            asyncfc_check("no_such_file.py")

        def test_what_is_no_function(asyncfc_check):
            asyncfc_check([len, "text"])
    """)
    result = project.runpytest_subprocess()
    result.assert_outcomes(failed=4)
    result.stdout.fnmatch_lines(
        [
            "*test_a_state_that_cannot_be_seen*",
            "asyncfc cannot check these tools: *CONNECTION is a *socket*",
            "*test_a_tool_that_always_fails*",
            "greet could not be checked: *never*",
            "*test_a_file_that_is_not_there*",
            "asyncfc cannot check these tools: *no_such_file.py*",
            "*test_what_is_no_function*",
            "asyncfc cannot check these tools: *",
        ]
    )


def test_whoever_does_not_ask_pays_next_to_nothing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("""
        import sys

        def test_light():
            ours = {module for module in sys.modules if module.startswith("asyncfc_sim")}
            assert ours == {"asyncfc_sim", "asyncfc_sim.pytest_plugin"}
            assert not {"numpy", "pydantic", "hypothesis", "rich", "typer"} & set(sys.modules)
    """)
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)


def test_a_bad_option_is_a_usage_error(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest_subprocess("--asyncfc-examples", "none")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--asyncfc-examples: a number from 1 on is expected, not 'none'"])
