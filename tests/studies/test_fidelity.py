"""The whole loop on a virtual clock: exact where times are exact, and each error told by its cause otherwise."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from asyncfc_sim.core.policy import Policy, policy_named
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.live import virtual_clock
from asyncfc_sim.live.agent import LIVE_GUARDS, Agent
from asyncfc_sim.simulate.decoder import load_decoder
from asyncfc_sim.simulate.durations import load_durations
from asyncfc_sim.simulate.fit_samples import FitError
from asyncfc_sim.studies.bench import BenchError
from asyncfc_sim.studies.fidelity import SYNC, Findings, Predicted, Study, rounds_s, study
from asyncfc_sim.studies.fidelity_conditional import CAUSES, CONDITIONAL
from asyncfc_sim.studies.fidelity_errors import noise, ranking, spread
from asyncfc_sim.studies.fidelity_forecast import forecast
from asyncfc_sim.studies.injection import injection
from asyncfc_sim.studies.staged import Staged
from asyncfc_sim.traces.sessions import RecordedCall, RecordedSession, RecordedStep, RecordedTurn
from tests.office_model import OfficeModel, in_memory, office_tasks

N = 12
POLICIES = {
    "sync": policy_named("sync"),
    "sync_parallel": policy_named("sync_parallel"),
    "early_start": policy_named("early_start"),
    "asyncfc": policy_named("asyncfc", late_bound=False, **LIVE_GUARDS),
}
OTHERS = {name: policy for name, policy in POLICIES.items() if name != SYNC}
INJECT = injection(load_durations("office"), 0.1, seed=0)


def studied(
    model: OfficeModel,
    others: dict[str, Policy] = OTHERS,
    *,
    n: int = N,
    alpha: float | None = None,
    timeout_s: float | None = None,
) -> Findings:
    stages = Staged(in_memory(office_tasks(n)))
    asked = Study(prompts=stages.prompts, sync=POLICIES[SYNC], policies=others, warmups=0, alpha=alpha)
    agents = {
        name: Agent(model, policy=policy, inject=INJECT, timeout_s=timeout_s)
        for name, policy in {**others, SYNC: asked.sync}.items()
    }
    found = Findings()
    virtual_clock.run(study(asked, agents, found, converse=stages.converse, prompt_tokens=stages.prompt_tokens))
    return found


def errors(found: Findings, policy: str, kind: str) -> list[float]:
    def seconds(one: Predicted) -> float:
        if kind == "forecast":
            return one.forecast.answered_s
        assert one.conditional is not None
        return one.conditional.answered_s

    return [seconds(one) / one.measured_s - 1 for one in found.predicted if one.policy == policy]


def part_s(found: Findings, policy: str, cause: str) -> float:
    """The sum of what a cause has of measured less forecast."""
    return sum(one.conditional.parts_s[cause] for one in found.predicted if one.policy == policy and one.conditional)


@pytest.fixture(scope="module")
def exact() -> Findings:
    return studied(OfficeModel(office_tasks(N)))


def test_where_times_are_exact_so_is_the_conditional_prediction_of_each_run(exact: Findings) -> None:
    assert len(exact.predicted) == N * len(POLICIES)
    for policy in POLICIES:
        assert errors(exact, policy, "conditional") == pytest.approx([0.0] * N, abs=1e-6)
    for one in exact.predicted:
        assert one.conditional is not None
        assert (one.conditional.extra_requests, one.conditional.left_out) == (0, 0)
        assert one.conditional.requests == one.requests


def test_the_fit_finds_the_figures_of_the_model(exact: Findings) -> None:
    assert exact.learnt is not None
    base, prompt, token = (term.value for term in exact.learnt.fit.terms)
    assert (base, prompt, token) == pytest.approx((0.05, 0.0002, 0.01), rel=1e-6)


def test_sync_does_not_differ_from_itself_but_by_the_ids_of_its_calls(exact: Findings) -> None:
    quiet = noise(rounds_s(exact.sync))
    assert quiet is not None
    assert quiet.p90 < 1e-3


# Medians of the forecasts' errors: what they may be. Ids of calls have a token more or less.
LIMITS = {"sync": 1e-3, "sync_parallel": 1e-3, "early_start": 0.02, "asyncfc": 0.1}


def median_error(found: Findings, policy: str) -> float:
    of_policy = spread(errors(found, policy, "forecast"))
    assert of_policy is not None
    return of_policy.median


@pytest.mark.parametrize("policy", LIMITS)
def test_without_futures_the_forecast_is_right_too_and_with_them_nearly(exact: Findings, policy: str) -> None:
    assert median_error(exact, policy) < LIMITS[policy]


def test_a_server_without_a_prefix_cache_is_found_out_and_predicted_as_exactly(exact: Findings) -> None:
    found = studied(OfficeModel(office_tasks(N), prefix_cache=False))
    assert found.learnt is not None
    assert exact.learnt is not None
    assert (found.learnt.fit.decoder.prefix_cache, exact.learnt.fit.decoder.prefix_cache) == (False, True)
    assert found.learnt.fit.r2 == pytest.approx(1, abs=1e-9)
    for policy, limit in LIMITS.items():
        assert errors(found, policy, "conditional") == pytest.approx([0.0] * N, abs=1e-6)
        assert median_error(found, policy) < limit


def test_a_server_that_shows_calls_only_when_they_are_complete_is_forecast_as_well(exact: Findings) -> None:
    """What was seen late was not decoded late: it takes its time where it is written in another message, too."""
    late = studied(OfficeModel(office_tasks(N), shows_late=True))
    assert exact.learnt is not None
    assert late.learnt is not None
    assert late.learnt.seen.calls_s > 0.1
    assert exact.learnt.seen.calls_s == pytest.approx(0, abs=1e-6)
    for policy, limit in LIMITS.items():
        assert median_error(late, policy) < limit
        conditional = spread(errors(late, policy, "conditional"))
        assert conditional is not None
        assert conditional.p90 < 0.01


def test_the_order_of_the_policies_is_predicted(exact: Findings) -> None:
    def table(seconds: str) -> dict[str, dict[int, float]]:
        return {
            policy: {
                one.prompt: one.measured_s if seconds == "measured" else one.forecast.answered_s
                for one in exact.predicted
                if one.policy == policy
            }
            for policy in POLICIES
        }

    order = ranking(table("measured"), table("forecast"), 0)
    assert order is not None
    assert order.right
    assert order.measured[-1] == SYNC


def test_the_causes_add_up_to_the_error_of_the_forecast_and_the_last_three_to_that_of_the_conditional() -> None:
    found = studied(OfficeModel(office_tasks(N), slow_s=lambda request: 0.02 * (request % 7)))
    for one in found.predicted:
        assert one.conditional is not None
        parts = one.conditional.parts_s
        assert list(parts) == list(CAUSES)
        assert sum(parts.values()) == pytest.approx(one.measured_s - one.forecast.answered_s, abs=1e-9)
        conditional = sum(parts[cause] for cause in CONDITIONAL)
        assert conditional == pytest.approx(one.measured_s - one.conditional.answered_s, abs=1e-9)


@dataclass
class Later:
    """One value at first, and another once the synchronous rounds are over."""

    first: float
    then: float
    after: int

    def __call__(self, request: int) -> float:
        return self.first if request <= self.after else self.then


def test_a_decoder_that_has_become_slower_shows_under_decode_and_one_that_begins_later_under_ttft(
    exact: Findings,
) -> None:
    requests = sum(outcome.run.requests for outcome in exact.sync.outcomes if outcome.run is not None)
    slower = studied(OfficeModel(office_tasks(N), slower=Later(1.0, 1.5, requests)))
    later = studied(OfficeModel(office_tasks(N), slow_s=Later(0.0, 0.1, requests)))
    for policy in POLICIES:
        assert part_s(slower, policy, "decode") > 1
        assert part_s(slower, policy, "ttft") == pytest.approx(0, abs=1e-6)
        assert part_s(later, policy, "ttft") > 1
        assert part_s(later, policy, "decode") == pytest.approx(0, abs=1e-6)
        for found in (slower, later):
            assert part_s(found, policy, "executor") == pytest.approx(0, abs=1e-6)


def deciding(*, weather: str, text: str, prompt: str) -> RecordedSession:
    """Somebody is looked up, and a forecast; then a message is sent."""
    person = RecordedCall(
        id="a", tool="find_user", args={"name": "Ada"}, result={"id": "u1"}, effect="read", exec_s=1.0, result_chars=12
    )
    sky = RecordedCall(
        id="b", tool="get_weather", args={"city": "Oslo"}, result={"sky": weather}, effect="read", exec_s=1.0
    )
    send = RecordedCall(
        id="c", tool="send", args={"to": "u1", "text": text}, result={"id": "m1"}, effect="write", exec_s=1.0
    )
    steps = tuple(
        RecordedStep(prompt_tokens=50, out_tokens=20, llm_s=1.0, calls=calls) for calls in ((person, sky), (send,), ())
    )
    turn = RecordedTurn(prompt=prompt, steps=steps)
    return RecordedSession(session="s", source="made up", turns=(turn,))


def test_what_was_looked_up_and_is_not_copied_was_looked_at_to_decide() -> None:
    tools = {name: Tool(name) for name in ("find_user", "get_weather", "send")}

    def requests(session: RecordedSession) -> int:
        return forecast(session, POLICIES["asyncfc"], tools, load_decoder("gpt-4o")).requests

    copied = deciding(weather="fog", text="fog in Oslo", prompt="Tell Ada the weather in Oslo.")
    decided = deciding(weather="rain", text="stay in", prompt="Tell Ada to stay in if it rains in Oslo.")
    asked_for = deciding(weather="rain", text="rain!", prompt="If there is rain in Oslo, send Ada: rain!")
    # All calls in one message, an await before the answer; or an await between two messages, too.
    assert [requests(one) for one in (copied, decided, asked_for)] == [3, 5, 5]


def test_a_number_that_is_passed_on_decides_nothing() -> None:
    balance = RecordedCall(id="a", tool="balance", result={"amount": 1207}, effect="read", exec_s=1.0, args={"of": "x"})
    pay = RecordedCall(id="b", tool="pay", args={"amount": 1207}, result={"id": "m1"}, effect="write", exec_s=1.0)
    steps = tuple(
        RecordedStep(prompt_tokens=50, out_tokens=20, llm_s=1.0, calls=calls) for calls in ((balance,), (pay,), ())
    )
    session = RecordedSession(session="s", source="made up", turns=(RecordedTurn(prompt="Pay it.", steps=steps),))
    tools = {name: Tool(name) for name in ("balance", "pay")}
    assert forecast(session, POLICIES["asyncfc"], tools, load_decoder("gpt-4o")).requests == 3


def test_a_stated_alpha_makes_decoding_that_much_longer_and_touches_no_policy_without_futures(exact: Findings) -> None:
    none, much = (studied(OfficeModel(office_tasks(N)), alpha=alpha) for alpha in (0.0, 0.5))
    for policy in ("sync", "sync_parallel", "early_start"):
        assert errors(much, policy, "forecast") == errors(none, policy, "forecast")
    longer = [
        b.forecast.answered_s - a.forecast.answered_s
        for a, b in zip(none.predicted, much.predicted, strict=True)
        if a.policy == "asyncfc"
    ]
    assert min(longer) > 0


def test_a_server_that_dies_leaves_what_was_found_before() -> None:
    found = studied(OfficeModel(office_tasks(N), dies_after=160))
    assert found.stopped is not None
    assert "nothing answers any more" in found.stopped
    assert 0 < len(found.predicted) < N * len(POLICIES)
    early = studied(OfficeModel(office_tasks(N), dies_after=20))
    assert early.stopped is not None
    assert (early.learnt, early.predicted) == (None, [])


def test_a_server_that_was_never_there_is_told_after_the_first_conversation() -> None:
    found = studied(OfficeModel(office_tasks(N), dies_after=0))
    assert found.stopped == "nothing was answered: nothing answers at memory"
    assert len(found.outcomes) == 1


def test_where_no_synchronous_run_is_answered_nothing_is_predicted() -> None:
    found = studied(OfficeModel(office_tasks(2)), n=2, timeout_s=0.01)
    assert [outcome.completed for outcome in found.sync.outcomes] == [False] * 4
    assert (found.learnt, found.others.outcomes, found.stopped) == (None, [], None)


def test_too_few_tasks_carry_no_timing_model() -> None:
    with pytest.raises(FitError, match=r"at least 30 are needed"):
        studied(OfficeModel(office_tasks(2)), n=2)


def test_what_cannot_be_studied_is_refused() -> None:
    prompts = Staged(in_memory(office_tasks(1))).prompts
    with pytest.raises(BenchError, match="1 round of sync: expected 2 or more"):
        Study(prompts=prompts, sync=POLICIES[SYNC], policies=OTHERS, rounds=1)
    with pytest.raises(BenchError, match="expected one or more, and not sync"):
        Study(prompts=prompts, sync=POLICIES[SYNC], policies=POLICIES)
    with pytest.raises(BenchError, match="expected a number above -1"):
        Study(prompts=prompts, sync=POLICIES[SYNC], policies=OTHERS, alpha=-1.0)
