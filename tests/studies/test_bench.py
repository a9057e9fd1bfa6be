"""Benchmarks of real agents on a model in memory: who runs when, what is kept, and what comes out of it.

On a virtual clock, so that times are what model and tools take, however busy the machine is.
"""

import asyncio
from contextlib import suppress

import pytest

from asyncfc_sim.live import virtual_clock
from asyncfc_sim.live.agent import Agent
from asyncfc_sim.live.model import Usage
from asyncfc_sim.studies.bench import BenchError, Found, Plan, conduct
from asyncfc_sim.studies.bench_arms import ARMS
from asyncfc_sim.studies.bench_compare import comparisons
from asyncfc_sim.studies.bench_prompts import Prompt
from asyncfc_sim.studies.bench_rows import Request, answered, row
from asyncfc_sim.tools.errors import ToolError
from tests.bench_model import LOOKUP_S, SumModel, population

POLICIES = ("sync", "sync_parallel", "early_start", "asyncfc")


def prompts(n, expected=5):
    return [Prompt(f"p{number}", f"ask {number}", expected) for number in range(n)]


def bench(model, arms=POLICIES, *, tools=(population,), n=2, fresh=lambda: None, advance=lambda: None, **plan):
    """Conduct a benchmark; returns its plan and what was found."""
    agents = {arm: Agent(model, tools, policy=ARMS.get(arm, arm), timeout_s=5) for arm in arms}
    given = Plan(arms=tuple(arms), prompts=plan.pop("prompts", prompts(n)), **plan)
    found = Found()
    virtual_clock.run(conduct(given, agents, found, fresh=fresh, advance=advance))
    return given, found


def rows_of(plan, found, request=None):
    return {arm: row(plan, found, arm, answered(found, arm), request or Request()) for arm in plan.arms}


@pytest.fixture(scope="module")
def measured():
    """Two prompts, two repeats, four policies."""
    return bench(SumModel(), repeats=2)


def test_every_run_is_there_answered_and_certified(measured):
    plan, found = measured
    assert len(found.outcomes) == plan.size == 16
    assert {(o.arm, o.prompt, o.repeat) for o in found.outcomes} == {
        (arm, prompt, repeat) for arm in POLICIES for prompt in range(2) for repeat in range(2)
    }
    for one in rows_of(plan, found).values():
        assert (one.completed, one.failed, one.certified) == (4, 0, 4)
        assert one.correct is not None
        assert one.correct.count == one.correct.n == 4
        assert one.steady is not None
        assert one.steady.value == 1
    names = [outcome.run.trace.header.run for outcome in found.outcomes if outcome.run is not None]
    assert len(set(names)) == 16
    assert names[0].startswith("bench-")


def test_what_policies_save_and_cost_has_the_order_it_must_have(measured):
    plan, found = measured
    rows = rows_of(plan, found)
    e2el_s = {arm: one.spreads["e2el"].mean for arm, one in rows.items()}
    # Two lookups one after the other, beside each other, and beside decoding too.
    assert e2el_s["sync"] > e2el_s["sync_parallel"] + LOOKUP_S / 2
    assert rows["sync"].tool_tool_s == rows["sync"].decode_tool_s == rows["sync_parallel"].decode_tool_s == 0
    assert rows["sync_parallel"].tool_tool_s > LOOKUP_S / 2
    assert rows["early_start"].decode_tool_s > 0
    assert rows["sync"].spreads["wait"].mean > 2 * LOOKUP_S * 0.9
    assert rows["sync"].requests == 2
    assert rows["sync"].prompt_tokens == 4 * 2 * 100
    assert rows["sync"].cached_tokens == 4 * 2 * 50
    by_arm = {one.arm: one for one in comparisons(plan, found, {arm: answered(found, arm) for arm in plan.arms})}
    assert list(by_arm) == list(POLICIES[1:])
    faster = by_arm["sync_parallel"]
    assert faster.base == "sync"
    assert faster.pairs == 4
    assert faster.speedup is not None
    assert faster.speedup.n == 2  # prompts: repeats are no new evidence of how they differ
    assert faster.speedup.ratio > 1
    assert faster.extra_requests == 0
    assert faster.agreement is not None
    assert faster.agreement.value == 1


def test_times_of_a_row_fit_together(measured):
    plan, found = measured
    for arm in plan.arms:
        for one in answered(found, arm).values():
            assert 0 <= one.wait_s < one.e2el_s
            # The model decodes, or it waits; nothing else is in a conversation of one turn.
            assert one.wait_s + one.decode_s == pytest.approx(one.e2el_s)
            assert len(one.ttft_s) == len(one.tpot_s) == one.requests
            assert sum(one.ttft_s) < one.decode_s
        told = rows_of(plan, found)[arm].to_json()
        assert told["median_e2el_ms"] == told["p50_e2el_ms"] <= told["p90_e2el_ms"] <= told["p99_e2el_ms"]
        assert told["request_throughput"] == pytest.approx(4 / told["duration"])
        assert told["duration"] >= 4 * told["mean_e2el_ms"] / 1000
        assert told["output_throughput"] == pytest.approx(told["total_output_tokens"] / told["duration"])


def test_the_accuracy_experiment_parts_the_model_from_the_executor():
    plan, found = bench(SumModel(), tuple(ARMS))
    runs = {arm: answered(found, arm) for arm in plan.arms}
    model, executor = comparisons(plan, found, runs)
    assert (model.base, model.arm, model.part) == ("sync", "blind", "model")
    assert (executor.base, executor.arm, executor.part) == ("blind", "async", "executor")
    # The model is shown futures in both arms, and in both the same ones; nothing but the time is different.
    assert model.same_transcript is not None
    assert model.same_transcript.count == 0
    assert model.extra_requests == 1
    assert executor.same_transcript is not None
    assert executor.same_transcript.count == executor.pairs == 2
    assert executor.agreement is not None
    assert executor.agreement.value == 1
    assert executor.extra_requests == 0
    assert executor.speedup is not None
    assert executor.speedup.ratio > 1
    assert all(one.tool_tool_s == one.decode_tool_s == 0 for one in runs["blind"].values())
    assert all(one.certified for arm in runs.values() for one in arm.values())


def test_what_placeholders_do_to_answers_is_the_models_part_alone():
    plan, found = bench(SumModel(token_s=0, misled={"ask 0", "ask 2"}), tuple(ARMS), n=3, repeats=2)
    runs = {arm: answered(found, arm) for arm in plan.arms}
    rows = rows_of(plan, found)
    assert {arm: one.correct.count for arm, one in rows.items()} == {"sync": 6, "blind": 2, "async": 2}
    assert all(one.steady.count == one.steady.n == 3 for one in rows.values())
    model, executor = comparisons(plan, found, runs)
    assert model.accuracy is not None
    assert model.accuracy.mean == pytest.approx(-2 / 3)
    assert (model.accuracy.better, model.accuracy.worse, model.accuracy.n) == (0, 2, 3)  # prompts, not repeats
    assert model.accuracy.p == 0.5
    assert model.agreement is not None
    assert (model.agreement.count, model.agreement.n) == (2, 6)
    assert executor.accuracy is not None
    assert (executor.accuracy.mean, executor.accuracy.better, executor.accuracy.worse) == (0, 0, 0)
    assert executor.agreement is not None
    assert executor.agreement.value == 1


def test_one_prompt_gives_an_interval_over_its_repeats():
    plan, found = bench(SumModel(), ("sync", "sync_parallel"), n=1, repeats=3)
    (one,) = comparisons(plan, found, {arm: answered(found, arm) for arm in plan.arms})
    assert (one.cases, one.pairs) == ("repeats", 3)
    assert one.speedup is not None
    assert (one.speedup.n, one.speedup.low is None) == (3, False)


def test_the_world_is_made_fresh_before_each_conversation_and_arms_take_turns():
    log = []

    class Noting(SumModel):
        async def stream(self, messages, tools):
            if messages[-1]["role"] == "user":
                log.append("run")
            async for part in super().stream(messages, tools):
                yield part

    counted = []
    plan, _ = bench(
        Noting(token_s=0), n=2, warmups=1, fresh=lambda: log.append("fresh"), advance=lambda: counted.append(1)
    )
    assert log == ["fresh", "run"] * (plan.size + len(POLICIES))
    assert len(counted) == plan.size


def test_a_run_that_fails_is_counted_with_its_reason_and_is_not_right():
    plan, found = bench(SumModel(broken={"ask 1"}), ("sync", "asyncfc"), n=3)
    rows = rows_of(plan, found)
    for one in rows.values():
        assert (one.completed, one.failed) == (2, 1)
        assert one.correct is not None
        assert (one.correct.count, one.correct.n) == (2, 3)
    failed = [outcome for outcome in found.outcomes if not outcome.completed]
    assert [outcome.prompt for outcome in failed] == [1, 1]
    assert all(outcome.reason == "the server says 400: no" and outcome.run is not None for outcome in failed)
    (one,) = comparisons(plan, found, {arm: answered(found, arm) for arm in plan.arms})
    assert one.pairs == 2
    assert one.accuracy is not None
    assert (one.accuracy.n, one.accuracy.mean, one.accuracy.p) == (3, 0, 1)


def test_with_no_answer_at_all_there_are_counts_and_no_figures():
    plan, found = bench(SumModel(broken={"ask 0"}), ("sync", "asyncfc"), n=1)
    assert [one.to_json()["mean_e2el_ms"] for one in rows_of(plan, found).values()] == [None, None]
    (one,) = comparisons(plan, found, {arm: answered(found, arm) for arm in plan.arms})
    assert (one.pairs, one.speedup, one.alpha, one.agreement) == (0, None, None, None)
    assert found.hopeless is None


@pytest.mark.parametrize("warmups", [0, 1])
def test_a_server_that_is_not_there_is_not_asked_again_and_again(warmups):
    model = SumModel(unreachable=True)
    _, found = bench(model, n=5, warmups=warmups)
    assert model.requests == len(found.outcomes) == 1
    assert found.stopped == "nothing was answered: nothing answers at memory"


def test_tools_that_cannot_be_had_end_it():
    with pytest.raises(ToolError, match="population"):
        bench(SumModel(), tools=(population, population))


def test_agents_run_side_by_side_but_never_under_two_arms():
    model = SumModel()
    plan, found = bench(model, ("sync", "asyncfc"), n=6, max_concurrency=3)
    assert not plan.alone
    assert model.most == 3
    assert {tuple(sorted({o.arm for o in found.outcomes[at : at + 6]})) for at in (0, 6)} == {("sync",), ("asyncfc",)}
    assert all(one.completed == 6 for one in rows_of(plan, found).values())


def test_arrivals_are_the_same_under_every_arm():
    model = SumModel(token_s=0)
    plan, found = bench(model, ("sync", "asyncfc"), n=4, max_concurrency=None, request_rate=40.0, seed=3)
    assert all(one.completed == 4 for one in rows_of(plan, found).values())
    assert model.asked == [prompt.text for prompt in plan.prompts] * 2
    durations_s = list(found.duration_s.values())
    assert min(durations_s) > 0.02  # four arrivals at 40 a second: 75 ms in the mean
    again, other = bench(SumModel(token_s=0), ("sync",), n=4, max_concurrency=None, request_rate=1e9)
    assert other.duration_s["sync"] < min(durations_s) + 0.05
    assert again.size == 4


def test_what_was_measured_survives_an_interruption():
    model, found, counted = SumModel(), Found(), []
    plan = Plan(arms=("sync", "asyncfc"), prompts=prompts(50))
    agents = {arm: Agent(model, [population], policy=arm) for arm in plan.arms}

    async def interrupted():
        running = asyncio.ensure_future(conduct(plan, agents, found, advance=lambda: counted.append(1)))
        while len(counted) < 3:
            await asyncio.sleep(0.01)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        return running.cancelled()

    assert asyncio.run(interrupted())
    assert 3 <= len(found.outcomes) < plan.size
    assert all(outcome.completed for outcome in found.outcomes)
    assert sum(one.completed for one in rows_of(plan, found).values()) == len(found.outcomes)
    assert found.duration_s.keys() == {"sync", "asyncfc"}


def test_a_rate_makes_a_load_of_one_agent_too():
    given = {"arms": ("sync",), "prompts": prompts(2)}
    assert Plan(**given).alone
    assert not Plan(**given, request_rate=5.0).alone
    assert not Plan(**given, max_concurrency=None).alone


def test_goodput_and_percentiles_are_those_that_are_asked_for():
    plan, found = bench(SumModel(usage=Usage()), ("sync",), n=3)
    (all_good,) = rows_of(plan, found, Request((75, 99.9), {"e2el": 5.0, "ttft": 1.0})).values()
    (none_good,) = rows_of(plan, found, Request((), {"ttft": 0.0})).values()
    assert (all_good.good, none_good.good) == (3, 0)
    told = all_good.to_json()
    assert told["p99.9_wait_ms"] >= told["p75_wait_ms"]
    assert told["request_goodput"] == told["request_throughput"]
    # A server that counts no tokens: nothing is made up.
    assert told["total_output_tokens"] is told["output_throughput"] is told["mean_tpot_ms"] is None


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"arms": ()}, "arms none"),
        ({"arms": ("sync", "sync")}, "each once"),
        ({"prompts": []}, "no prompts"),
        ({"request_rate": 0.0}, "above zero"),
        ({"burstiness": float("nan")}, "above zero"),
        ({"repeats": 0}, "1 or more"),
        ({"max_concurrency": 0}, "1 or more"),
    ],
)
def test_plans_that_cannot_be(wrong, complaint):
    with pytest.raises(BenchError, match=complaint):
        Plan(**{"arms": ("sync",), "prompts": prompts(1), **wrong})
