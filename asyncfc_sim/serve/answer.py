"""One answer: tokens as they are decoded -> text and calls as they become known, then how it ended and what it cost.

A request that names no limit gets at most `DEFAULT_LIMIT` tokens: a small model that is asked what it never learnt may
not come to an end of its own.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from typing import Any, Final

from asyncfc_sim.live.completion import usage

from .chat_request import ChatRequest
from .hermes import Hermes, Part, Text
from .marks import Stops
from .served_model import Decoding, ServedModel
from .vocabulary import Spelling

DEFAULT_LIMIT: Final = 1024


class Answer:
    """What a model answers to a request. Raises UnfitMessages or TooLong before anything is decoded."""

    def __init__(self, model: ServedModel, request: ChatRequest) -> None:
        prompt = model.prompt(request.messages, request.tools)
        opening = model.opening_of_call(request.only) if request.must_call else []
        limit = request.limit or DEFAULT_LIMIT
        self._prompt, self._one_call = len(prompt), request.one_call
        self._decoding = Decoding(model, prompt, limit, request.sampling, opening)
        self._spelling, self._stops = Spelling(model.vocabulary), Stops(request.stop)
        self._hermes = Hermes() if request.tools else None

    def parts(self) -> Generator[list[Part]]:
        """For each token what it makes known: often nothing. Closing the iterator ends the decoding."""
        with closing(iter(self._decoding)) as tokens:
            for token in tokens:
                yield list(self._read(self._stops.feed(self._spelling.feed(token))))
                if self._cut:
                    break
        rest = "" if self._stops.reached else self._stops.feed(self._spelling.end()) + self._stops.end()
        yield [*self._read(rest), *(self._hermes.end() if self._hermes is not None else ())]

    @property
    def _cut(self) -> bool:
        """Whether the client has no use for more."""
        return self._stops.reached or (self._one_call and self._hermes is not None and self._hermes.complete > 0)

    def _read(self, text: str) -> Iterator[Part]:
        if self._hermes is not None:
            yield from self._hermes.feed(text)
        elif text:
            yield Text(text)

    @property
    def finish_reason(self) -> str:
        """Once all parts have come."""
        if not self._decoding.ended and not self._cut:
            return "length"
        return "tool_calls" if self._hermes is not None and self._hermes.calls else "stop"

    @property
    def usage(self) -> Mapping[str, Any]:
        """Tokens, the one that ends the message included, once all parts have come."""
        return usage(self._prompt, self._decoding.count, self._decoding.cached)
