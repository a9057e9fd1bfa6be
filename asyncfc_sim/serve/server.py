"""A model as an OpenAI-compatible endpoint: text and calls are sent as they are decoded."""

from __future__ import annotations

import socket
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from typing import Any, Final
from uuid import uuid4

from asyncfc_sim.live.completion import DONE, Completion, call_begun, call_delta, call_whole
from asyncfc_sim.live.http_server import ChatHandler, ChatServer, Refused

from .answer import Answer
from .chat_request import read_request
from .chat_template import UnfitMessages
from .hermes import CallArguments, CallBegun, Part, Text
from .served_model import ServedModel, TooLong

FINGERPRINT: Final = "asyncfc-serve"


class ModelServer(ChatServer):
    """Serves a model. Each answer is decoded in the thread of its connection, and they take turns token by token.

    `tokens_per_second` slows each answer down to that; None: as fast as it goes. Raises OSError, saying what to do, if
    it cannot listen there.
    """

    def __init__(
        self, model: ServedModel, host: str = "127.0.0.1", port: int = 0, *, tokens_per_second: float | None = None
    ) -> None:
        self.model = model
        self.tokens_per_second = tokens_per_second
        super().__init__(_Handler, host, port)


class _Stopped(Exception):
    """The server is to end."""


class _Handler(ChatHandler):
    """One connection of a client."""

    server: ModelServer
    server_version = FINGERPRINT
    timeout = 60.0  # seconds in which a client must send a request, or take what it is sent

    def models(self) -> Sequence[Mapping[str, Any]]:
        model, created = self.server.model, self.server.created
        about = {"id": model.name, "object": "model", "created": created, "owned_by": "asyncfc serve"}
        return [{**about, "max_model_len": model.config.context}]

    def health(self) -> Mapping[str, Any]:
        return {"status": "ok", "model": self.server.model.name}

    def chat(self, body: Mapping[str, Any], asked_s: float) -> None:
        name = self.server.model.name
        if body.get("model") not in (None, "", name):
            raise Refused(404, "model_not_found", f"there is no model {body['model']!r:.100} here; there is {name!r}")
        try:
            request = read_request(body)
            answer = Answer(self.server.model, request)
        except UnfitMessages as error:
            raise Refused(400, "invalid_request", str(error)) from None
        except TooLong as error:
            raise Refused(400, "context_length_exceeded", str(error)) from None
        except RecursionError:
            raise Refused(400, "invalid_request", "the request is nested too deeply") from None
        completion = Completion(f"chatcmpl-{uuid4().hex}", name, FINGERPRINT, int(time.time()))
        try:
            if request.stream:
                self._stream(answer, completion, counted=request.usage)
            else:
                self._whole(answer, completion)
        except _Stopped:
            self.close_connection = True

    def _stream(self, answer: Answer, completion: Completion, *, counted: bool) -> None:
        self.begin_stream()
        self.send_chunk(completion.chunk({"role": "assistant", "content": ""}))
        with closing(self._paced(answer)) as tokens:
            for parts in filter(None, tokens):
                self.send_chunk(b"".join(completion.chunk(_delta(part, completion.id)) for part in parts))
        last = [completion.chunk({}, answer.finish_reason)]
        if counted:
            last.append(completion.usage_chunk(answer.usage))
        self.send_chunk(b"".join([*last, DONE]))
        self.send_chunk(b"")

    def _whole(self, answer: Answer, completion: Completion) -> None:
        texts: list[str] = []
        calls: list[tuple[str, list[str]]] = []
        for parts in self._paced(answer):
            for part in parts:
                match part:
                    case Text(text):
                        texts.append(text)
                    case CallBegun(_, name):
                        calls.append((name, []))
                    case CallArguments(index, text):
                        calls[index][1].append(text)
        message: dict[str, Any] = {"content": "".join(texts) if texts or not calls else None}
        if calls:
            message["tool_calls"] = [
                call_whole(_call_id(completion.id, index), name, "".join(arguments))
                for index, (name, arguments) in enumerate(calls)
            ]
        self.send_json(200, completion.whole(message, answer.finish_reason, answer.usage))

    def _paced(self, answer: Answer) -> Generator[list[Part]]:
        """The parts of each token, when it is due. Raises _Stopped, and ConnectionError if the client has gone."""
        rate = self.server.tokens_per_second
        began_s: float | None = None
        with closing(answer.parts()) as tokens:
            for number, parts in enumerate(tokens):
                now_s = time.monotonic()
                began_s = now_s if began_s is None else began_s
                due_s = began_s if rate is None else began_s + number / rate
                if self.server.stopping.wait(due_s - now_s) if due_s > now_s else self.server.stopping.is_set():
                    raise _Stopped
                if self._gone():
                    raise ConnectionAbortedError
                yield parts

    def _gone(self) -> bool:
        """Whether the client has closed the connection."""
        self.connection.settimeout(0)
        try:
            return not self.connection.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        finally:
            self.connection.settimeout(self.timeout)


def _delta(part: Part, answer: str) -> dict[str, Any]:
    match part:
        case Text(text):
            return {"content": text}
        case CallBegun(index, name):
            return call_begun(index, _call_id(answer, index), name)
        case CallArguments(index, text):
            return call_delta(index, {"arguments": text})


def _call_id(answer: str, index: int) -> str:
    return f"{answer.replace('chatcmpl-', 'call_')[:17]}_{index + 1}"
