"""How the model is asked: the instructions and the tools that go along, and what is made of what comes back.

The transcript is checked before every request. A stream that breaks is tried again if nothing was done because of it;
once a call of it is under way, the message ends where it broke, and the model goes on from there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from statistics import median
from typing import Any

from asyncfc_sim.core.policy import Policy
from asyncfc_sim.core.session_events import CallClosed
from asyncfc_sim.core.values import ErrorValue
from asyncfc_sim.language.errors import LanguageError
from asyncfc_sim.language.wire import call_from_wire

from .live_tool import LiveTool
from .model import Began, CallPart, Ended, Model, ModelError, TextPart, Usage
from .prompt import instructions, tool_schemas
from .transcript_check import TranscriptCheck

RETRIES = 2
LONGEST_RETRY_DELAY_S = 30.0


@dataclass(frozen=True, slots=True)
class Written:
    """The message is complete; its text, if it has any."""

    text: str | None = None
    usage: Usage = field(default_factory=Usage)


Asked = Began | TextPart | CallClosed | Written


class Asker:
    """Asks `model` on behalf of one conversation. `notes` collects what was odd, each once."""

    def __init__(
        self, model: Model, tools: Mapping[str, LiveTool], policy: Policy, *, system: str | None = None
    ) -> None:
        self.model = model
        self.notes: dict[str, None] = {}
        self.usage = Usage()  # of all requests so far
        text = instructions(policy, system)
        self._system = [{"role": "system", "content": text}] if text else []
        self._schemas = tool_schemas(tools.values(), policy)
        self._check = TranscriptCheck(rewrites=policy.delivery == "rewrite" or policy.failure == "strict")
        self._ids: set[str] = set()
        self._ttft_s: list[float] = []

    def go_on(self, tool_call_ids: Iterable[str], ttft_s: Iterable[float], usage: Usage) -> None:
        """What was asked before, by another process: the ids that calls had, how long it took, and what it used."""
        self._ids.update(tool_call_ids)
        self._ttft_s += ttft_s
        self.usage = self.usage.plus(usage)

    @property
    def turn_overhead_s(self) -> float:
        """What one more request is estimated to cost: the median time to the first token so far."""
        return median(self._ttft_s) if self._ttft_s else inf

    def _closed(self, part: CallPart) -> CallClosed:
        """A call that is complete in the stream, as the session takes it: with an id that no other call has."""
        tool_call_id = part.tool_call_id
        if not tool_call_id or tool_call_id in self._ids:
            self.notes["the server gave calls no ids, or the same twice: they were given others"] = None
            tool_call_id = f"call_{len(self._ids) + 1}_{tool_call_id or 'x'}"
        self._ids.add(tool_call_id)
        try:
            args = call_from_wire(1, part.tool, part.arguments).args
        except LanguageError as fault:
            return CallClosed(tool_call_id, part.tool, ErrorValue("invalid_argument", str(fault)))
        text = part.arguments if isinstance(part.arguments, str) and part.arguments.strip() else None
        return CallClosed(tool_call_id, part.tool, args, text)

    async def ask(self, transcript: Sequence[Mapping[str, Any]]) -> AsyncGenerator[Asked, None]:
        """The model's next message as it comes, a `Written` last. Raises ModelError."""
        self._check(transcript)
        loop = asyncio.get_running_loop()
        calls, texts = 0, list[str]()
        for attempt in range(RETRIES + 1):
            asked_s, began = loop.time(), False
            try:
                async for part in self.model.stream([*self._system, *transcript], self._schemas):
                    match part:
                        case Began() if not began:
                            self._ttft_s.append(loop.time() - asked_s)
                            began = True
                            yield part
                        case TextPart(text):
                            texts.append(text)
                            yield part
                        case CallPart():
                            calls += 1
                            yield self._closed(part)
                        case Ended(_, usage, notes):
                            self.notes |= dict.fromkeys(notes)
                            self.usage = self.usage.plus(usage)
                            yield Written("".join(texts) or None, usage)
                return
            except ModelError as error:
                if calls:
                    self.notes[f"a message broke off after {calls} calls: {error.reason}"] = None
                    yield Written("".join(texts) or None)
                    return
                if not error.retryable or attempt == RETRIES:
                    raise
                self.notes[f"a request was made again: {error.reason}"] = None
                await asyncio.sleep(min(error.retry_after_s or 0.5 * 2**attempt, LONGEST_RETRY_DELAY_S))
