"""Whatever a server does to an agent, the run ends, with an answer or a reason; nothing is done twice; nothing is sent
that breaks the protocol."""

import json
import threading
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asyncfc_sim.live import asking
from asyncfc_sim.live.agent import Agent
from asyncfc_sim.live.model import ModelError
from asyncfc_sim.live.openai_chat import OpenAIChat
from asyncfc_sim.live.run import AgentRun, RunFailed
from asyncfc_sim.live.transcript_check import check_answers
from tests.chat_server import (
    DONE,
    HANG,
    RESET,
    TRUNCATE,
    ChatServer,
    Piece,
    Reply,
    Say,
    Script,
    call_delta,
    chunk,
    error,
    events,
    plain,
    sse,
)

LIMITS: dict[str, Any] = {"timeout_s": 0.3, "max_message_s": 1.0, "max_message_bytes": 200_000, "max_calls": 8}
DONE_SAYING = Say("done")


class Ledger:
    """A tool whose effects can be counted."""

    def __init__(self) -> None:
        self.paid: Counter[int] = Counter()
        self._lock = threading.Lock()

    def pay(self, amount: int) -> str:
        """Pay an amount."""
        time.sleep(0.01)
        with self._lock:
            self.paid[amount] += 1
        return f"paid {amount}"


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "FIRST_DELAY_S", 0.01)


@dataclass
class Outcome:
    run: AgentRun
    reason: str  # why it failed; empty if it was answered
    paid: Counter[int]
    server: ChatServer


def outcome(script: Iterable[Script], within_s: float = 10.0, **changes: Any) -> Outcome:
    """A run against a server with this script, which ends in time, does nothing twice and breaks no protocol."""
    ledger = Ledger()
    with ChatServer(script) as server:
        agent = Agent(OpenAIChat("scripted", base_url=server.base_url, **LIMITS), [ledger.pay], **changes)
        began_s, cause = time.monotonic(), None
        try:
            found = Outcome(agent.run_sync("Pay"), "", ledger.paid, server)
        except RunFailed as failed:
            found, cause = Outcome(failed.run, str(failed), ledger.paid, server), failed.__cause__
        assert time.monotonic() - began_s < within_s
    assert bool(found.reason) is isinstance(cause, ModelError)
    for messages in (*(body["messages"] for body in server.bodies), found.run.messages):
        check_answers(messages)
    return found


def call(amount: int, index: int = 0, id: str | None = None) -> bytes:
    arguments = json.dumps({"amount": amount})
    return chunk(call_delta(index, id=id or f"id{amount}", name="pay", arguments=arguments))


ONE = Say(calls=[("pay", '{"amount": 1}')])
TEXT = chunk({"content": "I will"})
SLOW: list[Piece] = [0.05, TEXT] * 100


@pytest.mark.parametrize(
    "fault",
    [
        events(TEXT, TRUNCATE),
        events(TEXT, RESET),
        Reply((RESET,)),
        error(500),
        error(503, retry_after="0"),
        error(429, retry_after="0.05"),
        events(TEXT, sse("{garbage")),
        events(TEXT, done=False),
        plain(""),
        events(TEXT, HANG),
        Reply((HANG,)),
    ],
    ids=["truncated", "reset", "reset at once", "500", "503", "429", "garbage", "no end", "empty", "stall", "hang"],
)
def test_an_accident_before_anything_was_done_is_made_good(fault: Reply):
    found = outcome([fault, ONE, fault, DONE_SAYING, DONE_SAYING])
    assert (found.run.output, found.reason) == ("done", "")
    assert found.paid == {1: 1}
    assert len(found.server.requests) >= 4
    assert any("made again" in note for note in found.run.notes)


@pytest.mark.parametrize(
    "fault",
    [TRUNCATE, RESET, HANG, sse("{garbage"), sse({"error": {"message": "worker died"}})],
    ids=["truncated", "reset", "stall", "garbage", "reported"],
)
def test_an_accident_after_a_call_has_begun_ends_the_message_there(fault: Piece):
    """The second call was not complete: it is not made. The model goes on from the first."""
    half = chunk(call_delta(1, id="b", name="pay", arguments='{"amount": 2'))
    found = outcome([events(call(1), half, fault), DONE_SAYING, DONE_SAYING])
    assert (found.run.output, found.reason) == ("done", "")
    assert found.paid == {1: 1}
    (_, written, *_) = found.run.messages
    assert [c["id"] for c in written["tool_calls"]] == ["id1"]
    assert any("ended after 1 calls" in note for note in found.run.notes)


@pytest.mark.parametrize(
    ("fault", "requests", "why"),
    [
        (error(401, "who are you"), 1, "401"),
        (error(404, "no such model"), 1, "404"),
        (error(500, "oops"), 3, "oops"),
        (error(429, "slow down", retry_after="0"), 3, "slow down"),
        (error(429, "come back tomorrow", retry_after="86400"), 1, "tomorrow"),
        (plain("<html>hello</html>", content_type="text/html"), 1, "an HTML page"),
        (events(TEXT, TRUNCATE), 3, "broke off"),
        (Reply(chunk({"content": f"{n} " * 100}) for n in count()), 1, "longer than"),
        (Reply(b"data: " + b"x" * 1000 for _ in count()), 1, "longer than"),
        (events(*SLOW), 1, "in the time"),
    ],
    ids=["401", "404", "500", "429", "tomorrow", "page", "truncated", "endless text", "endless line", "slow"],
)  # fmt: skip
def test_a_server_that_stays_bad_ends_the_run_with_a_reason(fault: Reply, requests: int, why: str):
    found = outcome([fault] * 9)
    assert why in found.reason
    assert "http://127.0.0.1" in found.reason
    assert (found.run.output, found.paid) == ("", {})
    assert len(found.server.requests) == requests


def test_messages_that_break_again_and_again_end_the_run():
    replies = [events(call(n), TRUNCATE) for n in range(20)]
    found = outcome(replies)
    assert "broke off" in found.reason
    assert len(found.server.requests) == asking.MAX_BROKEN
    assert found.paid.keys() <= {0, 1, 2}


def test_calls_without_end_are_made_up_to_a_limit():
    """Each message ends at the limit; when that has happened a few times, the run does."""

    def endless(body: dict[str, Any]) -> Reply:
        start = 1000 * len(body["messages"])
        return Reply(call(n, index=n) for n in count(start))

    found = outcome([endless] * 9)
    assert "more than 8 calls" in found.reason
    assert len(found.server.requests) == asking.MAX_BROKEN
    assert len(found.paid) <= 8 * asking.MAX_BROKEN


def test_ids_that_come_again_are_told_apart():
    same = [events(call(n, 0, "same"), call(n + 1, 1, "same"), chunk({}, "tool_calls")) for n in (1, 3)]
    found = outcome([*same, DONE_SAYING, DONE_SAYING])
    assert found.run.output == "done"
    assert found.paid == {1: 1, 2: 1, 3: 1, 4: 1}
    ids = [c["id"] for message in found.run.messages for c in message.get("tool_calls", ())]
    assert len({*ids}) == len(ids)


def test_a_call_that_comes_twice_is_made_once():
    found = outcome([events(call(1), call(1), chunk({}, "tool_calls")), DONE_SAYING, DONE_SAYING])
    assert found.run.output == "done"
    assert found.paid == {1: 1}


def test_truncated_arguments_are_answered_and_never_run():
    half = chunk(call_delta(1, id="b", name="pay", arguments='{"amount": 2'))
    found = outcome([events(call(1), half, chunk({}, "length")), DONE_SAYING, DONE_SAYING])
    assert found.run.output == "done"
    assert found.paid == {1: 1}
    answers = {m["tool_call_id"]: m["content"] for m in found.run.messages if m["role"] == "tool"}
    assert "invalid_argument" in answers["b"]


@pytest.mark.parametrize("policy", ["sync", "early_start", "asyncfc", "blind"])
def test_an_empty_message_is_not_taken_for_the_answer_at_once(policy: str):
    empty = events(chunk({}, "stop"))
    found = outcome([ONE, empty, DONE_SAYING, DONE_SAYING], policy=policy)
    assert (found.run.output, found.paid) == ("done", {1: 1})
    found = outcome([empty, empty], policy=policy)
    assert (found.run.output, len(found.server.requests)) == ("", 2)


# Calls as they are sent, each with what it pays; the last one comes in two pieces.
PIECES: dict[Piece, int] = {
    call(1, 0, "a"): 1,
    call(2, 0, "b"): 2,
    call(3, 1, "b"): 3,
    call(4, 2, ""): 4,
    chunk(call_delta(3, id="c", name="pay", arguments={"amount": 5})): 5,
    chunk(call_delta(4, id="d", name="pay", arguments='{"amount"')): 6,
}
OTHERS: list[Piece] = [
    chunk(call_delta(4, arguments=": 6}")),
    chunk(call_delta(5, id="e", name="pay")),
    chunk(call_delta(6, id="f", name="no_such_tool", arguments="{}")),
    chunk({}, "stop"),
    chunk({}, "length"),
    chunk(usage={"prompt_tokens": 1}),
    TEXT,
    DONE,
    RESET,
    TRUNCATE,
    b": comment\n\n",
    b"data: ",
    b"\n\n",
    sse("{"),
    sse({"error": "bad"}),
]
pieces = st.sampled_from([*PIECES, *OTHERS])
replies = st.lists(pieces, max_size=8).map(lambda parts: Reply(tuple(parts))) | st.sampled_from(
    [error(500), error(429, retry_after="0"), error(400), plain(""), plain("{}"), DONE_SAYING, ONE]
)


def sent(script: Sequence[Script]) -> Counter[int]:
    """How often a server has sent each call, at most."""
    found: Counter[int] = Counter()
    for reply in script:
        if reply is ONE:
            found[1] += 1
        elif isinstance(reply, Reply):
            found.update(PIECES[piece] for piece in reply.pieces if piece in PIECES)
    return found


@given(st.lists(replies, max_size=6))
@settings(max_examples=25)
def test_any_mixture_of_faults_ends(script: list[Script]):
    """And no call is made that was not sent, nor more often than it was."""
    found = outcome(script)
    assert found.paid <= sent(script[: len(found.server.requests)])
