"""The same tasks on engines that nobody here wrote, by the project's own model, one by one and with futures.

What was done in the office must be what was asked for, whichever engine and whichever policy; the transcripts that the
server was sent must be right, and read by the model as it learnt them; and tools must have run beside one another or
beside writing, or this would say little.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asyncfc_sim.live.transcript_check import check_answers
from asyncfc_sim.serve.chat_request import read_request
from asyncfc_sim.serve.served_model import ServedModel
from asyncfc_sim.traces.certificates import certificate
from asyncfc_sim.traces.trace import read_trace
from asyncfc_sim.workloads.office.judge import expected
from asyncfc_sim.workloads.office.tasks import OfficeTask, random_task
from tests.engine_servers import Engine, tiny_model
from tests.office_runs import OfficeRun, office_run
from tests.tee import Talk

pytestmark = pytest.mark.slow

SEED = 2026
CHOSEN = (1, 2, 5, 6)  # of this seed, by number: of the first that the model does right, some of each kind
# On touch, what the model is shown does not depend on how fast this machine is.
POLICIES = {"sync": (), "asyncfc": ("--grace", "0", "--delivery", "on_touch")}
# The office's own tools take no time. So that they can overlap with anything, they are made to take some (injected).
SLOWLY = ("--inject", "office", "--inject-scale", "0.2", "--seed", "1")


def chosen() -> list[OfficeTask]:
    rng = np.random.default_rng(SEED)
    drawn = [random_task(rng) for _ in range(max(CHOSEN) + 1)]
    return [drawn[number] for number in CHOSEN]


def test_what_was_asked_for_is_done_one_by_one_and_with_futures(engine: Engine, tmp_path: Path) -> None:
    ours, overlapped_s = ServedModel(tiny_model()), []
    for number, task in enumerate(chosen()):
        for policy, options in POLICIES.items():
            folder = tmp_path / f"{number}-{policy}"
            run = office_run(engine.base_url, engine.model, task.prompts, folder, "--policy", policy, *options, *SLOWLY)
            assert run.code == 0, run.errors
            for talk in run.tee.talks:
                assert _tokens_read(talk) == _tokens_learnt(talk, ours), talk.body["messages"]
            assert run.outcome == expected(task)[0], (policy, task.prompts)
            _look_at(run)
            if policy == "asyncfc":
                overlapped_s.append(run.document["saved"]["decode_tool_s"] + run.document["saved"]["tool_tool_s"])
    assert max(overlapped_s) > 0


def _look_at(run: OfficeRun) -> None:
    """Run and trace are certified, and each transcript that was sent is one that the next one goes on from."""
    assert run.document["certificate"]["certified"]
    (recorded,) = read_trace(run.trace)
    assert certificate(recorded).certified
    before: list[Any] = []
    for talk in run.tee.talks:
        transcript = talk.body["messages"]
        check_answers(transcript)
        assert transcript[: len(before)] == before
        before = transcript
    assert before


def _tokens_read(talk: Talk) -> int:
    """How long the prompt was, as the server counts."""
    lines = [line.removeprefix("data: ") for line in talk.sent.decode().splitlines() if line.startswith("data: {")]
    (usage,) = [found for line in lines if (found := json.loads(line).get("usage"))]
    return int(usage["prompt_tokens"])


def _tokens_learnt(talk: Talk, ours: ServedModel) -> int:
    """How long it is by the model's own template. Some servers put what a template leaves out somewhere else."""
    asked = read_request(talk.body)
    return len(ours.prompt(asked.messages, asked.tools))


def test_the_tasks_are_not_all_of_a_kind() -> None:
    """Something is booked, something is sent, and a tool fails."""
    outcomes = [expected(task)[0] for task in chosen()]
    assert any(each.bookings for each in outcomes)
    assert any(each.messages for each in outcomes)
