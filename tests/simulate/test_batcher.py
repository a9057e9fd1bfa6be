"""One LLM server for many: against a server that makes one token at a time, and against laws that hold of any."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.simulate.batcher import Batcher
from asyncfc_sim.simulate.clock import Clock
from asyncfc_sim.simulate.decoder import Curve, Decoder, load_decoder
from asyncfc_sim.simulate.prefix_cache import PrefixCache
from asyncfc_sim.simulate.server import DedicatedServer, Server
from asyncfc_sim.simulate.writing import Writing, Written
from tests.toy_tasks import quantity

ITL_S = 1 / 8
# A token takes an eighth of a second alone, and a sixteenth more for each other request in the batch; a request has
# half a second of latency, and a prompt is read at 16 tokens a second. Sums of such numbers are exact.
DECODER = replace(
    load_decoder("gpt-4o"),
    ttft=Curve(((0, quantity(0.5)),), quantity(1 / 16)),
    itl=Curve(((1, quantity(ITL_S)),), quantity(1 / 16)),
)
NO_TTFT = replace(DECODER, ttft=Curve(((0, quantity(0.0)),), quantity(0.0)))


@dataclass(frozen=True)
class Job:
    """A request: when it comes, and the tokens of each of its parts (calls), the last of which ends it."""

    come_s: float
    parts: tuple[int, ...]
    uncached: int = 0
    prompt: int = 0


def writing(job: Job, decoder: Decoder) -> Writing:
    first_s = decoder.ttft_s(job.uncached)
    ends = [sum(job.parts[: n + 1]) for n in range(len(job.parts))]
    calls_s = tuple(first_s + end * decoder.itl_s() for end in ends)
    parts = tuple(Written(tokens, decoder.itl_s()) for tokens in job.parts)
    prompt = max(job.prompt, job.uncached)
    return Writing(prompt, job.uncached, ends[-1], first_s, calls_s, ("",) * len(ends), calls_s[-1], parts)


def run(jobs: list[Job], clock: Clock, server: Server, decoder: Decoder, cancel: dict[int, float] | None = None):
    """When each milestone of each job is reached: first token, calls, end."""
    reached: list[list[float]] = [[] for _ in jobs]

    def come(number: int) -> None:
        job = jobs[number]
        actions = [lambda: reached[number].append(clock.now_s)] * (len(job.parts) + 2)
        stream = server.write(f"job {number}", writing(job, decoder), actions)
        if cancel and number in cancel:
            clock.after(cancel[number], stream.cancel)

    for number, job in enumerate(jobs):
        clock.after(job.come_s, partial(come, number))
    clock.run()
    return reached


def batched(jobs: list[Job], decoder: Decoder = NO_TTFT, max_batch: int = 256, **more):
    clock = Clock()
    server = Batcher(clock, decoder, max_batch=max_batch)
    return run(jobs, clock, server, decoder, **more), server


def token_by_token(jobs: list[Job], max_batch: int) -> list[list[float]]:
    """The same server, without prefill, making one token at a time for everybody in the batch."""
    reached: list[list[float]] = [[] for _ in jobs]
    waiting = deque(sorted(range(len(jobs)), key=lambda number: jobs[number].come_s))
    out: dict[int, int] = {}
    now_s = 0.0
    while waiting or out:
        if not out:
            now_s = max(now_s, jobs[waiting[0]].come_s)
        while waiting and jobs[waiting[0]].come_s <= now_s and len(out) < max_batch:
            number = waiting.popleft()
            out[number] = 0
        now_s += NO_TTFT.itl_s(len(out))
        for number in [*out]:
            out[number] += 1
            ends = [sum(jobs[number].parts[: n + 1]) for n in range(len(jobs[number].parts))]
            reached[number] += [now_s for end in (*ends, ends[-1]) if end == out[number]]
            if out[number] == ends[-1]:
                del out[number]
    return reached


JOBS = st.lists(
    st.builds(
        Job,
        st.integers(0, 160).map(lambda n: n / 16),
        st.lists(st.integers(1, 12), min_size=1, max_size=3).map(tuple),
    ),
    min_size=1,
    max_size=12,
)


@given(jobs=JOBS, max_batch=st.integers(1, 5))
def test_going_from_change_to_change_is_going_token_by_token(jobs: list[Job], max_batch: int):
    jobs = sorted(jobs, key=lambda job: job.come_s)
    found, server = batched(jobs, max_batch=max_batch)
    assert [times[1:] for times in found] == token_by_token(jobs, max_batch)
    assert server.load.tokens == sum(sum(job.parts) for job in jobs)
    assert server.load.mean_batch <= max_batch


@given(
    job=st.builds(
        Job, st.just(1.0), st.lists(st.integers(1, 12), min_size=1, max_size=3).map(tuple), st.integers(0, 99)
    )
)
def test_alone_it_is_a_server_of_ones_own(job: Job):
    clock = Clock()
    found, server = batched([job], DECODER)
    assert found == run([job], clock, DedicatedServer(clock), DECODER)
    assert server.load.queued_s == [0.0]


def test_together_everybody_is_slower_and_all_of_it_is_faster():
    jobs = [Job(0.0, (8,)), Job(0.0, (8,))]
    both, server = batched(jobs)
    assert [times[-1] for times in both] == [8 * 3 / 16, 8 * 3 / 16]
    assert 8 * ITL_S < 8 * 3 / 16 < 2 * 8 * ITL_S
    assert server.load.mean_batch == 2.0


def test_who_comes_in_the_middle_of_an_iteration_joins_at_its_end():
    found, _ = batched([Job(0.0, (4,)), Job(1 / 16, (4,))])
    assert found[0][-1] == ITL_S + 3 * 3 / 16
    assert found[1][-1] == ITL_S + 3 * 3 / 16 + ITL_S


def test_prompts_are_read_one_after_the_other_and_latency_is_nobodys_work():
    found, server = batched([Job(0.0, (8,), 16), Job(0.0, (8,), 16), Job(0.0, (8,), 0)], DECODER)
    assert [times[0] for times in found] == [1.5, 2.5, 2.5]
    assert server.load.queued_s == [0.0, 1.0, 2.0]


def test_what_does_not_fit_waits_in_line():
    found, server = batched([Job(0.0, (8,)), Job(0.0, (4,)), Job(0.0, (2,))], max_batch=1)
    assert [times[-1] for times in found] == [1.0, 1.5, 1.75]
    assert server.load.queued_s == [0.0, 1.0, 1.5]


@pytest.mark.parametrize(("at_s", "reached"), [(0.25, 0), (0.75, 1), (1.0 + 5 / 8, 2)])
def test_what_is_cancelled_reaches_nothing_more_and_makes_room(at_s: float, reached: int):
    """Before its latency is over, in the batch before its first call ends, and after that."""
    jobs = [Job(0.0, (4, 100)), Job(0.0, (8,))]
    found, _ = batched(jobs, DECODER, 1, cancel={0: at_s})
    assert len(found[0]) == reached
    room_s = 0.5 if reached == 0 else found[0][0] + (at_s - found[0][0] if reached else 0.0)
    assert found[1][-1] <= max(room_s, 0.5) + ITL_S + 8 * ITL_S
    assert len(found[1]) == 3


def test_a_wait_in_a_stream_asks_nothing_of_the_server():
    clock = Clock()
    server = Batcher(clock, DECODER)
    told: list[float] = []
    nothing = Writing(10, 0, 0, 0.0, (0.0,), ("",), 0.0, (Written(0, 0.0),))
    server.write("a", nothing, [lambda: told.append(clock.now_s)] * 3)
    clock.run()
    assert told == [0.0, 0.0, 0.0]
    assert server.load.requests == 0


def test_a_conversation_that_lost_its_prefix_reads_it_again():
    clock = Clock()
    server = Batcher(clock, DECODER, cache=PrefixCache(200))
    first_s: dict[str, float] = {}

    def ask(name: str, prompt: int, uncached: int) -> None:
        begin_s = clock.now_s
        told = writing(Job(0.0, (8,), uncached, prompt), DECODER)
        note = [lambda: first_s.setdefault(f"{name} {prompt}", clock.now_s - begin_s), lambda: None, lambda: None]
        server.write(name, told, note)

    for at_s, name, prompt, uncached in [(0, "a", 100, 100), (20, "a", 116, 8), (40, "b", 160, 160), (80, "a", 132, 8)]:
        clock.after(at_s, partial(ask, name, prompt, uncached))
    clock.run()
    assert first_s["a 116"] == 0.5 + 8 / 16
    assert first_s["a 132"] == 0.5 + 132 / 16, "b has taken its place"
    assert server.cache.hits == 108
