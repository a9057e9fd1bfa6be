"""The same prompts, live, under several arms that take turns: what `asyncfc bench` measures.

An arm is an agent: the same model and the same tools under another policy. Nothing is measured here, and no run is
dropped: what happened is kept, and `bench_rows` and `bench_compare` make figures of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from math import inf, isfinite

import numpy as np

from asyncfc_sim.live.agent import Agent
from asyncfc_sim.live.model import ModelError
from asyncfc_sim.live.run import AgentRun, RunFailed

from .bench_order import Block, blocks
from .bench_prompts import Prompt

# One conversation of an agent, about the prompt of this place, under this name; and what a judge says of it, if any.
Converse = Callable[[Agent, int, str], Awaitable[tuple[AgentRun, bool | None]]]
DEAD_AFTER = 3  # conversations in a row in which the server could not be reached


class BenchError(ValueError):
    """A benchmark that cannot be: the message says what was expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be run. `arms` are names, the first the baseline.

    Conversations begin as soon as one of `max_concurrency` agents is free (None: no limit), or at random,
    `request_rate` a second in the mean, with gamma distributed gaps of the shape `burstiness` (as in vLLM's serving
    benchmark). `warmups` conversations per arm come first and do not count. Raises BenchError.
    """

    arms: tuple[str, ...]
    prompts: Sequence[Prompt]
    repeats: int = 1
    warmups: int = 0
    max_concurrency: int | None = 1
    request_rate: float = inf
    burstiness: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.arms or len(set(self.arms)) < len(self.arms):
            raise BenchError(f"arms {', '.join(self.arms) or 'none'}: expected one or more, each once")
        if not self.prompts:
            raise BenchError("no prompts: expected at least one")
        if not (self.request_rate > 0 and self.burstiness > 0 and isfinite(self.burstiness)):
            rate, burstiness = self.request_rate, self.burstiness
            raise BenchError(f"request rate {rate:g}, burstiness {burstiness:g}: expected numbers above zero")
        if self.repeats < 1 or self.warmups < 0 or (self.max_concurrency is not None and self.max_concurrency < 1):
            raise BenchError("repeats and agents at once: expected 1 or more; warm-ups: 0 or more")

    @property
    def alone(self) -> bool:
        """Whether each conversation has server and tools for itself."""
        return self.max_concurrency == 1 and self.request_rate == inf

    @property
    def size(self) -> int:
        """How many runs count."""
        return len(self.arms) * len(self.prompts) * self.repeats


@dataclass(frozen=True, slots=True)
class Outcome:
    """One conversation. `reason` says why it has no answer; `run` is then what there is of it, if anything. `right` is
    what a judge says of it who has seen what it did, too."""

    arm: str
    prompt: int
    repeat: int
    run: AgentRun | None
    reason: str | None = None
    unreachable: bool = False
    right: bool | None = None

    @property
    def completed(self) -> bool:
        return self.reason is None


@dataclass(slots=True)
class Found:
    """What has happened so far; whoever interrupts a benchmark still has it. `duration_s` is the time of an arm's
    blocks, from the first arrival to the last end. `stopped` says why the rest was not tried."""

    outcomes: list[Outcome] = field(default_factory=list)
    duration_s: dict[str, float] = field(default_factory=dict)
    stopped: str | None = None

    @property
    def hopeless(self) -> Outcome | None:
        """An outcome that shows that nothing answers there, as long as nothing ever did."""
        if any(outcome.completed for outcome in self.outcomes):
            return None
        return next((outcome for outcome in self.outcomes if outcome.unreachable), None)

    @property
    def dead(self) -> Outcome | None:
        """An outcome that shows that nothing answers there any more: the last few could not reach it either."""
        last = self.outcomes[-DEAD_AFTER:]
        return last[-1] if len(last) == DEAD_AFTER and all(outcome.unreachable for outcome in last) else None


async def conduct(
    plan: Plan,
    agents: Mapping[str, Agent],
    found: Found,
    *,
    name: str = "bench",
    fresh: Callable[[], object] = lambda: None,
    advance: Callable[[], None] = lambda: None,
    converse: Converse | None = None,
) -> None:
    """Run `plan` with the agent of each arm, and put into `found` what comes of it.

    `fresh` puts the world of the tools into a known state: it is called before each block, which is one conversation if
    they run alone. `advance` is told of each conversation that is over. `converse` holds a conversation; without it the
    agent is given the prompt. If the server turns out to be unreachable, and nothing has ever answered or several
    conversations in a row could not reach it, the rest is not tried. Raises ValueError if the tools of an agent cannot
    be had, and whatever `fresh` raises.
    """
    converse = converse or _prompted(plan)
    async with AsyncExitStack() as stack:
        for agent in agents.values():
            if isinstance(agent.model, AbstractAsyncContextManager):
                await stack.enter_async_context(agent.model)  # its connections are kept from run to run
        if await _warmed_up(plan, agents, found, name, fresh, converse):
            for block in blocks(plan.arms, len(plan.prompts), plan.repeats, alone=plan.alone):
                fresh()
                await _block(plan, block, agents[block.arm], found, name, advance, converse)
                if (hopeless := found.hopeless) is not None:
                    found.stopped = f"nothing was answered: {hopeless.reason}"
                    return
                if (dead := found.dead) is not None:
                    found.stopped = f"nothing answers any more: {dead.reason}"
                    return


def _prompted(plan: Plan) -> Converse:
    async def converse(agent: Agent, prompt: int, name: str) -> tuple[AgentRun, bool | None]:
        return await agent.run(*plan.prompts[prompt].texts, name=name), None

    return converse


async def _warmed_up(
    plan: Plan,
    agents: Mapping[str, Agent],
    found: Found,
    name: str,
    fresh: Callable[[], object],
    converse: Converse,
) -> bool:
    """Conversations that do not count; false if they show that nothing answers there."""
    for arm in plan.arms:
        for number in range(plan.warmups):
            fresh()
            place = number % len(plan.prompts)
            outcome = await _one(agents[arm], arm, converse, place, 0, f"{name}-{arm}-warmup{number + 1}")
            if outcome.unreachable:
                found.outcomes.append(outcome)
                found.stopped = f"nothing was answered: {outcome.reason}"
                return False
    return True


async def _block(
    plan: Plan,
    block: Block,
    agent: Agent,
    found: Found,
    name: str,
    advance: Callable[[], None],
    converse: Converse,
) -> None:
    """All conversations of a block, each when it arrives and an agent is free."""
    loop = asyncio.get_running_loop()
    gate = asyncio.Semaphore(plan.max_concurrency or len(block.prompts))

    async def arriving(place: int, arrival_s: float) -> None:
        await asyncio.sleep(arrival_s)
        async with gate:
            run = f"{name}-{block.arm}-p{place + 1}-r{block.repeat + 1}"
            found.outcomes.append(await _one(agent, block.arm, converse, place, block.repeat, run))
        advance()

    began_s = loop.time()
    try:
        ended = await asyncio.gather(*map(arriving, block.prompts, _arrivals_s(plan, block)), return_exceptions=True)
    finally:
        found.duration_s[block.arm] = found.duration_s.get(block.arm, 0.0) + loop.time() - began_s
    for fault in ended:
        if isinstance(fault, BaseException):
            raise fault


def _arrivals_s(plan: Plan, block: Block) -> list[float]:
    """When the conversations of a block arrive, the first at once: the same times under every arm."""
    n = len(block.prompts)
    if plan.request_rate == inf:
        return [0.0] * n
    rng = np.random.default_rng([plan.seed, block.repeat])
    gaps_s = rng.gamma(plan.burstiness, 1 / (plan.request_rate * plan.burstiness), n)
    return [float(at_s) for at_s in np.cumsum(gaps_s) - gaps_s[0]]


async def _one(agent: Agent, arm: str, converse: Converse, place: int, repeat: int, name: str) -> Outcome:
    """One conversation, whatever comes of it; only what is wrong with the tools themselves ends the benchmark."""
    try:
        run, right = await converse(agent, place, name)
    except RunFailed as failed:
        unreachable = isinstance(failed.__cause__, ModelError) and failed.__cause__.unreachable
        return Outcome(arm, place, repeat, failed.run, str(failed), unreachable)
    except OSError as error:  # tools that cannot be reached
        return Outcome(arm, place, repeat, None, str(error) or type(error).__name__, True)
    except ValueError:
        raise
    except Exception as error:  # a fault of ours must not lose the runs before it
        return Outcome(arm, place, repeat, None, f"{type(error).__name__}: {error}")
    return Outcome(arm, place, repeat, run, right=right)
