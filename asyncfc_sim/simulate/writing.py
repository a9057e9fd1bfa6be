"""How long a message takes to write: prompt tokens outside the cache, thinking, and the text of each call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from asyncfc_sim.core.messages import arguments
from asyncfc_sim.workloads.recorded_times import RecordedPart
from asyncfc_sim.workloads.workload import Task

from . import replay
from .durations import uniform
from .models import Models
from .script import NextMessage, ToolUse


@dataclass(frozen=True, slots=True)
class Written:
    """What is decoded of a message up to the end of one of its calls: so many tokens, each of so many seconds."""

    tokens: int
    itl_s: float


@dataclass(frozen=True, slots=True)
class Writing:
    """A message on its way out: when its parts are there, in seconds after the request, and the text of its calls.

    The last call closes when the message ends. Of the tokens of the first part, `thinking_tokens` were drawn by the
    number `thinking_of`; 0 if none were drawn.
    """

    prompt_tokens: int
    uncached_tokens: int
    tokens: int
    first_token_s: float
    calls_s: tuple[float, ...]
    texts: tuple[str, ...]
    end_s: float
    parts: tuple[Written, ...] = ()
    thinking_of: int = 0
    thinking_tokens: int = 0


def call_text(tool: str, arguments_text: str) -> str:
    """What a model writes to make a call, as far as its length goes: the name and the arguments."""
    return f'{{"name": "{tool}"}}{arguments_text}'


def thinking_number(turn: int, place: int) -> int:
    """What thinking is drawn by: that of the message at a place of its turn is one and the same under every policy.

    Not by its calls: a policy that ends messages earlier has more of them, and so by place it thinks at
    least as often as the one with the fewest, and as long at each: that is what bounds it from below (bound.py).
    """
    return turn * 1_000_000 + place


class Writer:
    """Times the messages of one conversation. It remembers what the server has in its prefix cache.

    `stream`: the model goes on in the same stream instead of being asked again. Then what is put into the stream must
    be prefilled, but there is no request, and to wait for a value is to write nothing (AsyncLM's trap; assumed free).
    """

    def __init__(self, models: Models, seed: int, task: Task, *, stream: bool = False) -> None:
        self._models, self._decoder = models, models.decoder
        self._seed, self._task, self._stream = seed, task, stream
        self._sizes: list[int] = []  # tokens of each message of the transcript at the last request
        self._turn = self._place = 0  # of the message written last, awaits and answers not counted
        # Of the requests whose prompts still stand as they were: messages in the transcript, tokens of the prompt.
        self._prompts: list[tuple[int, int]] = []
        self._untold = 0  # tokens of the last recorded prompt for which there is no text: system prompt, tools, results

    def time(self, message: NextMessage, transcript: Sequence[dict[str, Any]], cached: int) -> Writing:
        """Time a message that answers a request whose first `cached` messages the server has seen as they are."""
        texts = tuple(arguments(use.args) for use in message.calls)
        parts = self._parts(message)
        rewritten = self._models.overhead and bool(self._prompts) and cached < self._prompts[-1][0]
        prompt, uncached, lost = self._prompt_tokens(parts[0], transcript, cached, rewritten)
        goes_on = self._stream and transcript[-1]["role"] != "user"
        at_s = first_token_s = self._ttft_s(message, parts[0], uncached, lost, goes_on)
        number = self._number(message)
        thinking = self._thinking_tokens(message, number) if parts[0] is None else 0
        drawn_for = number if parts[0] is None else 0
        written: list[Written] = []
        calls_s = []
        for place, part in enumerate(parts):
            if part is not None:
                more, itl_s = part.tokens, replay.part_itl_s(part, self._models)
            else:
                more = thinking if place == 0 else 0
                more += self._call_tokens(message.calls[place], texts[place]) if message.calls else 0
                itl_s = self._decoder.token_s(0.0 if message.is_await else None)
            if message.is_await and self._awaits_are_free:
                more = 0
            at_s += more * itl_s
            calls_s.append(at_s)
            written.append(Written(more, itl_s))
        return Writing(
            prompt,
            uncached,
            sum(part.tokens for part in written),
            first_token_s,
            tuple(calls_s[: len(texts)]),
            texts,
            at_s,
            tuple(written),
            drawn_for,
            thinking if drawn_for else 0,
        )

    @property
    def _awaits_are_free(self) -> bool:
        return self._stream or not self._models.overhead

    def _parts(self, message: NextMessage) -> list[RecordedPart | None]:
        """What was recorded of each part of the message: one for each call, or one for all of an answer."""
        if not message.calls:
            return [replay.answer_part(self._task, message.turn)]
        return [replay.call_part(self._task, use.origin) for use in message.calls]

    def _ttft_s(
        self, message: NextMessage, part: RecordedPart | None, uncached: int, lost: int, goes_on: bool
    ) -> float:
        """Seconds to the first token of a message that opens with `part`. `lost`: see `_prompt_tokens`."""
        decoder = self._decoder
        if message.is_await and self._awaits_are_free:
            return 0.0
        if part is None or not part.first:
            return decoder.prefill_s(uncached) if goes_on else decoder.ttft_s(uncached)
        if goes_on:
            return 0.0
        return replay.part_ttft_s(part, self._models) + decoder.prefill_s(lost)

    def _number(self, message: NextMessage) -> int:
        """The number of a message by which its thinking is drawn; 0 for an await or an answer."""
        if not message.calls or message.is_await:
            return 0
        self._place = self._place + 1 if message.turn == self._turn else 1
        self._turn = message.turn
        return thinking_number(message.turn, self._place)

    def _thinking_tokens(self, message: NextMessage, number: int) -> int:
        """Tokens besides the calls."""
        decoder = self._decoder
        if not message.calls:
            return decoder.answer_tokens
        if message.is_await:
            return self._models.await_thinking_tokens
        return decoder.step_tokens_at(uniform(self._seed, f"{self._task.name}/step", number))

    def _call_tokens(self, use: ToolUse, text: str) -> int:
        if not use.origin:
            return self._decoder.await_tokens
        return self._decoder.call_tokens(call_text(use.tool, text if self._models.overhead else ""))

    def _prompt_tokens(
        self, part: RecordedPart | None, transcript: Sequence[dict[str, Any]], cached: int, rewritten: bool
    ) -> tuple[int, int, int]:
        """Tokens of the prompt, those of them that must be prefilled, and of these the ones that a rewriting has cost a
        recorded message. What was sent before is in the cache, unless it was rewritten since, or there is none.

        Between recorded messages prompts go on from the last one that was recorded.
        """
        counted, uncached = self._counted_tokens(transcript, cached)
        before = self._prompts[-1][1] if self._prompts else 0
        while self._prompts and self._prompts[-1][0] > cached:
            self._prompts.pop()
        standing = self._prompts[-1][1] if self._prompts else 0
        message = part.message if part is not None and part.first else None
        lost = 0
        if message is not None and message.prompt_tokens is not None:
            prompt = message.prompt_tokens
            self._untold = prompt - counted
            usual = max(0, prompt - (before if message.cached_tokens is None else message.cached_tokens))
            uncached = max(usual, prompt - standing) if rewritten else usual
            lost = uncached - usual
        else:
            prompt = max(0, counted + self._untold)
            if rewritten and self._untold:
                uncached = max(0, prompt - standing)
        self._prompts.append((len(transcript), prompt))
        if not self._decoder.prefix_cache and (message is not None or self._models.overhead):
            return prompt, prompt, 0
        return prompt, uncached, lost

    def _counted_tokens(self, transcript: Sequence[dict[str, Any]], cached: int) -> tuple[int, int]:
        """As `_prompt_tokens`, counted by the texts: all since `cached`, but for the message decoded last, whose keys
        and values are there from decoding it. System prompt and tools are assumed to be cached."""
        before = len(self._sizes)
        fresh = [self._size(message) for message in transcript[cached:]]
        self._sizes[cached:] = fresh
        if not self._models.overhead:
            return sum(self._sizes), 0
        decoded = sum(
            size
            for position, size in enumerate(fresh, cached)
            if position >= before and transcript[position]["role"] == "assistant"
        )
        return sum(self._sizes), sum(fresh) - decoded

    def _size(self, message: dict[str, Any]) -> int:
        texts = [message["content"] or "", *(call["function"]["arguments"] for call in message.get("tool_calls", ()))]
        return sum(map(self._decoder.text_tokens, texts))
