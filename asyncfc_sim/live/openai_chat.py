"""A model behind OpenAI's chat completions: vLLM, llama-server, transformers serve, Ollama, OpenAI itself.

The SDK is the transport: connections, keys, its errors. What comes is read here, byte by byte, so that a call is
passed on as soon as it is complete, and so that no server can make a run wait or grow without end. What a server turns
out not to take (a field, streaming of calls) it is not sent again, and a note says so.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import Any, Final, Self

import httpx2

from asyncfc_sim.core.values import JSON

from .accumulator import Accumulator, MixedUp
from .chunks import Chunks
from .connection import Connection
from .endpoint import OPENAI, Endpoint, secrets_in
from .model import REPLAY_NOTE, CallPart, Ended, ModelError, Part
from .model_errors import broke_off, refused
from .replay import REPLAY_HEADER

_LISTED: Final = 10  # models named in an error

# What is asked for beside a message, and what a server that does not take it is to be spared.
_EXTRAS: Final[dict[str, Any]] = {"parallel_tool_calls": True}
_STREAMED: Final[dict[str, Any]] = {"stream": True, "stream_options": {"include_usage": True}}
_OPTIONAL: Final = ("stream_options", "parallel_tool_calls")
_NOT_STREAMED: Final = "the server does not stream calls as it should: whole messages are asked for"

BodyFor = Callable[[Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]]], Mapping[str, Any]]


class OpenAIChat:
    """The model `model` at `base_url`; without a name the first that the server lists.

    `base_url` may lack `/v1`; it defaults to OPENAI_BASE_URL, then to OpenAI. `api_key` defaults to OPENAI_API_KEY.
    `headers` and the members of `extra_body` are sent with each request; so are those of `body_for(messages, tools)`,
    which are other ones for each. Limits: `timeout_s` without a chunk,
    `max_message_s`, `max_message_bytes` and `max_calls` for a message as a whole. `stream=False` asks for whole
    messages. Nothing is tried again here: whoever asks decides that.

    `async with` closes the connections at its end, and looks the name up if there is none; without it, `aclose` does.

    Raises ValueError for a base URL that is none, or if OpenAI is to be asked without a key.
    """

    def __init__(
        self,
        model: str | None = None,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        headers: Mapping[str, str] | None = None,
        extra_body: Mapping[str, Any] | None = None,
        body_for: BodyFor | None = None,
        timeout_s: float = 120.0,
        stream: bool = True,
        max_message_s: float = 600.0,
        max_message_bytes: int = 64 << 20,
        max_calls: int = 512,
    ) -> None:
        key = api_key or os.environ.get("OPENAI_API_KEY") or ""
        self._headers, self._extra_body = dict(headers or {}), dict(extra_body or {})
        self._body_for = body_for
        secrets = [key, *secrets_in(headers=self._headers)]
        self._at = Endpoint.at(base_url or os.environ.get("OPENAI_BASE_URL"), secrets)
        if not key and self._at.base_url == OPENAI and "authorization" not in map(str.lower, self._headers):
            raise ValueError(f"no server and no API key: give the base URL of a server, or a key for {OPENAI}")
        self.name = model or ""
        self._connection = Connection(self._at, key or "EMPTY", self._headers)
        self._timeout_s, self._max_message_s = timeout_s, max_message_s
        self._max_message_bytes, self._max_calls = max_message_bytes, max_calls
        self._extras = {**_EXTRAS, **(_STREAMED if stream else {})}
        self._streams_calls = False  # it has streamed a call that was right
        self._doubted: dict[str, Any] | None = None  # what was asked for when a streamed call was no JSON
        self._notes: dict[str, None] = {}
        self._users = 0
        self._tails: set[asyncio.Task[None]] = set()

    @property
    def endpoint(self) -> str:
        return self._at.shown

    async def __aenter__(self) -> Self:
        self._users += 1
        self._connection.open()  # takes a moment, which is not to count as the model's
        with suppress(ModelError):  # the first request will say it again, to whoever waits for a message
            await self.resolve()
        return self

    async def __aexit__(self, *fault: object) -> None:
        self._users -= 1
        if not self._users:
            await self.aclose()

    async def aclose(self) -> None:
        """Close all connections. The next request opens new ones."""
        here = [tail for tail in self._tails if tail.get_loop() is asyncio.get_running_loop()]
        await asyncio.gather(*here, return_exceptions=True)
        await self._connection.close()

    async def models(self) -> list[str]:
        """The models that the server lists. Raises ModelError."""
        ends_s = asyncio.get_running_loop().time() + self._timeout_s
        response = await self._connection.send("/models", None, self._timeout_s)
        try:
            if response.status_code == 404:
                reason = f"{self.endpoint} lists no models (404); is the base URL right? If so, name the model"
                raise ModelError(reason, unreachable=True)
            if response.is_error:
                raise refused(self._at, response.status_code, response.headers, response.content)
            async with aclosing(self._chunks(response, ends_s).read()) as read:
                listed = (await anext(read)).get("data")
        finally:
            await response.aclose()
        models = listed if isinstance(listed, list) else []
        return [str(model["id"]) for model in models if isinstance(model, Mapping) and "id" in model]

    async def resolve(self) -> str:
        """The name of the model: if none was given, from now on the first that is listed. Raises ModelError."""
        if not self.name:
            models = await self.models()
            if not models:
                raise ModelError(f"{self.endpoint} lists no models; name the one to ask", unreachable=True)
            self.name = models[0]
        return self.name

    async def stream(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]
    ) -> AsyncGenerator[Part, None]:
        """The model's next message (see `Model`)."""
        asked = {"model": await self.resolve(), "messages": messages, **({"tools": tools} if tools else {})}
        if self._body_for is not None:
            asked |= self._body_for(messages, tools)
        ends_s = asyncio.get_running_loop().time() + self._max_message_s
        response = await self._ask(asked)
        source = response.headers.get(REPLAY_HEADER)
        replayed = [f"{REPLAY_NOTE}: {self._at.quote(source)}"] if source else []  # each message has its own source
        chunks = self._chunks(response, ends_s)
        message, calls, complete = Accumulator(), 0, False  # the calls that were passed on
        try:
            async with aclosing(chunks.read()) as read:
                async for chunk in read:
                    for part in message.feed(chunk):
                        if isinstance(part, CallPart):
                            calls += 1
                            self._look_at(part, calls, chunks.whole)
                        yield part
                    if message.finish_reason is not None:
                        chunks.finishing()
            if message.finish_reason is None and not chunks.done:
                raise broke_off(self._at, "it ended without a finish_reason")
            complete = True
        except MixedUp as fault:
            raise self._broken(str(fault)) from None
        except ModelError as error:
            if calls or self._connection.answered or "streaming" not in error.reason:
                raise
            self._take_whole()  # it says so once it has begun
            raise ModelError(error.reason, retryable=True, retry_after_s=0.0) from None
        finally:
            if not complete:
                await response.aclose()
        self._let_end(chunks)
        self._connection.answered = True
        if message.merged:
            self._take_whole()
        if message.calls > self._max_calls:
            raise self._too_many()
        for part in message.end():
            yield replace(part, notes=(*part.notes, *self._notes, *replayed)) if isinstance(part, Ended) else part

    def _chunks(self, response: httpx2.Response, ends_s: float) -> Chunks:
        limits = {"timeout_s": self._timeout_s, "ends_s": ends_s}
        return Chunks(response, self._at, max_bytes=self._max_message_bytes, **limits)

    def _let_end(self, chunks: Chunks) -> None:
        """Read what little is left, so that the connection can be used again, while the message is passed on."""
        tail = asyncio.get_running_loop().create_task(chunks.rest())
        self._tails.add(tail)
        tail.add_done_callback(self._tails.discard)

    def _look_at(self, call: CallPart, calls: int, whole: bool) -> None:
        """Raises ModelError if the server sends calls without end, or seems not to know how to stream them.

        If a call is no better when it is asked for whole, it is the model that writes so: it is streamed again.
        """
        if calls > self._max_calls:
            raise self._too_many()
        if self._streams_calls or (whole and self._doubted is None):
            return
        is_json = _is_json(call.arguments)
        if self._doubted is not None:
            if not is_json:
                self._extras, self._streams_calls = self._doubted, True
                self._notes.pop(_NOT_STREAMED, None)
            self._doubted = None
        elif is_json:
            self._streams_calls = not isinstance(call.arguments, str) or call.arguments.lstrip().startswith("{")
        else:
            self._doubted = self._extras
            raise self._broken("the first call that it streamed has arguments that are no JSON")

    def _too_many(self) -> ModelError:
        return broke_off(self._at, f"it has more than {self._max_calls} calls", retryable=False)

    def _broken(self, why: str) -> ModelError:
        """Streamed calls come out broken, as they do from some servers: the message can be had whole."""
        self._take_whole()
        return broke_off(self._at, why, retry_after_s=0.0)

    def _take_whole(self) -> None:
        self._settle({field: value for field, value in self._extras.items() if field not in _STREAMED})

    async def _ask(self, asked: Mapping[str, Any]) -> httpx2.Response:
        """The answer to a request, whose body is still to be read. Raises ModelError."""
        extras, first = self._extras, None
        while True:
            sent = {
                field: value for field, value in extras.items() if field != "parallel_tool_calls" or "tools" in asked
            }
            within_s = self._timeout_s if "stream" in sent else self._max_message_s
            response = await self._connection.send("/chat/completions", {**asked, **sent, **self._extra_body}, within_s)
            if not response.is_error:
                self._settle(extras)
                return response
            first = first or response
            spared = self._spared(extras, response)
            if spared == extras:
                raise await self._refusal(first, str(asked["model"]))
            extras = spared

    def _spared(self, extras: dict[str, Any], refusal: httpx2.Response) -> dict[str, Any]:
        """What of `extras` to try again with: without fields that the server does not take, or without streaming."""
        words = self._at.words(refusal.content).lower()
        named = [field for field in _OPTIONAL if field in extras and field in words]
        dropped: Sequence[str] = ()
        if refusal.status_code in (400, 422) and named:
            dropped = named
        elif refusal.status_code in (400, 422, 500, 501) and "stream" in words:
            dropped = list(_STREAMED)
        elif refusal.status_code in (400, 422) and not self._connection.answered:
            dropped = _OPTIONAL
        return {field: value for field, value in extras.items() if field not in dropped}

    def _settle(self, extras: dict[str, Any]) -> None:
        """This is what the server takes; what it does not is noted once, and never asked for again."""
        lost = self._extras.keys() - extras.keys()
        if "stream" in lost:
            self._notes[_NOT_STREAMED] = None
        else:
            self._notes |= {f"the server does not take {field}: it is left out": None for field in sorted(lost)}
        self._extras = {field: value for field, value in self._extras.items() if field not in lost}

    async def _refusal(self, refusal: httpx2.Response, model: str) -> ModelError:
        """Why the server refused; if it does not have the model, which ones it has."""
        error = refused(self._at, refusal.status_code, refusal.headers, refusal.content)
        if refusal.status_code not in (400, 404):
            return error
        try:
            models = await self.models()
        except ModelError:
            return error
        words = self._at.words(refusal.content)
        if not models and "pinned" in words and repr(model) in words:  # as `transformers serve MODEL` says it
            return ModelError(f"{self.endpoint} has no model {model!r}: {words}", unreachable=True)
        if not models or model in models:
            return error
        listed = ", ".join(map(self._at.quote, models[:_LISTED])) + (", ..." if len(models) > _LISTED else "")
        return ModelError(f"{self.endpoint} has no model {model!r}; it has: {listed}", unreachable=True)


def _is_json(arguments: str | Mapping[str, JSON] | None) -> bool:
    try:
        return not isinstance(arguments, str) or json.loads(arguments) is not None
    except (ValueError, RecursionError):
        return False
