"""Agents with effects, killed at random moments and resumed: `python -m tests.kill_trials DIR TRIALS SEED`.

Each trial is a run of one scripted agent in a child process, which is sent SIGKILL after a random time, up to three
times; each time another child resumes it. Children are forked from this process, which has imported everything, so a
trial takes no longer than its run. What was found is printed, one JSON object a trial; what must hold is asserted here.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from asyncfc_sim.core.policy import policy_named
from asyncfc_sim.core.scheduler import Scheduler
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.live.agent import Agent
from asyncfc_sim.live.journal import open_journal
from asyncfc_sim.live.model import Began, CallPart, Ended, Part, TextPart, Usage
from asyncfc_sim.live.resume import Decision, Done, InDoubt, Resumption
from asyncfc_sim.tools.decorator import tool
from asyncfc_sim.tools.function_tool import function_tool
from asyncfc_sim.traces.certificates import certificate
from asyncfc_sim.traces.journal import is_journal, read_journal
from asyncfc_sim.traces.trace import TraceError, read_trace
from asyncfc_sim.verify.conformance import conforms

KILLS = 3  # of a trial, at most
ANSWER = "all done"

# Messages of calls: a label, a tool, its arguments. `{a}` stands for the future of the call labelled a.
SCRIPT: list[list[tuple[str, str, dict[str, str]]]] = [
    [
        ("a", "lookup", {"key": "one"}),
        ("b", "lookup", {"key": "two"}),
        ("c", "write", {"label": "c", "file": "x", "text": "plain"}),
    ],
    [
        ("d", "write", {"label": "d", "file": "y", "text": "$f{a}"}),
        ("e", "write", {"label": "e", "file": "x", "text": "after c"}),
        ("f", "pay", {"label": "f", "amount": "1"}),
        ("g", "lookup", {"key": "$f{b}"}),
    ],
    [("await", "await_future", {"ids": ["$f{d}"]})],  # type: ignore[dict-item]
    [
        ("h", "write", {"label": "h", "file": "y", "text": "${{f{g}}} and ${{f{d}}}"}),
        ("i", "keep", {"label": "i"}),
        ("j", "write", {"label": "j", "file": "z", "text": "alone"}),
    ],
    [
        ("k", "pay", {"label": "k", "amount": "2"}),
        ("l", "write", {"label": "l", "file": "x", "text": "last"}),
        ("m", "lookup", {"key": "three"}),
    ],
]
REPEATABLE = "i"


class Scripted:
    """A model that looks at the conversation, and makes the calls of its script that it has not made yet."""

    name, endpoint = "scripted", "in memory"

    async def stream(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]
    ) -> AsyncGenerator[Part, None]:
        made = [call["id"] for message in messages for call in message.get("tool_calls", ())]
        numbers = {label: number for number, label in enumerate((label for label in made if len(label) == 1), 1)}
        await asyncio.sleep(0.004)
        yield Began()
        for message in SCRIPT:
            left = [call for call in message if call[0] not in made]
            for label, name, args in left:
                if len(label) == 1:
                    numbers[label] = len(numbers) + 1
                await asyncio.sleep(0.003)
                yield CallPart(label, name, json.dumps(_filled(args, numbers)))
            if left:
                break
        else:
            yield TextPart(ANSWER)
        yield Ended("stop", Usage(100, 10))


def _filled(value: Any, numbers: Mapping[str, int]) -> Any:
    match value:
        case str():
            return value.format_map(numbers)
        case list():
            return [_filled(item, numbers) for item in value]
        case dict():
            return {name: _filled(item, numbers) for name, item in value.items()}


@dataclass(frozen=True)
class World:
    """What the tools act on: a file to which each effect appends the label of its call."""

    folder: Path

    @property
    def journal(self) -> Path:
        return self.folder / "run.journal"

    def act(self, label: str) -> None:
        time.sleep(0.004)
        with (self.folder / "effects").open("a") as file:
            file.write(label + "\n")
        time.sleep(0.004)

    def effects(self) -> Counter[str]:
        file = self.folder / "effects"
        return Counter(file.read_text().split()) if file.exists() else Counter()

    def agent(self, policy: str) -> Agent:
        @tool(reads=["index"])
        async def lookup(key: str) -> str:
            await asyncio.sleep(0.012)
            return key.upper()

        @tool(writes=["file:{file}"])
        def write(label: str, file: str, text: str) -> str:
            self.act(label)
            return f"{file}: {text}"

        @tool(writes=["account"], irreversible=True)
        def pay(label: str, amount: str) -> str:
            self.act(label)
            return amount

        @tool(writes=["kept"], idempotent=True)
        def keep(label: str) -> str:
            self.act(label)
            return "kept"

        changes = {"grace_s": 0.002} if policy == "asyncfc" else {}
        return Agent(Scripted(), [lookup, write, pay, keep], policy=policy_named(policy, **changes))

    def tools(self, policy: str) -> dict[str, Tool]:
        agent = self.agent(policy)
        return {tool.name: tool for tool in (function_tool(given).core for given in agent.tools)}  # type: ignore[arg-type]

    def scheduler(self, policy: str) -> Scheduler:
        chosen = self.agent(policy).policy
        caps = {"max_running": chosen.max_running, "max_running_per_tool": chosen.max_running_per_tool}
        return Scheduler(self.tools(policy), failure=chosen.failure, **caps)


# ------------------------------------------------------------------------------------------------ the children


def begin(world: World, policy: str) -> None:
    with open_journal(world.journal) as journal:
        run = world.agent(policy).run_sync("go", journal=journal)
    assert run.output == ANSWER


def resume(world: World, policy: str, decisions: Mapping[int, Decision]) -> None:
    agent = world.agent(policy)
    if decisions:
        with pytest.raises(InDoubt) as refused:
            agent.resume_sync(world.journal)
        assert {call.future for call in refused.value.calls} == decisions.keys()
    run = agent.resume_sync(world.journal, decisions)
    assert run.output == ANSWER
    (kept,) = read_trace(world.journal)
    assert kept == run.trace, "the journal is the trace"


def forked(work: Callable[[], None], killed_after_s: float | None = None) -> bool:
    """Whether the child ended by itself, before it was killed; then it must have ended well."""
    child = os.fork()
    if not child:
        try:
            work()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    if killed_after_s is not None:
        time.sleep(killed_after_s)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and killed_after_s is not None:
        return False
    assert status == 0, f"the child ended with status {status}"
    return True


# ------------------------------------------------------------------------------------------------- the parent


@dataclass
class Found:
    """What stands on disk after a kill, and what to do about it."""

    when: str
    decisions: dict[int, Decision]
    had_effect: int = 0  # of those in doubt


def look(world: World, policy: str) -> Found | None:
    """Check what is on disk after a kill, and decide on each call in doubt by a look at the world.

    None if the run had not begun.
    """
    if not world.journal.exists() or not is_journal(world.journal):
        return None
    try:
        (run,) = read_journal(world.journal)
    except TraceError as error:
        if "no run" in str(error):
            return None
        raise
    effects = world.effects()
    labels = {e.body["future"]: e.body["args"].get("label", "") for e in run.events if e.name == "start"}
    started = {e.body["future"] for e in run.events if e.name == "start" and e.body["writes"]}
    ended = {e.body["future"] for e in run.inputs if e.name in ("finish", "fail")} & started
    for label, times in effects.items():
        assert times == 1 or label == REPEATABLE, f"{label} was done {times} times"
        assert label in {labels[future] for future in started}, f"{label} was done, and its intent is not on disk"
    for future in ended:
        assert effects[labels[future]], f"{labels[future]} has ended, and its effect is lost"
    doubtful = {future for future in started - ended if labels[future] != REPEATABLE}
    reported = {call.future for call in Resumption(run, world.tools(policy)).in_doubt}
    assert reported == doubtful, f"in doubt are {doubtful}, reported were {reported}"
    ending = conforms(run.trace(), world.scheduler(policy))
    assert ending is None or ending.found == "the end", str(ending)
    certificate(run.trace())  # whatever it says
    seen = {future: bool(effects[labels[future]]) for future in sorted(doubtful)}
    decisions: dict[int, Decision] = {
        future: "again" if not was_done else "failed" if future % 2 else Done("seen to be done")
        for future, was_done in seen.items()
    }
    streaming = [e.name for e in run.inputs if e.name in ("user", "call", "message_end")][-1:] == ["call"]
    called = any(e.name == "call" for e in run.inputs)
    when = "in mid-stream" if streaming else "between messages" if called else "before the first call"
    if any(e.name == "answer" for e in run.events):
        when = "after the answer"
    return Found(when, decisions, sum(seen.values()))


def ended_well(world: World, policy: str) -> dict[str, Any]:
    """Check a run that has come to its end."""
    (run,) = read_trace(world.journal)
    assert (fault := conforms(run, world.scheduler(policy))) is None, str(fault)
    effects = world.effects()
    issued = {e.fields["future"]: e.fields["args"].get("label") for e in run.events if e.rule == "issue"}
    started = {e.fields["future"] for e in run.events if e.rule == "start"}
    assert len([label for label in issued.values() if label]) == len(set(issued.values()) - {None})
    for future, label in issued.items():
        times = effects[label] if label else 0
        if label and label != REPEATABLE:
            assert times == (future in started), f"{label} was done {times} times"
        elif label:
            assert bool(times) == (future in started)
    verdict = certificate(run).verdict
    return {"verdict": type(verdict).__name__, "failed": sum(e.rule == "fail" for e in run.events)}


def trial(world: World, policy: str, rng: random.Random, longest_s: float) -> dict[str, Any]:
    """One run, killed until it has come to its end or was killed often enough."""
    result: dict[str, Any] = {"policy": policy, "kills": []}
    found: Found | None = None
    for kill in range(KILLS + 1):
        found = look(world, policy) if kill else None

        def work(found: Found | None = found) -> None:
            if found is None:
                begin(world, policy)
            else:
                resume(world, policy, found.decisions)

        if found is not None:
            doubts = {"doubts": len(found.decisions), "had_effect": found.had_effect}
            result["kills"].append({"when": found.when, **doubts})
            if found.when == "after the answer":
                break
        elif kill:
            result["kills"].append({"when": "before the run", "doubts": 0, "had_effect": 0})
        began_s = time.perf_counter()
        if forked(work, rng.uniform(0.0, longest_s) if kill < KILLS else None):
            if not kill:
                result["took_s"] = time.perf_counter() - began_s
            break
    return {**result, **ended_well(world, policy)}


def main(folder: Path, trials: int, seed: int) -> None:
    """Run the trials, and print what each found; the first line tells how long a run takes."""
    rng = random.Random(seed)
    took_s = 0.0
    for number in range(-2, trials):
        policy = "asyncfc" if number % 4 < 2 else "early_start" if number % 4 == 2 else "sync"
        world = World(folder / str(number))
        world.folder.mkdir(parents=True)
        if number < 0:  # unharmed, and in this process: so that all that children need is imported
            began_s = time.perf_counter()
            begin(world, "asyncfc")
            took_s = time.perf_counter() - began_s
            assert len(world.effects()) == sum("label" in call[2] for message in SCRIPT for call in message)
            result = {"took_s": took_s, **ended_well(world, "asyncfc")}
        else:
            result = trial(world, policy, rng, took_s)
            took_s = min(took_s, result.get("took_s", took_s))  # the machine may have been busier when it was measured
        print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
