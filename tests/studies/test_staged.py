"""Sets of tasks in a benchmark: a fresh world for every run, a judge of each, and a server that dies in the middle."""

from __future__ import annotations

from asyncfc_sim.live import virtual_clock
from asyncfc_sim.live.agent import Agent
from asyncfc_sim.studies.bench import DEAD_AFTER, Found, Plan, conduct
from asyncfc_sim.studies.bench_rows import Request, answered, row, verdicts
from asyncfc_sim.studies.staged import Staged
from asyncfc_sim.workloads.office.tasks import OfficeTask, Turn
from tests.office_model import OfficeModel, office_assignments, office_tasks

POLICIES = ("sync", "early_start", "asyncfc")


def conducted(model: OfficeModel, n: int = 12, *, shown: int | None = None) -> tuple[Plan, Found]:
    """A benchmark of `n` tasks; the model knows the first `shown` of them."""
    stages = Staged(office_assignments(n))
    plan = Plan(arms=POLICIES, prompts=stages.prompts)
    agents = {arm: Agent(model, policy=arm) for arm in POLICIES}
    found = Found()
    virtual_clock.run(conduct(plan, agents, found, converse=stages.converse))
    return plan, found


def test_the_expert_is_right_under_every_policy_for_every_run_has_a_world_of_its_own() -> None:
    plan, found = conducted(OfficeModel(office_tasks(12)))
    assert any(len(prompt.texts) > 1 for prompt in plan.prompts)
    for arm in POLICIES:
        assert set(verdicts(plan, found, arm).values()) == {True}
        one = row(plan, found, arm, answered(found, arm), Request())
        assert one.correct is not None
        assert (one.correct.count, one.completed) == (12, 12)


def test_who_does_other_tasks_is_judged_wrong() -> None:
    other, asked = office_tasks(12, seed=9), office_tasks(12)
    misled = [
        OfficeTask((Turn(a.turns[0].text, b.turns[0].wishes), *b.turns[1:])) for a, b in zip(asked, other, strict=True)
    ]
    model = OfficeModel(misled)
    plan, found = conducted(model)
    assert False in verdicts(plan, found, "sync").values()


def test_a_server_that_dies_ends_it_and_what_there_is_is_kept() -> None:
    plan, found = conducted(OfficeModel(office_tasks(12), dies_after=40))
    assert found.stopped is not None
    assert "nothing answers any more: nothing answers at memory" in found.stopped
    assert len([outcome for outcome in found.outcomes if outcome.unreachable]) >= DEAD_AFTER
    assert len(found.outcomes) < plan.size
    assert [outcome for outcome in found.outcomes if outcome.completed]
    failed = [outcome for outcome in found.outcomes if not outcome.completed]
    for outcome in failed:
        assert verdicts(plan, found, outcome.arm)[outcome.prompt, outcome.repeat] is False
