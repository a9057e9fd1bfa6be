"""Trials: arguments that tools accept, values that are known, states that calls lead to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asyncfc_sim.verify.effects.arguments import accepted, draw, known_values
from asyncfc_sim.verify.effects.declared import Declared
from asyncfc_sim.verify.effects.function_subject import FunctionSubject, function_subject
from asyncfc_sim.verify.effects.reaching import MOST_BEFORE, Trials
from asyncfc_sim.verify.effects.subject import CannotCheck
from asyncfc_sim.verify.effects.swap import reach
from asyncfc_sim.verify.effects.trial import Call, Trial
from tests.verify.effects.sources import tools_from

SOURCE = """
    from typing import Literal
    ROOMS = {"blue-room": {"size": 3}}

    @tool(writes=["room:{name}"])
    def book(name: str, guests: list[str], kind: Literal["x", "y"] = "x") -> dict:
        return {"booking": f"{name}/{len(guests)}", "known": name in ROOMS}

    @tool(reads=["booking:{booking}"])
    def cancel(booking: str) -> None: ...
"""


def drawn(subject: FunctionSubject, tool: str, known: Any, n: int = 200) -> list[Call]:
    rng = np.random.default_rng(0)
    calls = [draw(subject, tool, known, rng) for _ in range(n)]
    return [call for call in calls if call is not None]


def test_arguments_are_accepted_and_names_that_are_known_come_up(tmp_path: Path):
    with function_subject(tools_from(tmp_path, SOURCE)) as subject:
        known = known_values([{"booking": "blue-room/2"}], subject.observe())
        assert ["blue-room"] in known
        assert ["blue-room/2"] in known
        calls = drawn(subject, "book", known)
        assert len(calls) == 200
        assert all(accepted(subject, call) for call in calls)
        assert {call.args["name"] for call in calls} >= {"blue-room", "BLUE-ROOM", "a", "A", "b"}
        assert any("blue-room" in call.args["guests"] for call in calls)
        assert {call.args.get("kind") for call in calls} == {None, "x", "y"}  # nothing else would be accepted
        assert "blue-room/2" in {call.args["booking"] for call in drawn(subject, "cancel", known)}


def test_calls_whose_declaration_does_not_hold_are_not_made(tmp_path: Path):
    with function_subject(tools_from(tmp_path, SOURCE)) as subject:
        assert not accepted(subject, Call("cancel", {"booking": ".."}))
        assert not accepted(subject, Call("cancel", {"booking": 3}))
        assert ".." not in {call.args["booking"] for call in drawn(subject, "cancel", [[".."]])}


def test_the_subject_is_in_the_state_of_the_trial_that_was_drawn(tmp_path: Path):
    source = "N = []\n@tool(writes=['n'])\ndef count(by: int) -> int:\n    N.append(by)\n    return sum(N)\n"
    with function_subject(tools_from(tmp_path, source)) as subject:
        trials = Trials(subject, Declared(subject.tools), np.random.default_rng(0))
        lengths = set()
        for _ in range(60):
            trial = trials.draw(("count", "count"))
            state = subject.observe()
            assert reach(subject, trial)[-1:] == [sum(call.args["by"] for call in trial.prefix)][: len(trial.prefix)]
            assert subject.observe() == state
            lengths.add(len(trial.prefix))
    assert lengths == set(range(MOST_BEFORE + 1))


def test_a_tool_without_arguments_that_fit_is_refused(tmp_path: Path):
    source = """
        from typing import Annotated
        from pydantic import AfterValidator

        def no(value: str) -> str:
            raise ValueError("never")

        @tool(reads=[])
        def never(name: Annotated[str, AfterValidator(no)]) -> None: ...
    """
    with function_subject(tools_from(tmp_path, source)) as subject:
        trials = Trials(subject, Declared(subject.tools), np.random.default_rng(0))
        with pytest.raises(CannotCheck, match=r"never: it cannot be called.*examples\(\)"):
            trials.draw(("never", "never"))


def test_a_trial_is_told_in_one_line():
    trial = Trial((Call("a", {}),), Call("b", {"x": 1}), Call("c", {"y": "z"}))
    assert str(trial) == "a(); b(x=1); c(y='z')"
    assert trial.reversed().reversed() == trial
