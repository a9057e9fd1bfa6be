"""A model in memory that plays what it is told to, for tests of the live executor."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from asyncfc_sim.live.model import Began, CallPart, Ended, ModelError, Part, TextPart, Usage

# A part of a message: seconds to wait, text, a call with its arguments, something to do, an error to raise.
Said = float | str | tuple[str, Mapping[str, Any]] | Callable[[], object] | ModelError
Script = Sequence[Sequence[Any] | str]  # of `Said`


@dataclass
class Played:
    """Plays `script`, message by message, the last one again and again; `asked` holds the transcripts it was given."""

    script: Script
    name: str = "played"
    endpoint: str = "memory"
    asked: list[list[Mapping[str, Any]]] = field(default_factory=list)
    tools: Sequence[Mapping[str, Any]] = ()
    closed: int = 0  # streams that were closed, ended or not

    async def stream(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]
    ) -> AsyncGenerator[Part, None]:
        self.asked.append(deepcopy([message for message in messages if message["role"] != "system"]))
        self.tools = tools
        number = len(self.asked)
        said = self.script[min(number, len(self.script)) - 1]
        try:
            yield Began()
            for place, part in enumerate([said] if isinstance(said, str) else said):
                match part:
                    case float() | int():
                        await asyncio.sleep(part)
                    case str():
                        yield TextPart(part)
                    case (tool, args):
                        yield CallPart(f"call_{number}_{place}", tool, json.dumps(args))
                    case ModelError():
                        raise part
                    case do:
                        do()
            yield Ended("stop", Usage(100, 10))
        finally:
            self.closed += 1

    def shown(self, request: int = -1) -> list[Any]:
        """What the calls of the last message were answered with, in a request."""
        transcript = self.asked[request]
        last = max(place for place, message in enumerate(transcript) if message["role"] == "assistant")
        return [json.loads(message["content"]) for message in transcript[last + 1 :] if message["role"] == "tool"]
