"""What each way of handing values over costs where a server keeps prefixes: the same conversations under all three.

on_touch and when_idle only ever add to a transcript; rewrite puts values in place of placeholders, and what comes after
the first of them is read anew. Against that, on_touch needs more messages. Both are counted by the server itself:

prompt, cached    tokens of a request's prompt, and those of them that came from the prefix cache (its `usage`)
read              the difference: what was read anew
TTFT              from sending a request to its first token

Words are an expert's, so that conversations are the same but for what delivery changes: one call a message (`--words
terse`), or as many as can be known (`expert`). A request is then answered by one token, whose time is the TTFT; what
the expert says is read by the server, uncounted, as if it had decoded it; and it says it at a pace that is injected.
With `--words own` the tiny model itself speaks. The times of tools are injected. Each delivery meets a server that has
not seen the conversation: servers of their own, or, on one server, a number before the user's words. Deliveries take
turns; ratios are to on_touch of the same run.

    python benchmarks/bench_prefix_cache.py                     `asyncfc serve tiny`, started and stopped here
    python benchmarks/bench_prefix_cache.py --words own
    python benchmarks/bench_prefix_cache.py --base-url http://127.0.0.1:8000/v1 --model NAME

vLLM counts cached tokens with --enable-prompt-tokens-details; llama-server does so by itself.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import ExitStack, aclosing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from operator import attrgetter
from random import SystemRandom
from statistics import fmean, median
from typing import Any, Final, Protocol

import httpx2
import numpy as np

from asyncfc_sim.core.messages import assistant_message
from asyncfc_sim.core.policy import Delivery, policy_named
from asyncfc_sim.live.agent import Agent
from asyncfc_sim.live.injected import Injection
from asyncfc_sim.live.model import Began, CallPart, Ended, Part, TextPart
from asyncfc_sim.live.openai_chat import OpenAIChat
from asyncfc_sim.live.run import RunFailed
from asyncfc_sim.serve.tiny import TinyServerFailed, serve_tiny
from asyncfc_sim.simulate.durations import uniform
from asyncfc_sim.studies.expert_model import ExpertModel
from asyncfc_sim.workloads.office.expert import Calls, Expert
from asyncfc_sim.workloads.office.office import Office
from asyncfc_sim.workloads.office.tasks import OfficeTask, random_task
from asyncfc_sim.workloads.office.tools import office_tools

DELIVERIES: Final[tuple[Delivery, ...]] = ("on_touch", "when_idle", "rewrite")
BASE: Final = DELIVERIES[0]
MARKED: Final = "| "  # between the number before a conversation and its first words

Messages = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a server says of one request; `cached` is None where it does not count."""

    prompt: int
    cached: int | None
    ttft_s: float

    @property
    def read(self) -> int | None:
        """Tokens read anew."""
        return None if self.cached is None else self.prompt - self.cached


@dataclass(frozen=True, slots=True)
class Request:
    """A reading, the place of its request in the conversation, and whether a message sent before had changed."""

    reading: Reading
    number: int
    rewritten: bool


@dataclass(slots=True)
class Requests:
    """Those of one conversation."""

    made: list[Request] = field(default_factory=list)
    completed: bool = True
    _sent: list[Mapping[str, Any]] = field(default_factory=list)

    def add(self, messages: Messages, reading: Reading) -> None:
        rewritten = list(messages[: len(self._sent)]) != self._sent
        self.made.append(Request(reading, len(self.made) + 1, rewritten))
        self._sent = list(messages)

    @property
    def count(self) -> int:
        return len(self.made)

    @property
    def prompt(self) -> int:
        return sum(request.reading.prompt for request in self.made)

    @property
    def read(self) -> int | None:
        """Tokens read anew."""
        read = [request.reading.read for request in self.made]
        counted = [count for count in read if count is not None]
        return sum(counted) if len(counted) == len(read) else None

    @property
    def ttft_s(self) -> float:
        return sum(request.reading.ttft_s for request in self.made)


# ------------------------------------------------------------------------------------------------------- who speaks


class Reader(Protocol):
    """A server, asked to read a prompt."""

    async def read(self, messages: Messages, tools: Messages) -> Reading: ...


class Server:
    """A server at `base_url`: a prompt is read for the sake of one token."""

    def __init__(self, base_url: str, model: str, client: httpx2.AsyncClient) -> None:
        self._url, self._model, self._client = f"{base_url}/chat/completions", model, client

    async def read(self, messages: Messages, tools: Messages) -> Reading:
        """Raises httpx2.HTTPError, or ValueError for an answer that does not count its tokens."""
        body = {"model": self._model, "messages": messages, "tools": tools, "max_tokens": 1, "temperature": 0}
        asked_s = time.perf_counter()
        response = (await self._client.post(self._url, json=body)).raise_for_status()
        ttft_s = time.perf_counter() - asked_s
        usage = response.json().get("usage")
        if not usage:
            raise ValueError(f"{self._url} does not count tokens: there is no usage in its answer")
        details = usage.get("prompt_tokens_details") or {}
        return Reading(usage["prompt_tokens"], details.get("cached_tokens"), ttft_s)


class Terse(Expert):
    """An expert that writes one call a message, as many models do, though it could write more."""

    def next_message(self, messages: Messages) -> Calls | str:
        message = super().next_message(messages)
        if isinstance(message, str) or len(message.calls) == 1:
            return message
        for step in list(self._number)[1 - len(message.calls) :]:
            del self._number[step]
        return Calls(message.calls[:1])


class ReadExpert(ExpertModel):
    """An expert that speaks when a server has read what it was told, and whose words the server reads, too."""

    def __init__(self, expert: Expert, rng: np.random.Generator, call_s: float, reader: Reader) -> None:
        super().__init__(expert, rng, call_s)
        self._reader = reader
        self.requests = Requests()

    async def stream(self, messages: Messages, tools: Messages) -> AsyncGenerator[Part, None]:
        self.requests.add(messages, await self._reader.read(messages, tools))
        said: list[Part] = []
        async with aclosing(super().stream(messages, tools)) as parts:
            async for part in parts:
                if isinstance(part, Ended):
                    await self._reader.read([*messages, spoken(said)], tools)
                said.append(part)
                yield part


def spoken(parts: Sequence[Part]) -> dict[str, Any]:
    """A message as it will stand in the transcript."""
    text = "".join(part.text for part in parts if isinstance(part, TextPart)) or None
    calls = [(p.tool_call_id, p.tool, str(p.arguments)) for p in parts if isinstance(p, CallPart)]
    return assistant_message(text, [(str(name), str(tool), written) for name, tool, written in calls])


class OwnWords(OpenAIChat):
    """A served model that speaks for itself."""

    def __init__(self, base_url: str) -> None:
        super().__init__(base_url=base_url)
        self.requests = Requests()

    async def stream(self, messages: Messages, tools: Messages) -> AsyncGenerator[Part, None]:
        asked_s = time.perf_counter()
        ttft_s = 0.0
        async with aclosing(super().stream(messages, tools)) as parts:
            async for part in parts:
                if isinstance(part, Began):
                    ttft_s = time.perf_counter() - asked_s
                elif isinstance(part, Ended):
                    usage = part.usage
                    self.requests.add(messages, Reading(usage.prompt_tokens or 0, usage.cached_tokens, ttft_s))
                yield part


# ---------------------------------------------------------------------------------------------------- conversations


@dataclass(frozen=True, slots=True)
class Pace:
    """Means of what is injected: seconds of a tool, and of the expert for a call."""

    tool_s: float
    call_s: float

    @property
    def tools(self) -> Injection:
        """Exponential, the same for the same call of a conversation, whatever its delivery."""

        def seconds(case: str, tool: str, args: str, nth: int) -> float:
            return float(-self.tool_s * np.log1p(-uniform(0, f"{case.rpartition(MARKED)[2]} {tool} {args}", nth)))

        return Injection(f"exponential, {self.tool_s:g} s on average", seconds)


async def conversation(model: ReadExpert | OwnWords, task: OfficeTask, delivery: Delivery, pace: Pace) -> Requests:
    """One task, without a grace: what is not there when a message has ended is promised."""
    policy = policy_named("asyncfc", grace_s=0.0, delivery=delivery)
    with Office() as office:
        try:
            await Agent(model, office_tools(office), policy=policy, inject=pace.tools).run(*task.prompts)
        except RunFailed:
            model.requests.completed = False
    return model.requests


def some_tasks(count: int, turns: int) -> list[OfficeTask]:
    rng = np.random.default_rng(0)
    return [random_task(rng, turns) for _ in range(count)]


def marked(task: OfficeTask) -> OfficeTask:
    """The task with a number before it that no server has seen, and that nobody heeds."""
    first, *others = task.turns
    mark = str(SystemRandom().randrange(10**9, 10**10))
    return OfficeTask((replace(first, text=f"{mark}{MARKED}{first.text}"), *others))


Found = dict[Delivery, list[Requests]]
_PICKED: Final = tuple(map(attrgetter, ("count", "prompt", "read", "ttft_s")))


async def by_an_expert(
    kind: type[Expert], servers: Mapping[Delivery, tuple[str, str]], tasks: Sequence[OfficeTask], pace: Pace
) -> Found:
    """`servers` are (base URL, model). Raises httpx2.HTTPError."""
    found: Found = {delivery: [] for delivery in DELIVERIES}
    async with httpx2.AsyncClient(timeout=120) as client:
        for number, delivery in _turns(len(tasks)):
            expert = kind(tasks[number], references=True)
            server = Server(*servers[delivery], client)
            model = ReadExpert(expert, np.random.default_rng(number), pace.call_s, server)
            found[delivery].append(await conversation(model, marked(tasks[number]), delivery, pace))
    return found


async def by_the_model(servers: Mapping[Delivery, tuple[str, str]], tasks: Sequence[OfficeTask], pace: Pace) -> Found:
    found: Found = {delivery: [] for delivery in DELIVERIES}
    for number, delivery in _turns(len(tasks)):
        model = OwnWords(servers[delivery][0])
        found[delivery].append(await conversation(model, tasks[number], delivery, pace))
    return found


def _turns(tasks: int) -> Iterator[tuple[int, Delivery]]:
    """Each task under each delivery, none of which is always the first."""
    for number in range(tasks):
        for place in range(len(DELIVERIES)):
            yield number, DELIVERIES[(number + place) % len(DELIVERIES)]


# ----------------------------------------------------------------------------------------------------------- report


def table(found: Found) -> list[str]:
    """Figures per request, and per conversation as ratios to on_touch: of the sums, and the median of each task's."""
    whole = [n for n in range(len(found[BASE])) if all(found[delivery][n].completed for delivery in DELIVERIES)]
    kept = {delivery: [found[delivery][n] for n in whole] for delivery in DELIVERIES}
    lines = [f"{len(whole)} of {len(found[BASE])} conversations were completed under all three, and count"]
    if not whole:
        return lines
    columns = ("requests", "prompt", "cached", "read", "rewritten", "read then", "TTFT ms")
    lines.append(f"{'per request':<12}{''.join(f'{column:>11}' for column in columns)}")
    for delivery, some in kept.items():
        figures = _per_request([request for one in some for request in one.made])
        lines.append(f"{delivery:<12}{''.join(f'{figure:>11}' for figure in figures)}")
    lines.append(f"{'of on_touch':<12}{''.join(f'{name:>17}' for name in ('requests', 'prompt', 'read', 'TTFT'))}")
    for delivery, some in kept.items():
        ratios = [_ratio(list(map(pick, some)), list(map(pick, kept[BASE]))) for pick in _PICKED]
        lines.append(f"{delivery:<12}{''.join(f'{ratio:>17}' for ratio in ratios)}")
    return lines


def _per_request(made: Sequence[Request]) -> list[str]:
    """How many; means of their tokens; how many had a message changed, and what those read; the median TTFT."""
    rewritten = [request for request in made if request.rewritten]
    prompt = fmean(request.reading.prompt for request in made)
    read, then = _mean_read(made), _mean_read(rewritten)
    ttft_ms = median(request.reading.ttft_s for request in made) * 1000
    shown = [None if read is None else prompt - read, read]
    counted = ["-" if figure is None else f"{figure:.1f}" for figure in (*shown, then)]
    return [str(len(made)), f"{prompt:.1f}", *counted[:2], str(len(rewritten)), counted[2], f"{ttft_ms:.2f}"]


def _mean_read(made: Sequence[Request]) -> float | None:
    read = [request.reading.read for request in made]
    counted = [count for count in read if count is not None]
    return fmean(counted) if counted and len(counted) == len(read) else None


def _ratio(some: Sequence[float | None], base: Sequence[float | None]) -> str:
    pairs = [(a, b) for a, b in zip(some, base, strict=True) if a is not None and b]
    if len(pairs) < len(some):
        return "-"
    whole = sum(a for a, _ in pairs) / sum(b for _, b in pairs)
    return f"{whole:.3f} ({median(a / b for a, b in pairs):.3f})"


_EXPERTS: Final = {"terse": Terse, "expert": Expert}


@contextmanager
def tiny_servers(folder: str | None) -> Iterator[dict[Delivery, tuple[str, str]]]:
    """A server for each delivery, each a process of its own."""
    with ExitStack() as stack:
        urls = {delivery: stack.enter_context(serve_tiny(folder, process=True)) for delivery in DELIVERIES}
        yield {delivery: (url, "") for delivery, url in urls.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description="What each delivery costs where a server keeps prefixes.")
    parser.add_argument("--base-url", help="of a server that runs; default: asyncfc serve tiny, started here")
    parser.add_argument("--model", default="", help="its name there")
    parser.add_argument("--folder", help="of another model for asyncfc serve tiny")
    parser.add_argument("--words", choices=[*_EXPERTS, "own"], default="terse", help="whose; default: terse")
    parser.add_argument("--tasks", type=int, default=20)
    parser.add_argument("--turns", type=int, default=3, help="of the user, in each task")
    parser.add_argument("--tool-s", type=float, default=0.1, help="mean of the injected times of tools")
    parser.add_argument(
        "--call-s", type=float, default=0.05, help="mean of the injected times in which a call is written"
    )
    args = parser.parse_args()
    if min(args.tasks, args.turns) < 1:
        parser.error("--tasks and --turns: expected 1 or more")
    if args.base_url and args.words == "own":
        parser.error("--words own needs a server for each delivery, and so starts its own: leave --base-url out")
    tasks, pace = some_tasks(args.tasks, args.turns), Pace(args.tool_s, args.call_s)
    ask = by_the_model if args.words == "own" else partial(by_an_expert, _EXPERTS[args.words])
    where = args.base_url or "asyncfc serve tiny"
    try:
        with ExitStack() as stack:
            if args.base_url:
                servers = dict.fromkeys(DELIVERIES, (args.base_url.rstrip("/"), args.model))
            else:
                servers = stack.enter_context(tiny_servers(args.folder))
            found = asyncio.run(ask(servers, tasks, pace))
    except (httpx2.HTTPError, OSError, ValueError, TinyServerFailed) as error:
        sys.exit(f"error: {where}: {error}")
    print(f"{where}, words: {args.words}; {args.tasks} tasks of {args.turns} turns; injected: tools {pace.tool_s:g} s")
    print("\n".join(table(found)))


if __name__ == "__main__":
    main()
