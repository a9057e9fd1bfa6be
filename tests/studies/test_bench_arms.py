"""The arms of an accuracy experiment: blind and async show a model the same, whatever it says, whatever runs when."""

import asyncio
import json
import random
from math import inf

from hypothesis import given, settings
from hypothesis import strategies as st

from asyncfc_sim.live.agent import Agent
from asyncfc_sim.live.model import Began, CallPart, Ended, TextPart
from asyncfc_sim.studies.bench_arms import ARMS
from asyncfc_sim.studies.bench_measures import measured
from asyncfc_sim.tools.decorator import tool

LONGEST = 6  # messages before the model answers


class Dice:
    """A model that draws what it says from what it has been shown, so that it always says the same to the same."""

    name, endpoint = "dice", "memory"

    def __init__(self, seed):
        self.seed = seed

    async def stream(self, messages, tools):
        shown = json.dumps([(m["role"], m.get("content"), len(m.get("tool_calls") or ())) for m in messages])
        draw = random.Random(f"{self.seed} {shown}")
        issued = sum(call["function"]["name"] != "await_future" for m in messages for call in m.get("tool_calls") or ())
        said = sum(message["role"] == "assistant" for message in messages)
        yield Began()
        for number in range(draw.randint(0, 3) if said < LONGEST else 0):
            name = draw.choice(["look", "note", "break", "add", "look", "await_future"])
            if name == "await_future" and issued:
                some = draw.sample(range(1, issued + 1), draw.randint(1, min(3, issued)))
                args: dict[str, object] = {"ids": [f"$f{future}" for future in some]}
            elif name == "await_future":
                continue
            else:
                args = {"x": f"$f{draw.randint(1, issued)}" if issued and draw.random() < 0.4 else draw.randint(0, 3)}
                issued += 1
            await asyncio.sleep(draw.choice([0, 0, 0.001]))
            yield CallPart(f"{said}-{number}", name, json.dumps(args))
        yield TextPart(f"said {draw.randint(0, 9)}")
        yield Ended("stop")


def tools(log):
    """Tools of which some conflict; each takes a time of its own, and notes that it ran."""

    @tool(reads=["notes/{x}"])
    async def look(x: int) -> int:
        await asyncio.sleep(0.002 * (x % 3))
        return x + sum(1 for name, _ in log if name == "note")  # what it sees of the notes depends on their order

    @tool(writes=["notes/*"])
    async def note(x: int) -> str:
        await asyncio.sleep(0.001)
        log.append(("note", x))
        return f"note {len(log)}"

    @tool(name="break", reads=[])
    async def broken(x: int) -> int:
        await asyncio.sleep(0)
        raise ValueError(f"broken {x}")

    @tool(reads=[])
    async def add(x: int) -> int:
        return x + 1

    return [look, note, broken, add]


def run(arm, seed):
    log: list[tuple[str, int]] = []
    agent = Agent(Dice(seed), tools(log), policy=ARMS[arm], timeout_s=10)
    found = agent.run_sync("go")
    return measured(found), log


def test_only_what_parts_them_is_different():
    sync, blind, asynchronous = ARMS.values()
    assert (sync.futures, blind.futures, asynchronous.futures) == (False, True, True)
    assert (sync.max_running, blind.max_running) == (1, 1)
    assert (sync.grace_s, blind.grace_s, asynchronous.grace_s) == (inf, inf, 0)
    for field in ("delivery", "duplicates", "failure", "late_bound", "max_awaits", "max_misuses", "max_requests"):
        assert getattr(blind, field) == getattr(asynchronous, field), field


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_blind_and_async_give_the_same_transcript_and_the_same_world(seed):
    blind, its_world = run("blind", seed)
    other, other_world = run("async", seed)
    assert other.transcript == blind.transcript
    assert other.answer == blind.answer
    assert other_world == its_world
    assert blind.certified
    assert other.certified
