"""An OpenAI-compatible endpoint behind which there is no model: it sends recorded messages, at the recorded times.

Every answer says so: the owner of each model in /v1/models, a header, and the fingerprint of each message.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from asyncfc_sim.core.messages import AWAIT

from .http_server import ChatHandler, ChatServer, Refused, transcript_of, wants_usage
from .replay import REPLAY_HEADER, Replay, ReplayOver
from .replay_stream import FINGERPRINT, Answer

OWNER: Final = "asyncfc replay"


class ReplayServer(ChatServer):
    """Serves `replays`, each as a model of its name. `speed` 2 takes half the recorded time, infinity none.

    Raises OSError, saying what to do, if it cannot listen there.
    """

    def __init__(
        self, replays: Sequence[Replay], host: str = "127.0.0.1", port: int = 0, *, speed: float = 1.0
    ) -> None:
        self.replays = {replay.name: replay for replay in replays}
        self.speed = speed
        # What was encoded once is kept for a while: under load, many ask for the same.
        self.events = lru_cache(maxsize=256)(self._events)
        super().__init__(_Handler, host, port)

    def left_s(self, asked_s: float, due_s: float) -> float:
        """Seconds until what was recorded at `due_s` is to be sent; `asked_s` is when it was asked for."""
        return asked_s + due_s / self.speed - time.monotonic()

    def waited(self, asked_s: float, due_s: float) -> bool:
        """Wait until then; False if the server is to stop."""
        left_s = self.left_s(asked_s, due_s)
        return not (self.stopping.wait(left_s) if left_s > 0 else self.stopping.is_set())

    def _events(self, name: str, place: str, counted: bool) -> list[tuple[float, bytes]]:
        replay = self.replays[name]
        return Answer(replay, place, replay.at(place), self.created).events(counted=counted)

    def replay_of(self, body: Mapping[str, Any]) -> Replay:
        """The conversation that a request names; without a name, the first.

        Where several names begin as the request's does, it is the one that began with the same words of the user, and,
        of such, the one whose model knew of futures as this client's does.
        """
        model = body.get("model")
        if model in (None, ""):
            return next(iter(self.replays.values()))
        if isinstance(model, str):
            if model in self.replays:
                return self.replays[model]
            begun = [replay for name, replay in self.replays.items() if name.startswith(model)]
            if len(begun) > 1:
                begun = [replay for replay in begun if replay.answers(transcript_of(body))]
            if len(begun) > 1:
                begun = [replay for replay in begun if replay.futures == _knows_futures(body)]
            if len(begun) == 1:
                return begun[0]
        some = ", ".join(repr(name) for name in list(self.replays)[:5])
        raise Refused(404, "model_not_found", f"no one recording is named {model!r}; there are {some}")


class _Handler(ChatHandler):
    """One connection of a client."""

    server: ReplayServer
    server_version = FINGERPRINT
    _source = ""  # of what is being answered

    def handle_one_request(self) -> None:
        self._source = "recorded conversations"
        super().handle_one_request()

    def fields(self) -> Mapping[str, str]:
        return {REPLAY_HEADER: self._source.encode("ascii", "replace").decode().replace("\n", " ")}

    def models(self) -> Sequence[Mapping[str, Any]]:
        return [
            {"id": name, "object": "model", "created": 0, "owned_by": OWNER, "source": replay.source}
            for name, replay in self.server.replays.items()
        ]

    def health(self) -> Mapping[str, Any]:
        return {"status": "ok", "replay": True, "models": len(self.server.replays)}

    def chat(self, body: Mapping[str, Any], asked_s: float) -> None:
        replay = self.server.replay_of(body)
        try:
            place, message = replay.due(transcript_of(body))
        except ReplayOver as over:
            raise Refused(410, "replay_over", str(over)) from None
        self._source = replay.source
        if body.get("stream"):
            self._stream(self.server.events(replay.name, place, wants_usage(body)), asked_s)
        elif self.server.waited(asked_s, message.end_s or 0.0):
            self.send_json(200, Answer(replay, place, message, self.server.created).whole())

    def _stream(self, events: Sequence[tuple[float, bytes]], asked_s: float) -> None:
        """Server-sent events, each when it is due; those that are due at once go out together."""
        self.begin_stream()
        due: list[bytes] = []
        for due_s, event in events:
            if due and self.server.left_s(asked_s, due_s) > 0:
                self.send_chunk(b"".join(due))
                due.clear()
            if not self.server.waited(asked_s, due_s):
                self.close_connection = True
                return
            due.append(event)
        self.send_chunk(b"".join(due))
        self.send_chunk(b"")


def _knows_futures(body: Mapping[str, Any]) -> bool:
    """Whether a request offers the call that waits for futures."""
    tools = body.get("tools")
    named = [tool.get("function") for tool in tools if isinstance(tool, dict)] if isinstance(tools, list) else []
    return any(isinstance(function, dict) and function.get("name") == AWAIT for function in named)
