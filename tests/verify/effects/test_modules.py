"""Which variables count: those that the tools' code can reach, in their file and the modules beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from asyncfc_sim.verify.effects.access import told
from asyncfc_sim.verify.effects.function_subject import function_subject
from asyncfc_sim.verify.effects.trial import Call
from tests.verify.effects.sources import tools_from


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    (tmp_path / "asyncfc_test_store.py").write_text(
        "ITEMS = {'a': 1}\ncount = 0\ndef put(name):\n    global count\n    count += 1\n    ITEMS[name] = count\n"
    )
    return tmp_path


def test_state_of_a_module_beside_counts_and_is_put_back(beside: Path):
    source = """
        import asyncfc_test_store as store
        from asyncfc_test_store import ITEMS

        @tool
        def put(name: str) -> int:
            store.put(name)
            return len(ITEMS)
    """
    with function_subject(tools_from(beside, source)) as subject:
        before = subject.observe()
        assert subject.call(1, Call("put", {"name": "b"})) == 2
        changed = {told(where) for where in before.changed(subject.observe())}
        assert changed == {"ITEMS['b']", "asyncfc_test_store.count"}
        subject.reset(0)
        assert subject.observe() == before
        _, accesses = subject.watched(1, Call("put", {"name": "b"}))
        assert {told(access.where) for access in accesses if access.kind == "w"} == changed


def test_what_no_tool_can_reach_is_left_alone(tmp_path: Path):
    source = """
        import threading
        unrelated = threading.local()
        COUNTS = {"n": 0}

        def report():
            return unrelated

        def helper():
            COUNTS["n"] += 1

        @tool
        def bump() -> None:
            helper()
    """
    with function_subject(tools_from(tmp_path, source)) as subject:
        names = {told(where[:1]) for where in subject.observe().content}
    assert "COUNTS" in names  # by way of the helper
    assert "unrelated" not in names


def test_a_method_brings_its_object_under_its_name(tmp_path: Path):
    source = """
        class Till:
            def __init__(self):
                self.total = 0
            def add(self, amount: int) -> None:
                self.total += amount

        till = Till()
        TOOLS = [till.add]
    """
    with function_subject(tools_from(tmp_path, source)) as subject:
        _, accesses = subject.watched(1, Call("add", {"amount": 2}))
    assert {told(access.where) for access in accesses if access.kind == "w"} == {"till.total"}
