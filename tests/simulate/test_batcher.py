"""The shared server against one that goes token by token, against a server of one's own, and against its own laws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache, partial
from itertools import accumulate

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from asyncfc_sim.simulate.batcher import Batcher
from asyncfc_sim.simulate.clock import Clock
from asyncfc_sim.simulate.decoder import Curve, Decoder, load_decoder
from asyncfc_sim.simulate.prefix_cache import PrefixCache
from asyncfc_sim.simulate.server import Action, DedicatedServer, Server, Stream
from asyncfc_sim.simulate.writing import Writing, Written
from tests.toy_tasks import quantity

TICK_S = 0.125  # every time is a multiple of it, so that sums are exact, and equality is
LATENCY = 2  # ticks; a token of a prompt takes one tick, a token of a batch as many as there are requests in it


@cache
def decoder() -> Decoder:
    tick, latency = quantity(TICK_S), quantity(LATENCY * TICK_S)
    return replace(load_decoder("gpt-4o"), ttft=Curve(((0, latency),), tick), itl=Curve(((1, tick),), tick))


@dataclass(frozen=True)
class Asked:
    """A request: when it comes, what of its prompt is new, the tokens of its calls, and when it is cancelled, if so."""

    at: int
    prompt: int
    calls: tuple[int, ...]
    cancel_at: float | None = None

    @property
    def stops(self) -> list[int]:
        return [*accumulate(self.calls), sum(self.calls)]

    def writing(self) -> Writing:
        model = decoder()
        first_token_s = model.ttft_s(self.prompt)
        calls_s = tuple(first_token_s + tokens * model.itl_s() for tokens in self.stops)
        parts = tuple(Written(tokens, model.itl_s()) for tokens in self.calls)
        tokens = sum(self.calls)
        texts = ("",) * len(self.calls)
        return Writing(self.prompt, self.prompt, tokens, first_token_s, calls_s[:-1], texts, calls_s[-1], parts)


@dataclass
class Seen:
    """When each milestone of each request was reached, in ticks."""

    clock: Clock
    at: dict[tuple[int, int], float] = field(default_factory=dict)

    def ask(self, server: Server, number: int, asked: Asked) -> None:
        milestones = [partial(self._reach, (number, part)) for part in range(len(asked.calls) + 2)]
        stream = server.write(f"c{number}", asked.writing(), milestones)
        if asked.cancel_at is not None:
            self.clock.after((asked.cancel_at - asked.at) * TICK_S, partial(self._cancel, stream))

    def _cancel(self, stream: Stream) -> None:
        stream.cancel()

    def _reach(self, milestone: tuple[int, int]) -> None:
        assert milestone not in self.at
        self.at[milestone] = self.clock.now_s / TICK_S


def run(all_asked: Sequence[Asked], server: Server, clock: Clock) -> Seen:
    seen = Seen(clock)
    for number, asked in enumerate(all_asked):
        clock.after(asked.at * TICK_S, partial(seen.ask, server, number, asked))
    clock.run()
    return seen


def batched(all_asked: Sequence[Asked], max_batch: int) -> tuple[Seen, Batcher]:
    clock = Clock()
    server = Batcher(clock, decoder(), max_batch=max_batch)
    return run(all_asked, server, clock), server


# Token by token ------------------------------------------------------------------------------------------------


@dataclass
class Job:
    number: int
    asked: Asked
    prefilled: int = 0
    out: int = 0
    reached: int = 1  # milestones, the first token among them

    def cancelled(self, tick: int) -> bool:
        return self.asked.cancel_at is not None and self.asked.cancel_at < tick


class TokenByToken:
    """What the batcher says of itself, tick by tick and token by token, with nothing clever about it."""

    def __init__(self, all_asked: Sequence[Asked], max_batch: int) -> None:
        self.at: dict[tuple[int, int], float] = {}
        self.tokens = self.batch_ticks = 0
        self.waited: list[float] = []
        self.jobs = [Job(number, asked) for number, asked in enumerate(all_asked)]
        self.max_batch, self.admitted, self.prefill_free = max_batch, 0, 0
        self.queue: list[Job] = []
        self.prefilling: list[Job] = []
        self.ready: list[Job] = []
        self.batch: list[Job] = []
        self.iteration_ends: int | None = None
        to_come = sorted(self.jobs, key=lambda job: job.asked.at)
        tick = 0
        while to_come or self.queue or self.prefilling or self.ready or self.batch:
            while to_come and to_come[0].asked.at + LATENCY == tick:
                self.queue.append(to_come.pop(0))
            self.step(tick)
            self.batch_ticks += len(self.batch)
            tick += 1

    def step(self, tick: int) -> None:
        if self.iteration_ends == tick:
            self.iteration_ends = None
            for job in self.batch:
                job.out += 1
                self.tokens += 1
                self.reach(job, tick)
            self.leave([job for job in self.batch if job.cancelled(tick) or job.reached == len(job.asked.stops) + 1])
        while self.admit(tick) or self.prefill(tick) or self.join(tick):
            pass
        if self.batch and self.iteration_ends is None:
            self.iteration_ends = tick + len(self.batch)

    def admit(self, tick: int) -> bool:
        self.queue = [job for job in self.queue if not job.cancelled(tick)]
        if not self.queue or self.admitted == self.max_batch:
            return False
        job = self.queue.pop(0)
        self.admitted += 1
        begins = max(tick, self.prefill_free)
        self.waited.append(begins - job.asked.at - LATENCY)
        job.prefilled = self.prefill_free = begins + job.asked.prompt
        self.prefilling.append(job)
        return True

    def prefill(self, tick: int) -> bool:
        if not self.prefilling or self.prefilling[0].prefilled != tick:
            return False
        job = self.prefilling.pop(0)
        if job.cancelled(tick):
            self.admitted -= 1
        else:
            self.at[job.number, 0] = tick
            self.ready.append(job)
        return True

    def join(self, tick: int) -> bool:
        if not self.ready or self.iteration_ends is not None:
            return False
        job = self.ready.pop(0)
        if job.cancelled(tick):
            self.admitted -= 1
            return True
        self.batch.append(job)
        self.reach(job, tick)
        self.leave([job] if job.reached == len(job.asked.stops) + 1 else [])
        return True

    def reach(self, job: Job, tick: int) -> None:
        for part, stop in enumerate(job.asked.stops, 1):
            if part >= job.reached and stop <= job.out:
                job.reached += 1
                if not job.cancelled(tick):
                    self.at[job.number, part] = tick

    def leave(self, jobs: Sequence[Job]) -> None:
        self.batch = [job for job in self.batch if job not in jobs]
        self.admitted -= len(jobs)


def requests(*, cancels: bool = False) -> st.SearchStrategy[list[Asked]]:
    # Between two ticks, so that nothing hangs on the order of what happens at once.
    cancel_after = st.none() | st.integers(0, 40).map(lambda ticks: ticks + 0.5) if cancels else st.none()
    one = st.builds(
        lambda at, prompt, calls, after: Asked(at, prompt, tuple(calls), None if after is None else at + after),
        st.integers(0, 20),
        st.integers(0, 4),
        st.lists(st.integers(0, 5), max_size=3).filter(sum),
        cancel_after,
    )
    return st.lists(one, min_size=1, max_size=8).map(lambda some: sorted(some, key=lambda asked: asked.at))


def assert_the_same(all_asked: list[Asked], max_batch: int) -> TokenByToken:
    seen, server = batched(all_asked, max_batch)
    plain = TokenByToken(all_asked, max_batch)
    assert seen.at == plain.at
    assert server.load.tokens == plain.tokens
    assert server.load.batch_s == plain.batch_ticks * TICK_S
    assert server.load.queued_s == [ticks * TICK_S for ticks in plain.waited]
    event(f"somebody waits: {any(plain.waited)}")
    return plain


@settings(max_examples=300)
@given(requests(), st.integers(1, 4))
def test_by_segments_as_token_by_token(all_asked: list[Asked], max_batch: int) -> None:
    plain = assert_the_same(all_asked, max_batch)
    assert plain.tokens == sum(sum(asked.calls) for asked in all_asked)


@settings(max_examples=300)
@given(requests(cancels=True), st.integers(1, 4))
def test_by_segments_as_token_by_token_when_some_are_cancelled(all_asked: list[Asked], max_batch: int) -> None:
    assert_the_same(all_asked, max_batch)


def test_who_decodes_with_others_is_slower() -> None:
    """Two come at once: the second joins after its prefill, and from then on a token takes two ticks."""
    seen, _ = batched([Asked(0, 0, (4,)), Asked(0, 2, (4,))], 2)
    # First: tokens at 3 and 4 alone, then two in twos. Second: its first token at 4, then two ticks a token.
    assert seen.at[0, 0] == 2
    assert seen.at[0, 2] == 8
    assert seen.at[1, 0] == 4
    assert seen.at[1, 2] == 10


def test_what_is_cancelled_between_its_first_token_and_the_batch_takes_no_time_of_others() -> None:
    """The second is prefilled at tick 3, in the middle of a first iteration of two, and cancelled before its end."""
    first, other = Asked(0, 0, (6,)), Asked(0, 0, (6,))
    without, _ = batched([first, other], 3)
    seen, server = batched([first, other, Asked(1, 0, (50,), cancel_at=3.5)], 3)
    assert seen.at.pop((2, 0)) == 3
    assert seen.at == without.at
    assert server.load.tokens == 12


# A server of one's own -----------------------------------------------------------------------------------------


@given(st.integers(0, 6), st.lists(st.integers(0, 5), min_size=1, max_size=4).filter(sum), st.integers(1, 9))
def test_alone_it_is_a_server_of_ones_own(prompt: int, calls: list[int], max_batch: int) -> None:
    asked = [Asked(3, prompt, tuple(calls))]
    clock = Clock()
    assert batched(asked, max_batch)[0].at == run(asked, DedicatedServer(clock), clock).at


@given(requests())
def test_where_a_batch_costs_nothing_and_prompts_are_known_everybody_has_a_server(all_asked: list[Asked]) -> None:
    """One token an iteration for any batch: who comes between two iterations waits for less than one."""
    known = [replace(asked, prompt=0) for asked in all_asked]
    clock, own_clock = Clock(), Clock()
    flat = replace(decoder(), itl=Curve(((1, quantity(TICK_S)),), quantity(0.0)))
    assert run(known, Batcher(clock, flat), clock).at == run(known, DedicatedServer(own_clock), own_clock).at


# Laws ----------------------------------------------------------------------------------------------------------


@given(requests(), st.integers(1, 4))
def test_littles_law_in_the_batch(all_asked: list[Asked], max_batch: int) -> None:
    """The batch, integrated over time, is the time that requests spend in it: from joining to the last token."""
    _, server = batched(all_asked, max_batch)
    assert server.load.batch_s <= max_batch * server.load.decoding_s
    assert server.load.decoding_s <= server.load.batch_s
    assert 1 <= server.load.mean_batch <= max_batch


@given(requests(), st.integers(1, 3))
def test_nobody_is_faster_than_alone(all_asked: list[Asked], max_batch: int) -> None:
    clock = Clock()
    own = run(all_asked, DedicatedServer(clock), clock).at
    seen, _ = batched(all_asked, max_batch)
    assert seen.at.keys() == own.keys()
    assert all(seen.at[milestone] >= own[milestone] for milestone in own)


def test_one_at_a_time_it_is_a_queue_first_come_first_served() -> None:
    asked = [Asked(0, 3, (4,)), Asked(1, 3, (4,)), Asked(2, 3, (4,))]
    seen, server = batched(asked, 1)
    assert [seen.at[number, 2] for number in range(3)] == [9, 16, 23]
    assert server.load.queued_s == [0.0, 6 * TICK_S, 12 * TICK_S]


def test_a_lost_prefix_is_read_again() -> None:
    clock = Clock()
    server = Batcher(clock, decoder(), cache=PrefixCache(capacity=20))
    old = replace(Asked(0, 10, (5,)).writing(), prompt_tokens=10)
    grown = replace(Asked(0, 2, (5,)).writing(), prompt_tokens=17)
    found = [server.write(who, what, [_nothing] * 3).cached_tokens for who, what in (("a", old), ("a", grown))]
    assert found == [0, 15]
    server.write("b", old, [_nothing] * 3)
    assert server.write("a", grown, [_nothing] * 3).cached_tokens == 0


def _nothing() -> None:
    pass


def test_who_waits_in_a_stream_asks_nothing_of_the_server() -> None:
    clock = Clock()
    server = Batcher(clock, decoder())
    seen: list[str] = []
    waits = Writing(5, 0, 0, 0.0, (0.0,), ("",), 0.0, (Written(0, TICK_S),))
    server.write("a", waits, [partial(seen.append, word) for word in ("first", "call", "end")])
    assert seen == []  # never before `write` has returned
    clock.run()
    assert seen == ["first", "call", "end"]
    assert clock.now_s == 0.0
    assert server.load.requests == 0


@pytest.mark.parametrize("tokens", [1, 1000])
def test_events_do_not_grow_with_the_tokens(tokens: int) -> None:
    class Counting(Clock):
        events = 0

        def after(self, delay_s: float, action: Action) -> None:
            Counting.events += 1
            super().after(delay_s, action)

    Counting.events = 0
    clock = Counting()
    run([Asked(0, 5, (tokens, tokens))], Batcher(clock, decoder()), clock)
    assert Counting.events == 6  # asking, latency, prefill, joining, a call, the end
