"""One schedule without a clock shows what every schedule with one does, where that does not depend on the schedule."""

from __future__ import annotations

from hypothesis import assume, given, settings

from asyncfc_sim.core.policy import Policy
from asyncfc_sim.simulate.experiment import Arm, simulate
from asyncfc_sim.simulate.models import Models
from asyncfc_sim.simulate.outline import outline
from asyncfc_sim.workloads.workload import Task
from tests.simulate.samples import PAPER, PATIENT, conversations, policies, timed, timings
from tests.toy_tasks import calls, shows_all, task

TWO = shows_all(calls(("pure", {"x": 1}), ("read", {"path": "a"})))


@settings(max_examples=40)
@given(toy=conversations(), policy=policies(), models=timings())
def test_an_outline_has_the_messages_the_calls_and_the_values_of_a_run(
    toy: Task, policy: Policy, models: Models
) -> None:
    seen = outline(toy, policy, models, 0, "turn", "values")
    assume(not seen.cut)
    run = simulate(toy, Arm("arm", policy, "turn"), models, 0)
    assert len(seen.messages) == run.requests
    rules = [(rule, fields.get("future")) for _, rule, fields in run.recorder.events]
    assert [("issue", call.future) for call in seen.calls] == [entry for entry in rules if entry[0] == "issue"]
    assert seen.ran.keys() == {future for rule, future in rules if rule == "start"}
    assert seen.values == run.session.scheduler.values
    tokens = [fields["tokens"] for _, rule, fields in run.recorder.events if rule == "message"]
    assert [sum(part.tokens for part in message.writing.parts) for message in seen.messages] == tokens


def test_what_a_request_waits_for() -> None:
    waits = [
        [message.waits_for for message in outline(task(TWO), policy, timed(), 0, "call", "values").messages]
        for policy in (PATIENT, PAPER)
    ]
    assert waits == [[{1}, {2}, {1, 2}], [set(), set(), {1, 2}, {1, 2}]]
