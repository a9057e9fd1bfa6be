"""How the model is asked: the instructions and the tools that go along, and what is made of what comes back.

The transcript is checked before every request. A stream that breaks is tried again if nothing was done because of it;
once a call of it is under way, the message ends where it broke, and the model goes on from there. Neither goes on for
ever: requests are tried again a few times, and so many messages in a row may break.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from math import inf
from statistics import median
from typing import Any, Final

from asyncfc_sim.core.messages import arguments
from asyncfc_sim.core.policy import Policy
from asyncfc_sim.core.session_events import CallClosed
from asyncfc_sim.core.values import ErrorValue
from asyncfc_sim.language.errors import LanguageError
from asyncfc_sim.language.wire import call_from_wire

from .live_tool import LiveTool
from .model import REPLAY_NOTE, Began, CallPart, Ended, Model, ModelError, TextPart, Usage
from .prompt import instructions, tool_schemas
from .transcript_check import DRAIN, TranscriptCheck

RETRIES: Final = 2
FIRST_DELAY_S: Final = 0.5  # before a request is made again; then twice as long each time
LONGEST_DELAY_S: Final = 30.0  # a server that wants to be left alone for longer is not asked again
MAX_BROKEN: Final = 3  # messages in a row
REWRITTEN: Final = "what had been sent was changed (rewrite, or strict's cut): a prefix cache is lost from there on"
LATELY: Final = 64  # requests; a server's load changes, and a long conversation is not to be kept for it


@dataclass(frozen=True, slots=True)
class Written:
    """The message is complete; its text, if it has any. A replayed one was recorded, and its times measure no model."""

    text: str | None = None
    usage: Usage = field(default_factory=Usage)
    replayed: bool = False

    def fields(self) -> dict[str, Any]:
        """What a trace says of it."""
        fields = {**self.usage.fields(), "text_chars": len(self.text or "")}
        return fields | ({"replayed": True} if self.replayed else {})


Asked = Began | TextPart | CallClosed | Written


@dataclass(slots=True)
class _Message:
    """What has come of a message so far."""

    texts: list[str] = field(default_factory=list)
    calls: int = 0
    usage: Usage = field(default_factory=Usage)

    @property
    def text(self) -> str | None:
        return "".join(self.texts) or None


class Asker:
    """Asks `model` on behalf of one conversation. `notes` collects what was odd, each once.

    A request that fails is made again up to `retries` times if the model says that it may help.
    """

    def __init__(
        self,
        model: Model,
        tools: Mapping[str, LiveTool],
        policy: Policy,
        *,
        system: str | None = None,
        retries: int = RETRIES,
    ) -> None:
        self.model = model
        self.instructions = system or ""
        self.notes: dict[str, None] = {}
        self.usage = Usage()  # of all requests so far
        text = instructions(policy, system)
        self._system = [{"role": "system", "content": text}] if text else []
        self._schemas = tool_schemas(tools.values(), policy)
        rewrites = policy.delivery == "rewrite" or policy.failure == "strict"
        self._references = policy.references
        self._check = TranscriptCheck(rewrites=rewrites, late_bound=policy.futures and policy.late_bound)
        self._retries = retries
        self._ids: set[str] = set()
        self._ttft_s: deque[float] = deque(maxlen=LATELY)
        self._broken = 0  # messages that broke off, in a row

    @property
    def turn_overhead_s(self) -> float:
        """What one more request is estimated to cost: the median time to the first token lately."""
        return median(self._ttft_s) if self._ttft_s else inf

    def go_on(self, tool_call_ids: Iterable[str], ttft_s: Iterable[float], usage: Usage) -> None:
        """What was asked before, by another process: the ids that calls had, how long it took, and what it used."""
        self._check.go_on()
        self._ids.update(tool_call_ids)
        self._ttft_s += ttft_s
        self.usage = self.usage.plus(usage)

    async def prompt_tokens(self, prompt: str) -> int | None:
        """Tokens of a conversation that opens so, as the server counts them, with all that goes along; None if it does
        not. What the model answers is not looked at. Raises ModelError."""
        async for part in self.ask([{"role": "user", "content": prompt}]):
            if isinstance(part, Written):
                return part.usage.prompt_tokens
        return None

    async def ask(self, transcript: Sequence[Mapping[str, Any]]) -> AsyncGenerator[Asked, None]:
        """The model's next message as it comes, a `Written` last. Raises ModelError."""
        self._check(transcript)
        if self._check.rewritten:
            self.notes[REWRITTEN] = None
        failures, began, asked_again = 0, False, False
        while True:
            message = _Message()
            try:
                async with aclosing(self._stream(transcript, message)) as parts:
                    async for part in parts:
                        if not (began and isinstance(part, Began)):  # it begins once, however often it is asked for
                            yield part
                        began = began or isinstance(part, Began)
                self._broken = 0
            except ModelError as error:
                if not message.calls:
                    await asyncio.sleep(self._delay_s(error, failures))
                    failures += 1
                    continue
                self._broke_off(error, message.calls)
            if message.calls or message.text or asked_again:
                break
            asked_again = True
            self.notes["the model wrote an empty message, and was asked once more"] = None
        self._check.wrote_text(message.text)
        replayed = any(note.startswith(REPLAY_NOTE) for note in self.notes)
        yield Written(message.text, message.usage, replayed)

    async def _stream(
        self, transcript: Sequence[Mapping[str, Any]], message: _Message
    ) -> AsyncGenerator[Began | TextPart | CallClosed, None]:
        """One request; what comes of it is kept in `message`."""
        loop = asyncio.get_running_loop()
        asked_s = loop.time()
        async with aclosing(self.model.stream([*self._system, *transcript], self._schemas)) as parts:
            async for part in parts:
                match part:
                    case Began():
                        self._ttft_s.append(loop.time() - asked_s)
                        yield part
                    case TextPart(text):
                        message.texts.append(text)
                        yield part
                    case CallPart():
                        message.calls += 1
                        yield self._closed(part)
                    case Ended(_, usage, notes):
                        self.notes |= dict.fromkeys(notes)
                        self.usage = self.usage.plus(usage)
                        message.usage = usage

    def _closed(self, part: CallPart) -> CallClosed:
        """A call that is complete in the stream, as the session takes it: with an id that no other call has."""
        tool = part.tool or "unnamed"
        try:
            args = call_from_wire(1, tool, part.arguments, references=self._references).args
        except LanguageError as fault:
            call = CallClosed(self._id(part), tool, ErrorValue("invalid_argument", str(fault)))
            written = arguments({})
        else:
            text = part.arguments if isinstance(part.arguments, str) and part.arguments.strip() else None
            if text is None and not self._references:
                text = json.dumps(args, ensure_ascii=False)  # there is nothing that would have to be escaped
            call = CallClosed(self._id(part), tool, args, text)
            written = text or arguments(args)
        self._check.wrote_call((call.tool_call_id, tool, written))
        return call

    def _id(self, part: CallPart) -> str:
        given = part.tool_call_id
        if not given or given in self._ids or given.startswith(DRAIN):
            self.notes["the server gave calls no ids, or the same twice: they were given others"] = None
            number = len(self._ids) + 1
            while (given := f"call{number:05}") in self._ids:  # nine letters and digits: some servers want just that
                number += 1
        self._ids.add(given)
        return given

    def _delay_s(self, error: ModelError, failures: int) -> float:
        """How long to wait before a request that has failed so often is made again. Raises `error` if it is not."""
        delay_s = FIRST_DELAY_S * 2**failures if error.retry_after_s is None else error.retry_after_s
        if not error.retryable or failures == self._retries or delay_s > LONGEST_DELAY_S:
            raise error
        self.notes[f"a request was made again: {error.reason}"] = None
        return delay_s

    def _broke_off(self, error: ModelError, calls: int) -> None:
        """Calls of the message are under way, so it ends here. Raises `error` if that has happened too often."""
        self._broken += 1
        if self._broken == MAX_BROKEN:
            raise error
        self.notes[f"a message ended after {calls} calls: {error.reason}"] = None
