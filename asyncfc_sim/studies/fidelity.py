"""Live, fit, simulate, live again: how far the simulator's predictions are from what then happens.

1. Every task runs under sync, some rounds of it. How much rounds differ is the noise, and it is known first.
2. A timing model is fitted to these runs, and every other policy is forecast from them. Nothing else is known by then.
3. Every task runs under the other policies, and under sync once more beside them: what has drifted since shows there.
4. Each of these runs is predicted once more, given what its model wrote (`fidelity_conditional`).

One conversation at a time: the predictions are of conversations that have server and tools for themselves.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from asyncfc_sim.core.policy import Policy
from asyncfc_sim.live.agent import Agent
from asyncfc_sim.live.model import ModelError
from asyncfc_sim.live.run import AgentRun
from asyncfc_sim.traces.emission import EmissionError, answered_s

from .bench import BenchError, Converse, Found, Outcome, Plan, conduct
from .bench_prompts import Prompt
from .fidelity_conditional import Conditional, conditional
from .fidelity_fit import Learnt, SyncRun, learnt, with_prompts
from .fidelity_forecast import Forecast, forecast, uncached_share

SYNC = "sync"


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """What is to be done. `policies` are the others, by name; `rounds` are of sync before them, `repeats` of all after.

    `alpha` is stated of policies with futures (see `fidelity_forecast`). Raises BenchError.
    """

    prompts: Sequence[Prompt]
    sync: Policy
    policies: Mapping[str, Policy]
    rounds: int = 2
    repeats: int = 1
    warmups: int = 1
    alpha: float | None = None
    min_r2: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        if self.rounds < 2:
            raise BenchError(f"{self.rounds} round of sync: expected 2 or more, or nothing is known of its noise")
        if not self.policies or SYNC in self.policies:
            raise BenchError("policies to predict: expected one or more, and not sync, which they are predicted from")
        if self.alpha is not None and not -1 < self.alpha < float("inf"):
            raise BenchError(f"an alpha of {self.alpha:g}: expected a number above -1")

    @property
    def first(self) -> Plan:
        return Plan(arms=(SYNC,), prompts=self.prompts, repeats=self.rounds, warmups=self.warmups, seed=self.seed)

    @property
    def second(self) -> Plan:
        return Plan(arms=(SYNC, *self.policies), prompts=self.prompts, repeats=self.repeats, seed=self.seed)

    @property
    def size(self) -> int:
        """Conversations, warm-ups left out."""
        return self.first.size + self.second.size


@dataclass(frozen=True, slots=True)
class Predicted:
    """A run under a policy, and what was predicted of it. `why_not` says why there is no conditional prediction."""

    policy: str
    prompt: int
    repeat: int
    measured_s: float
    requests: int
    forecast: Forecast
    conditional: Conditional | None
    why_not: str | None = None


@dataclass(slots=True)
class Findings:
    """What has happened so far; whoever interrupts the study still has it."""

    sync: Found = field(default_factory=Found)
    others: Found = field(default_factory=Found)
    learnt: Learnt | None = None
    forecasts: dict[tuple[str, int], Forecast] = field(default_factory=dict)
    predicted: list[Predicted] = field(default_factory=list)

    @property
    def stopped(self) -> str | None:
        return self.sync.stopped or self.others.stopped

    @property
    def outcomes(self) -> list[Outcome]:
        return [*self.sync.outcomes, *self.others.outcomes]


async def study(
    asked: Study,
    agents: Mapping[str, Agent],
    found: Findings,
    *,
    name: str = "fidelity",
    fresh: Callable[[], object] = lambda: None,
    advance: Callable[[], None] = lambda: None,
    converse: Converse | None = None,
    prompt_tokens: Callable[[Agent], Awaitable[int | None]] | None = None,
) -> None:
    """Do it all, with an agent for sync and for each policy; what comes of it is put into `found`.

    `prompt_tokens` says how many tokens the first prompt of an agent has; by default, the first of the study.

    Raises FitError if the synchronous runs cannot carry a timing model, and whatever `bench.conduct` raises.
    """
    told = {"fresh": fresh, "advance": advance, "converse": converse}
    await conduct(asked.first, {SYNC: agents[SYNC]}, found.sync, name=f"{name}-first", **told)  # type: ignore[arg-type]
    if found.sync.stopped is not None or not _answered(found.sync):
        return
    count = prompt_tokens or (lambda agent: agent.prompt_tokens(asked.prompts[0].text))
    predict(asked, found, await _told_more(asked, agents, count))
    try:
        await conduct(asked.second, agents, found.others, name=f"{name}-then", **told)  # type: ignore[arg-type]
    finally:  # also of a study that is interrupted
        compare(asked, found)


async def _told_more(
    asked: Study, agents: Mapping[str, Agent], prompt_tokens: Callable[[Agent], Awaitable[int | None]]
) -> dict[str, int]:
    """By how many tokens the prompts of each policy with futures are longer than those of sync. The server counts them:
    how much of what goes along its model reads depends on its template."""
    futures = [name for name, policy in asked.policies.items() if policy.futures]
    if not futures or asked.alpha is not None:  # a stated alpha holds that, too
        return {}
    try:
        counted = {name: await prompt_tokens(agents[name]) or 0 for name in (SYNC, *futures)}
    except ModelError:  # the conversations that follow will tell
        return {}
    return {name: max(0, counted[name] - counted[SYNC]) for name in futures}


def predict(asked: Study, found: Findings, told_more: Mapping[str, int]) -> None:
    """Fit and forecast, from the synchronous runs alone, and by how many tokens the prompts of a policy are longer.

    Raises FitError.
    """
    runs = _answered(found.sync)
    taught = [SyncRun(_case(asked, outcome.prompt), outcome.repeat, run) for outcome, run in runs]
    found.learnt = learnt(taught, min_r2=asked.min_r2)
    decoder = found.learnt.fit.decoder
    read = uncached_share(found.learnt.sessions.values())
    for policy_name, policy in {SYNC: asked.sync, **asked.policies}.items():
        of_prompt: dict[int, list[Forecast]] = {}
        for outcome, run in runs:
            session = with_prompts(found.learnt.sessions[run.trace.header.run], asked.prompts[outcome.prompt].texts)
            one = forecast(
                session,
                policy,
                run.tools,
                decoder,
                alpha=asked.alpha,
                told_tokens=told_more.get(policy_name, 0) * read,
                seen=found.learnt.seen,
            )
            of_prompt.setdefault(outcome.prompt, []).append(one)
        for prompt, some in of_prompt.items():
            found.forecasts[policy_name, prompt] = Forecast(
                fmean(each.answered_s for each in some),
                round(fmean(each.requests for each in some)),
            )


def compare(asked: Study, found: Findings) -> None:
    """Hold each run of the second part against what was predicted of it."""
    assert found.learnt is not None
    policies = {SYNC: asked.sync, **asked.policies}
    for outcome, run in _answered(found.others):
        known = found.forecasts.get((outcome.arm, outcome.prompt))
        if known is None:  # no synchronous run of it was answered
            continue
        given: Conditional | None = None
        why_not = None
        try:
            case = _case(asked, outcome.prompt)
            given = conditional(run, policies[outcome.arm], found.learnt, case, known)
        except EmissionError as error:
            why_not = str(error)
        measured_s = answered_s(run.trace.events)
        found.predicted.append(
            Predicted(outcome.arm, outcome.prompt, outcome.repeat, measured_s, run.requests, known, given, why_not)
        )


def rounds_s(found: Found, arm: str = SYNC) -> list[dict[int, float]]:
    """Seconds of each task, round by round."""
    rounds: dict[int, dict[int, float]] = {}
    for outcome, run in _answered(found):
        if outcome.arm == arm:
            rounds.setdefault(outcome.repeat, {})[outcome.prompt] = answered_s(run.trace.events)
    return [rounds[number] for number in sorted(rounds)]


def _answered(found: Found) -> list[tuple[Outcome, AgentRun]]:
    return [(outcome, outcome.run) for outcome in found.outcomes if outcome.completed and outcome.run is not None]


def _case(asked: Study, prompt: int) -> str:
    return "\n".join(asked.prompts[prompt].texts)
