"""The models of one simulation together: how long decoding takes, how long tools take, and what is taken to be free."""

from __future__ import annotations

from dataclasses import dataclass

from .decoder import Decoder
from .durations import DurationModel


@dataclass(frozen=True, slots=True)
class Models:
    """How long things take. `overhead=False` makes what only futures cost free: awaits, prompts, longer arguments.

    `await_thinking`: before a message that only awaits, a model thinks as long as before the median message; else not
    at all. Nobody has measured it.

    `replay_decoding`, `replay_tools`: where a task was recorded, messages and calls take the time that they took.
    """

    decoder: Decoder
    durations: DurationModel
    overhead: bool = True
    await_thinking: bool = True
    replay_decoding: bool = True
    replay_tools: bool = True

    @property
    def turn_overhead_s(self) -> float:
        """An estimate of what an extra request costs: its prefill, and a message that only awaits."""
        decoder = self.decoder
        tokens = self.await_thinking_tokens + decoder.await_tokens
        return decoder.ttft_s(decoder.placeholder_tokens) + tokens * decoder.token_s(0.0) if self.overhead else 0.0

    @property
    def await_thinking_tokens(self) -> int:
        return self.decoder.step_tokens if self.await_thinking else 0
