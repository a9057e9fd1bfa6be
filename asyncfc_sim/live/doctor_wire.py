"""How a doctor listens: one request at a time, every chunk looked at, with the time at which it came.

Requests are made without the SDK, so that nothing is put right before it is seen.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.client import HTTPException
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from .accumulator import Accumulator, MixedUp
from .endpoint import Endpoint, secrets_in
from .model import Began, CallPart, Ended, ModelError, TextPart, Usage
from .model_errors import broke_off, no_connection, refused
from .sse import Events

LONGEST_MESSAGE_S: Final = 180.0
LARGEST_MESSAGE: Final = 16 * 2**20  # bytes
_BLOCK: Final = 2**16

# What not every server takes, in the order in which it is left out of a request that was refused.
OPTIONAL: Final = ("stream_options", "max_tokens", "parallel_tool_calls")


@dataclass(slots=True)
class Heard:
    """A message as it came. Times are in seconds from the request; `closed_s` has one for each call."""

    streamed: bool = False
    done: bool = False  # "[DONE]" came
    first_s: float | None = None  # of the first token
    end_s: float = 0.0
    chunks: int = 0  # that brought text or a part of a call
    fragments: int = 0  # of arguments
    name_alone: bool = False  # a call's name came before its arguments
    text: str = ""
    calls: list[CallPart] = field(default_factory=list)
    closed_s: list[float] = field(default_factory=list)
    finish_reason: str | None = None
    usage: Usage = field(default_factory=Usage)
    notes: list[str] = field(default_factory=list)


class Wire:
    """An endpoint, and how it is asked. `left_out` are fields that it was found not to take.

    Raises EndpointError for an address at which nothing can be served.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = 60.0,
        extra_body: Mapping[str, Any] | None = None,
    ) -> None:
        given = dict(headers or {})
        self.endpoint = Endpoint.at(base_url, [api_key or "", *secrets_in(headers=given)])
        self._headers = {"Content-Type": "application/json", "User-Agent": "asyncfc-doctor"}
        if authorization := self.endpoint.authorization or (api_key and f"Bearer {api_key}"):
            self._headers["Authorization"] = authorization
        self._headers |= given
        self._timeout_s = timeout_s
        self._extra_body = dict(extra_body or {})
        self.left_out: list[str] = []
        self.requests = 0

    def get(self, path: str) -> Any:
        """A JSON document. Raises ModelError."""
        with self._open(path, None) as response, self._breaking():
            try:
                return json.loads(b"".join(self._blocks(response)))
            except (ValueError, RecursionError):
                raise broke_off(self.endpoint, f"no JSON at {path}", retryable=False) from None

    def chat(self, messages: Sequence[Mapping[str, Any]], *, stream: bool = True, **body: Any) -> Heard:
        """The next message. What a server does not take, and need not, it is not sent again. Raises ModelError."""
        asked = self._asked(messages, stream, body)
        first: ModelError | None = None
        dropped = ""
        while True:
            try:
                heard = self._heard(asked)
            except _BadRequest as error:
                first = first or error.meaning
                optional = (name for name in OPTIONAL if name in asked and name not in self._extra_body)
                dropped = next(optional, "")
                if not dropped:
                    raise first from None
                del asked[dropped]
            else:
                if dropped:
                    self.left_out.append(dropped)
                return heard

    def once(self, messages: Sequence[Mapping[str, Any]], *, stream: bool = True, **body: Any) -> Heard:
        """The next message; a request that is refused is not tried in any other way. Raises ModelError."""
        try:
            return self._heard(self._asked(messages, stream, body))
        except _BadRequest as error:
            raise error.meaning from None

    def _asked(self, messages: Sequence[Mapping[str, Any]], stream: bool, body: Mapping[str, Any]) -> dict[str, Any]:
        """The body of a request, without what was found not to be taken."""
        asked = {"messages": messages, **body}
        if stream:
            asked |= {"stream": True, "stream_options": {"include_usage": True}}
        return {name: value for name, value in asked.items() if name not in self.left_out} | self._extra_body

    def _heard(self, asked: Mapping[str, Any]) -> Heard:
        heard, accumulator = Heard(), Accumulator()
        began_s = time.monotonic()
        with self._open("/chat/completions", asked) as response:
            heard.streamed = "event-stream" in response.headers.get("Content-Type", "")
            try:
                with self._breaking():
                    for data in self._data(response, heard.streamed):
                        now_s = time.monotonic() - began_s
                        if data == "[DONE]":
                            heard.done = True
                            break
                        self.take(heard, accumulator, data, now_s)
            except MixedUp as error:
                heard.notes.append(str(error))
        heard.end_s = time.monotonic() - began_s
        for part in accumulator.end():
            _add(heard, part, heard.end_s)
        return heard

    def _data(self, response: Any, streamed: bool) -> Iterator[str]:
        """The data of each event as it comes, or the whole body. Raises ModelError if there is no end of it."""
        if not streamed:
            yield b"".join(self._blocks(response)).decode("utf-8", "replace")
            return
        events = Events()
        for block in self._blocks(response):
            yield from events.feed(block)
        yield from events.end()

    def _blocks(self, response: Any) -> Iterator[bytes]:
        """The body as it comes. Raises ModelError if there is no end of it, however slow or fast it comes."""
        size, due_s = 0, time.monotonic() + LONGEST_MESSAGE_S
        while block := response.read1(_BLOCK):
            size += len(block)
            if size > LARGEST_MESSAGE or time.monotonic() > due_s:
                raise broke_off(self.endpoint, "there was no end of it", retryable=False)
            yield block

    @contextmanager
    def _breaking(self) -> Iterator[None]:
        """Around reading a body: that it breaks off is the server's fault."""
        try:
            yield
        except (OSError, HTTPException) as error:
            raise broke_off(self.endpoint, self.endpoint.quote(str(error) or type(error).__name__)) from None

    def take(self, heard: Heard, accumulator: Accumulator, data: str, now_s: float) -> None:
        """One chunk of a message. Raises ModelError for what is none."""
        try:
            chunk = json.loads(data)
        except (ValueError, RecursionError):
            raise broke_off(self.endpoint, f"a chunk is not JSON: {self.endpoint.quote(data)[:60]}") from None
        if not isinstance(chunk, dict):
            raise broke_off(self.endpoint, "a chunk is not an object")
        if chunk.get("error"):
            raise broke_off(self.endpoint, self.endpoint.words(data))
        functions = list(_functions(chunk))
        found = sum(bool(function.get("arguments")) for function in functions)
        heard.fragments += found
        heard.name_alone |= any(function.get("name") and not function.get("arguments") for function in functions)
        parts = accumulator.feed(chunk)
        heard.chunks += bool(found or parts)
        for part in parts:
            _add(heard, part, now_s)

    def _open(self, path: str, body: Mapping[str, Any] | None) -> Any:
        self.requests += 1
        data = None if body is None else json.dumps(body).encode()
        request = Request(self.endpoint.url(path), data, self._headers)
        try:
            return urlopen(request, timeout=self._timeout_s)
        except HTTPError as error:
            with error:
                meaning = refused(self.endpoint, error.code, _lower(error.headers), error.read(100_000))
            if error.code in (400, 422) and body is not None:
                raise _BadRequest(meaning) from None
            raise meaning from None
        except (URLError, OSError, HTTPException) as error:
            reason = error.reason if isinstance(error, URLError) and isinstance(error.reason, OSError) else error
            raise no_connection(self.endpoint, reason, retryable=False) from None


class _BadRequest(Exception):
    """Something in the request is not to the server's taste."""

    def __init__(self, meaning: ModelError) -> None:
        super().__init__(meaning.reason)
        self.meaning = meaning


def _lower(headers: Message) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _add(heard: Heard, part: object, now_s: float) -> None:
    match part:
        case Began() if heard.first_s is None:
            heard.first_s = now_s
        case TextPart(text):
            heard.text += text
        case CallPart():
            heard.calls.append(part)
            heard.closed_s.append(now_s)
        case Ended(reason, usage, notes):
            heard.finish_reason, heard.usage = reason, usage
            heard.notes += notes


def _functions(chunk: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The names and arguments in a chunk, one for each call that it has a part of."""
    for choice in _objects(chunk.get("choices")):
        delta = choice.get("delta")
        for call in _objects(delta.get("tool_calls") if isinstance(delta, Mapping) else None):
            if isinstance(function := call.get("function"), Mapping):
                yield function


def _objects(items: object) -> list[Mapping[str, Any]]:
    return [item for item in items if isinstance(item, Mapping)] if isinstance(items, list) else []
