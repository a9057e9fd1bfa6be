"""Suggestions: for tools that declare nothing, what a person who read the source would declare."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from asyncfc_sim.verify.effects.function_subject import function_subject
from asyncfc_sim.verify.effects.suggest import Suggestion, suggest
from tests.verify.effects.sources import tools_from

INVENTORY = Path(__file__).parents[3] / "examples" / "03_inventory.tools.py"


def suggested(folder: Path, *source: str, calls: int = 40) -> dict[str, Suggestion]:
    with function_subject(tools_from(folder, *source)) as subject:
        return {each.tool: each for each in suggest(subject, calls=calls)}


def test_what_was_written_by_hand_is_found_again_by_watching(tmp_path: Path):
    source = INVENTORY.read_text(encoding="utf-8")
    declared = suggested(tmp_path, source, calls=80)
    assert {each.origin for each in declared.values()} == {"developer"}
    watched = suggested(tmp_path, re.sub(r"^@tool.*\n", "", source, flags=re.MULTILINE), calls=80)
    assert {each.origin for each in watched.values()} == {"observed"}
    for tool, suggestion in watched.items():
        assert set(suggestion.reads) == set(declared[tool].reads), tool
        assert set(suggestion.writes) == set(declared[tool].writes), tool


def test_what_was_not_declared_is_told(tmp_path: Path):
    source = """
        PAGES, STATS = {"a": "x", "b": "y"}, {"reads": 0}

        @tool(reads=["page:{name}"])
        def read(name: str) -> str:
            STATS["reads"] += 1
            return PAGES[name]

        @tool(writes=["page:{name}"])
        def write(name: str, text: str) -> None:
            PAGES[name] = text
    """
    found = suggested(tmp_path, source)
    assert found["write"].origin == "developer"
    assert found["read"].origin == "observed"
    assert found["read"].decorator == '@tool(reads=["page:{name}"], writes=["stats:reads"])'
    assert "its name says that it only reads, and it does not" in found["read"].remarks
    assert any("not declared: writes stats:reads" in remark for remark in found["read"].remarks)


def test_a_tool_that_nobody_could_call_is_judged_by_its_name_alone(tmp_path: Path):
    source = """
        def get_secret(token: str) -> str:
            raise PermissionError(token)

        def pay(token: str) -> str:
            raise PermissionError(token)
    """
    found = suggested(tmp_path, source, calls=5)
    assert (found["get_secret"].origin, found["get_secret"].reads, found["get_secret"].writes) == ("rule", ("*",), ())
    assert (found["pay"].origin, found["pay"].writes) == ("nothing", ("*",))
    assert "irreversible=True" in found["pay"].remarks[0]
    assert found["pay"].observed.unseen == 1.0


@pytest.mark.parametrize(("calls", "at_most"), [(30, 0.1), (100, 0.03)])
def test_the_more_calls_were_watched_the_surer(tmp_path: Path, calls: int, at_most: float):
    source = "def ping() -> str: return 'pong'"
    assert suggested(tmp_path, source, calls=calls)["ping"].observed.unseen == pytest.approx(at_most)
