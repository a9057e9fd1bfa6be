"""Many conversations on one LLM server: a queue, prefill, continuous batching, a prefix cache.

    request --> latency --> queue (first come, first served; at most `max_batch` past it) --> prefill, one at a time
            --> batch: each iteration gives every request in it one token, and lasts `itl_s(batch)` --> end

Prefill goes on beside decoding (chunked prefill); what it costs the others is in the decoder's `itl` if it was measured
under load, and nowhere else. The part of the time to the first token that does not grow with the prompt is latency, not
work: a server has any number of requests in it. Requests join the batch, and leave it, between iterations, so times are
sums of whole iterations; the simulation goes from one change of the batch, or milestone, to the next.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from heapq import heapify, heappop, heappush
from itertools import accumulate
from math import ceil

from .clock import Clock
from .decoder import Decoder
from .prefix_cache import PrefixCache
from .server import Action, Stream
from .writing import Writing


@dataclass(slots=True)
class _Job:
    """A request under way. `stops` are the milestones after the first token, by how many tokens are out."""

    cached_tokens: int
    came_s: float
    latency_s: float
    prefill_s: float
    stops: Sequence[tuple[int, Action]]
    first_token: Action
    cancelled_in_batch: Callable[[_Job], None]
    cancelled: bool = False
    left: int = 0  # milestones still to come while in the batch

    def cancel(self) -> None:
        self.cancelled = True
        if self.left:
            self.cancelled_in_batch(self)


@dataclass(slots=True)
class Load:
    """What a server has done: for reports, and for the laws of queueing."""

    requests: int = 0
    tokens: int = 0
    queued_s: list[float] = field(default_factory=list)
    decoding_s: float = 0.0  # with at least one request in the batch
    batch_s: float = 0.0  # requests in the batch, integrated over time

    @property
    def mean_batch(self) -> float:
        """Requests in the batch while there were any."""
        return self.batch_s / self.decoding_s if self.decoding_s else 0.0


class Batcher:
    """A server (server.py) that conversations share."""

    def __init__(
        self, clock: Clock, decoder: Decoder, *, max_batch: int = 256, cache: PrefixCache | None = None
    ) -> None:
        self.load = Load()
        self.cache = cache or PrefixCache()
        self._clock, self._decoder, self._max_batch = clock, decoder, max_batch
        self._queue: deque[_Job] = deque()
        self._admitted = 0  # past the queue, and not yet ended
        self._prefill_free_s = 0.0
        self._ready: list[_Job] = []  # prefilled, to join at the next iteration
        self._leaving: list[_Job] = []  # cancelled, to leave at the next iteration
        self._batch = 0
        self._out = 0  # tokens that a request had got if it had been in the batch from the start
        self._since_s = 0.0  # when the iteration after them began
        self._stops: list[tuple[int, int, _Job, Action]] = []  # by `_out`, then by order of joining
        self._pushed = 0
        self._plan = 0  # the timer that counts

    def write(self, conversation: str, writing: Writing, milestones: Sequence[Action]) -> Stream:
        reusable = writing.prompt_tokens - writing.uncached_tokens
        cached = self.cache.lookup(conversation, writing.prompt_tokens, reusable)
        self.cache.keep(conversation, writing.prompt_tokens + writing.tokens)
        prefill_s = self._decoder.prefill_s(writing.prompt_tokens - cached)
        latency_s = writing.first_token_s - self._decoder.prefill_s(writing.uncached_tokens)
        first_token, *stops = milestones
        tokens = [*accumulate(part.tokens for part in writing.parts)]
        at = [*tokens[: len(stops) - 1], writing.tokens]
        job = _Job(
            cached,
            self._clock.now_s,
            max(0.0, latency_s),
            prefill_s,
            [*zip(at, stops, strict=True)],
            first_token,
            self._cancel,
        )
        if writing.tokens == 0 and writing.first_token_s == 0:  # nothing is asked of the server: a wait in a stream
            self._clock.after(0.0, partial(self._pass, job))
            return job
        self.load.requests += 1
        self._clock.after(job.latency_s, partial(self._arrive, job))
        return job

    def _pass(self, job: _Job) -> None:
        for action in (job.first_token, *(action for _, action in job.stops)):
            if not job.cancelled:
                action()

    # ------------------------------------------------------------------------------------------ queue and prefill

    def _arrive(self, job: _Job) -> None:
        self._queue.append(job)
        self._admit()

    def _admit(self) -> None:
        while self._queue and self._admitted < self._max_batch:
            job = self._queue.popleft()
            if job.cancelled:
                continue
            self._admitted += 1
            now_s = self._clock.now_s
            self._prefill_free_s = max(now_s, self._prefill_free_s) + job.prefill_s
            waited_s = self._prefill_free_s - job.prefill_s - job.latency_s - job.came_s
            self.load.queued_s.append(max(0.0, waited_s))  # a sum of times may come out a rounding below
            self._clock.after(self._prefill_free_s - now_s, partial(self._prefilled, job))

    def _prefilled(self, job: _Job) -> None:
        if job.cancelled:
            self._leave()
            return
        job.first_token()
        self._ready.append(job)
        if self._batch == 0:
            self._since_s = self._clock.now_s
        self._plan_next()

    def _leave(self) -> None:
        self._admitted -= 1
        self._admit()

    # ------------------------------------------------------------------------------------------------- the batch

    def _plan_next(self) -> None:
        """Set the timer to the next change: a milestone, or the iteration at which requests can join or leave."""
        if not self._batch and not self._ready:
            return
        itl_s = self._decoder.itl_s(max(1, self._batch))
        steps = [self._stops[0][0] - self._out] if self._stops else []
        if self._ready or self._leaving:
            begun = (self._clock.now_s - self._since_s) / itl_s if self._batch else 0.0
            steps.append(max(0, ceil(begun - 1e-9)))
        self._plan += 1
        count = min(steps)
        at_s = self._since_s + count * itl_s
        self._clock.after(max(0.0, at_s - self._clock.now_s), partial(self._change, self._plan, count, at_s))

    def _change(self, plan: int, count: int, at_s: float) -> None:
        """So many iterations have passed since the last change: milestones are reached, requests leave and join."""
        if plan != self._plan:
            return  # something came in between
        self.load.decoding_s += at_s - self._since_s if self._batch else 0.0
        self.load.batch_s += (at_s - self._since_s) * self._batch
        self.load.tokens += count * self._batch
        self._out += count
        self._since_s = at_s
        reached, ended = [], 0
        while self._stops and self._stops[0][0] <= self._out:
            _, _, job, action = heappop(self._stops)
            job.left -= 1
            if not job.left:
                self._batch -= 1
                ended += 1
            reached.append((job, action))
        self._drop()
        self._join()
        self._plan_next()
        for job, action in reached:
            if not job.cancelled:
                action()
        for _ in range(ended):
            self._leave()

    def _cancel(self, job: _Job) -> None:
        self._leaving.append(job)
        self._plan_next()

    def _drop(self) -> None:
        leaving, self._leaving = [job for job in self._leaving if job.left], []
        if leaving:
            gone = set(map(id, leaving))
            self._stops = [stop for stop in self._stops if id(stop[2]) not in gone]
            heapify(self._stops)
        for job in leaving:
            job.left = 0
            self._batch -= 1
            self._clock.after(0.0, self._leave)

    def _join(self) -> None:
        ready, self._ready = self._ready, []
        for job in ready:
            if job.cancelled:
                self._clock.after(0.0, self._leave)
                continue
            job.left = len(job.stops)
            for tokens, action in job.stops:
                self._pushed += 1
                heappush(self._stops, (self._out + tokens, self._pushed, job, action))
            self._batch += 1
