"""What is made of what a model writes, and of what goes wrong meanwhile."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import pytest

from asyncfc_sim.core.messages import assistant_message, tool_message
from asyncfc_sim.core.policy import policy_named
from asyncfc_sim.core.session_events import CallClosed
from asyncfc_sim.core.values import ErrorValue
from asyncfc_sim.live import asking
from asyncfc_sim.live.asking import Asked, Asker, Written
from asyncfc_sim.live.model import Began, CallPart, Ended, ModelError, Part, TextPart, Usage

USER = {"role": "user", "content": "go"}
ASYNCFC = policy_named("asyncfc")
Message = Sequence[Part | ModelError]
BUSY = ModelError("it is busy", retryable=True)
ENDED = Ended("stop", Usage(10, 2, None))


@dataclass
class Scripted:
    """A model that writes by a script: parts of messages, and errors in between."""

    script: list[Message]
    requests: list[list[Mapping[str, Any]]] = field(default_factory=list)
    closed: int = 0
    name: str = "scripted"
    endpoint: str = "memory"

    async def stream(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]
    ) -> AsyncGenerator[Part, None]:
        self.requests.append([*messages])
        try:
            for part in self.script.pop(0):
                if isinstance(part, ModelError):
                    raise part
                yield part
        finally:
            self.closed += 1


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "FIRST_DELAY_S", 0.001)


def asker(*script: Message, **options: Any) -> tuple[Asker, Scripted]:
    model = Scripted([*script])
    return Asker(model, {}, ASYNCFC, **options), model


async def answer(asks: Asker, transcript: Sequence[Mapping[str, Any]] = (USER,)) -> list[Asked]:
    return [part async for part in asks.ask(transcript)]


def asked(*script: Message) -> tuple[list[Asked], Asker, Scripted]:
    asks, model = asker(*script)
    return asyncio.run(answer(asks)), asks, model


F = CallPart("a", "f", '{"x": 1}')
CLOSED = CallClosed("a", "f", {"x": 1}, '{"x": 1}')


def test_a_message_is_passed_on_as_it_comes():
    parts, asks, model = asked([Began(), TextPart("so"), F, TextPart("!"), ENDED])
    assert parts == [Began(), TextPart("so"), CLOSED, TextPart("!"), Written("so!", ENDED.usage)]
    assert asks.usage == ENDED.usage
    assert not asks.notes
    assert asks.turn_overhead_s < 1
    assert model.requests[0][0]["role"] == "system"


def test_the_instructions_come_first_and_never_change():
    asks, model = asker([TextPart("a"), ENDED], [TextPart("b"), ENDED], system="Be brief.")

    async def twice() -> None:
        await answer(asks)
        await answer(asks, [USER, assistant_message("a", []), USER])

    asyncio.run(twice())
    first, second = (request[0]["content"] for request in model.requests)
    assert first == second
    assert first.startswith("Be brief.\n\n")


@pytest.mark.parametrize("failing", [[BUSY], [Began(), BUSY], [Began(), TextPart("to be dropped"), BUSY]])
def test_a_request_that_fails_is_made_again(failing: Message):
    parts, asks, _ = asked(failing, failing, [Began(), TextPart("so"), ENDED])
    assert parts[-1] == Written("so", ENDED.usage)
    assert parts.count(Began()) == 1
    assert list(asks.notes) == ["a request was made again: it is busy"]


@pytest.mark.parametrize(
    ("error", "requests"),
    [
        (BUSY, 3),
        (ModelError("never", retryable=False), 1),
        (ModelError("tomorrow", retryable=True, retry_after_s=86400.0), 1),
    ],
)
def test_it_is_not_made_again_for_ever(error: ModelError, requests: int):
    asks, model = asker(*[[error]] * 9)
    with pytest.raises(ModelError) as caught:
        asyncio.run(answer(asks))
    assert caught.value is error
    assert len(model.requests) == requests


def test_a_server_says_how_long_to_wait(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(asking, "FIRST_DELAY_S", 20.0)
    parts, _, _ = asked([ModelError("busy", retryable=True, retry_after_s=0.0)], [TextPart("so"), ENDED])
    assert parts[-1] == Written("so", ENDED.usage)


def test_a_message_ends_where_it_breaks_if_something_was_done_because_of_it():
    parts, asks, model = asked([Began(), TextPart("so"), F, BUSY])
    assert parts == [Began(), TextPart("so"), CLOSED, Written("so", Usage())]
    assert list(asks.notes) == ["a message ended after 1 calls: it is busy"]
    assert len(model.requests) == 1


def conversation(asks: Asker, messages: int) -> list[str | None]:
    """So many messages, each of which makes a call; what each said."""

    async def talk() -> list[str | None]:
        transcript: list[Mapping[str, Any]] = [USER]
        texts = []
        for _ in range(messages):
            parts = await answer(asks, transcript)
            calls = [part for part in parts if isinstance(part, CallClosed)]
            assert isinstance(parts[-1], Written)
            texts.append(parts[-1].text)
            written = [(call.tool_call_id, call.tool, call.text or "{}") for call in calls]
            transcript.append(assistant_message(parts[-1].text, written))
            transcript += [tool_message(call.tool_call_id, "1") for call in calls]
        return texts

    return asyncio.run(talk())


def test_messages_do_not_break_for_ever():
    broken: Message = [F, BUSY]
    asks, model = asker(*[broken] * 9)
    with pytest.raises(ModelError, match="busy"):
        conversation(asks, 9)
    assert len(model.requests) == asking.MAX_BROKEN


def test_a_whole_message_between_broken_ones_is_a_good_sign():
    broken: Message = [F, BUSY]
    whole: Message = [F, ENDED]
    asks, _ = asker(broken, broken, whole, broken, broken, whole)
    assert len(conversation(asks, 6)) == 6


def test_an_empty_message_is_asked_for_once_more():
    parts, asks, model = asked([Began(), ENDED], [Began(), TextPart("so"), ENDED])
    assert parts == [Began(), TextPart("so"), Written("so", ENDED.usage)]
    assert asks.usage == Usage(20, 4, None)
    assert [*asks.notes] == ["the model wrote an empty message, and was asked once more"]
    assert len(model.requests) == 2


def test_an_empty_message_that_comes_again_is_the_answer():
    parts, _, model = asked([ENDED], [ENDED])
    assert parts == [Written(None, ENDED.usage)]
    assert len(model.requests) == 2


def test_ids_are_made_unique():
    ids = ["a", "a", "", "drain_4", "call00004", "b"]
    asks, _ = asker([*(CallPart(id, "f", "{}") for id in ids), ENDED], [CallPart("b", "f", "{}"), ENDED])
    given = [part.tool_call_id for part in asyncio.run(answer(asks)) if isinstance(part, CallClosed)]
    assert given[0] == "a"
    assert given[-1] == "b"
    assert len({*given}) == len(given)
    assert not any(id.startswith("drain_") for id in given)
    assert len(asks.notes) == 1


def test_ids_of_an_earlier_process_are_taken():
    asks, _ = asker([F, ENDED])
    asks.go_on(["a"], [0.25], Usage(1, 1, 1))
    parts = asyncio.run(answer(asks, [USER, assistant_message("what it said then", []), USER]))
    assert isinstance(parts[0], CallClosed)
    assert parts[0].tool_call_id != "a"
    assert asks.turn_overhead_s == 0.25
    assert asks.usage == Usage(11, 3, 1)


@pytest.mark.parametrize(
    ("arguments", "args", "text"),
    [
        ({"x": 1}, {"x": 1}, None),
        (None, {}, None),
        ("", {}, None),
        (' {"x": 1}', {"x": 1}, ' {"x": 1}'),
        ('{"x": ', None, None),
        ("[1]", None, None),
        ('{"x": NaN}', None, None),
    ],
)
def test_arguments_are_read_or_answered_with_an_error(arguments: Any, args: Any, text: str | None):
    parts, _, _ = asked([CallPart("a", "f", arguments), ENDED])
    call = parts[0]
    assert isinstance(call, CallClosed)
    assert call.text == text
    if args is None:
        assert isinstance(call.args, ErrorValue)
        assert call.args.kind == "invalid_argument"
    else:
        assert call.args == args


def test_a_call_without_a_name_is_given_one():
    """Servers refuse a transcript with a nameless call in it."""
    parts, _, _ = asked([CallPart("a", "", "{}"), ENDED])
    assert parts[0] == CallClosed("a", "unnamed", {}, "{}")


def test_giving_up_closes_the_request():
    asks, model = asker([Began(), TextPart("so"), ENDED])

    async def leave() -> None:
        async with aclosing(asks.ask([USER])) as parts:
            assert await anext(parts) == Began()
        assert model.closed == 1

    asyncio.run(leave())
