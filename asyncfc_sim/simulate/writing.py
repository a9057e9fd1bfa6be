"""How long a message takes to write: prompt tokens outside the cache, thinking, and the text of each call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from asyncfc_sim.core.messages import arguments

from .decoder import Decoder
from .durations import DurationModel, uniform
from .script import NextMessage, ToolUse


@dataclass(frozen=True, slots=True)
class Models:
    """How long things take. `overhead=False` makes what only futures cost free: awaits, prompts, longer arguments.

    `await_thinking`: before a message that only awaits, a model thinks as long as before the median message; else not
    at all. Nobody has measured it.
    """

    decoder: Decoder
    durations: DurationModel
    overhead: bool = True
    await_thinking: bool = True

    @property
    def turn_overhead_s(self) -> float:
        """An estimate of what an extra request costs: its prefill, and a message that only awaits."""
        decoder = self.decoder
        tokens = self.await_thinking_tokens + decoder.await_tokens
        return decoder.ttft_s(decoder.placeholder_tokens) + tokens * decoder.itl_s() if self.overhead else 0.0

    @property
    def await_thinking_tokens(self) -> int:
        return self.decoder.step_tokens if self.await_thinking else 0


@dataclass(frozen=True, slots=True)
class Writing:
    """A message on its way out: when its parts are there, in seconds after the request, and the text of its calls.

    The last call closes when the message ends.
    """

    prompt_tokens: int
    uncached_tokens: int
    tokens: int
    first_token_s: float
    calls_s: tuple[float, ...]
    texts: tuple[str, ...]
    end_s: float


def call_text(tool: str, arguments_text: str) -> str:
    """What a model writes to make a call, as far as its length goes: the name and the arguments."""
    return f'{{"name": "{tool}"}}{arguments_text}'


class Writer:
    """Times the messages of one conversation. It remembers what the server has in its prefix cache."""

    def __init__(self, models: Models, seed: int, case: str) -> None:
        self._decoder, self._overhead = models.decoder, models.overhead
        self._await_thinking = models.await_thinking_tokens
        self._seed, self._case = seed, case
        self._sizes: list[int] = []  # tokens of each message of the transcript at the last request

    def time(self, message: NextMessage, transcript: Sequence[dict[str, Any]], cached: int) -> Writing:
        """Time a message that answers a request whose first `cached` messages the server has seen as they are."""
        decoder = self._decoder
        prompt, uncached = self._prompt_tokens(transcript, cached)
        ttft_s, itl_s = decoder.ttft_s(uncached), decoder.itl_s()
        if message.is_await and not self._overhead:
            ttft_s = itl_s = 0.0
        tokens = self._thinking_tokens(message)
        texts = tuple(arguments(use.args) for use in message.calls)
        calls_s = []
        for use, text in zip(message.calls, texts, strict=True):
            tokens += self._call_tokens(use, text)
            calls_s.append(ttft_s + tokens * itl_s)
        return Writing(prompt, uncached, tokens, ttft_s, tuple(calls_s), texts, ttft_s + tokens * itl_s)

    def _thinking_tokens(self, message: NextMessage) -> int:
        """Tokens besides the calls; the same message has as many under every policy (common random numbers)."""
        decoder = self._decoder
        if not message.calls:
            return decoder.answer_tokens
        if message.is_await:
            return self._await_thinking
        return decoder.step_tokens_at(uniform(self._seed, f"{self._case}/step", message.calls[0].origin))

    def _call_tokens(self, use: ToolUse, text: str) -> int:
        if not use.origin:
            return self._decoder.await_tokens
        return self._decoder.call_tokens(call_text(use.tool, text if self._overhead else ""))

    def _prompt_tokens(self, transcript: Sequence[dict[str, Any]], cached: int) -> tuple[int, int]:
        """Tokens of the conversation, and those of them that must be prefilled: all since `cached`, but for the message
        decoded last, whose keys and values are there from decoding it. System prompt and tools: assumed cached."""
        before = len(self._sizes)
        fresh = [self._size(message) for message in transcript[cached:]]
        self._sizes[cached:] = fresh
        if not self._overhead:
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
