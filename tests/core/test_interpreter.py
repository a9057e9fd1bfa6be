"""A written program as a decoder: which event comes next, and what it has seen."""

from __future__ import annotations

import pytest

from asyncfc_sim.core.events import Cut, Drain, Drained, Event, Issue, Resume, Settle, Touch
from asyncfc_sim.core.interpreter import Interpreter, Seen
from asyncfc_sim.core.references import Ref
from asyncfc_sim.core.syntax import Branch, Call, Done, Program, Statement
from asyncfc_sim.core.syntax import Touch as Await
from asyncfc_sim.core.values import ErrorValue, Value


def call(future: int) -> Call:
    return Call(future, "t", {})


def decode(program: Program, values: dict[int, Value]) -> tuple[list[Event], Interpreter]:
    """Run a program whose touches are answered at once with `values`."""
    decoder, events = Interpreter(program), list[Event]()
    while (event := decoder.next_event()) is not None:
        events.append(event)
        if isinstance(event, Touch):
            assert not decoder.ready
            answer = decoder.receive(Resume({future: values[future] for future in event.futures}))
            if answer is not None:
                events.append(answer)
                decoder.receive(Drained())
    return events, decoder


def program(*statements: Statement) -> Program:
    return Program(statements)


def test_statements_become_events_in_program_order() -> None:
    text = program(call(1), call(2), Await((2, 1, 2)), Done((Ref(1, ("x",)),)))
    events, decoder = decode(text, {1: {"x": 5}, 2: None})
    assert events == [Issue(call(1)), Issue(call(2)), Touch((1, 2)), Touch((1,)), Drain()]
    assert decoder.ended
    assert decoder.answer == (5,)
    assert decoder.seen == (Seen(2, 1, {"x": 5}), Seen(2, 2, None), Seen(2, 1, {"x": 5}))


def test_a_program_without_done_ends_with_an_empty_answer() -> None:
    events, decoder = decode(program(call(1)), {1: 0})
    assert events == [Issue(call(1)), Touch(()), Drain()]
    assert (decoder.ended, decoder.answer) == (True, ())
    assert decoder.next_event() is None


@pytest.mark.parametrize(
    ("value", "chosen"), [(5, 2), (5.0, 2), ("5", 3), (True, 3), (ErrorValue("tool_error", "boom"), 3), ({"x": 5}, 3)]
)
def test_a_branch_chooses_by_json_equality_and_goes_on_behind_the_block(value: Value, chosen: int) -> None:
    text = program(call(1), Branch(Ref(1), 5, (call(2),), (call(3),)), call(4))
    events, _ = decode(text, {1: value})
    assert events == [Issue(call(1)), Touch((1,)), Issue(call(chosen)), Issue(call(4)), Touch(()), Drain()]


def test_a_branch_on_a_part_that_is_not_there_takes_the_other_block() -> None:
    text = program(call(1), Branch(Ref(1, ("x",)), None, (call(2),), (call(3),)))
    assert Issue(call(3)) in decode(text, {1: {}})[0]
    assert Issue(call(2)) in decode(text, {1: {"x": None}})[0]


def test_blocks_may_be_empty_and_nested() -> None:
    inner = Branch(Ref(1), 1, (), ())
    text = program(call(1), Branch(Ref(1), 1, (inner, inner)), call(2))
    assert [event for event in decode(text, {1: 1})[0] if isinstance(event, Issue)] == [Issue(call(1)), Issue(call(2))]


def test_done_inside_a_block_ends_the_run() -> None:
    text = program(call(1), Branch(Ref(1), 1, (Done((Ref(1),)),)), call(2))
    events, decoder = decode(text, {1: 1})
    assert events[-2:] == [Touch((1,)), Drain()]
    assert decoder.answer == (1,)


def test_futures_that_were_never_issued_are_not_touched() -> None:
    text = program(call(1), Await((1, 7)), Branch(Ref(8), 1, (call(9),)), Done((Ref(1), Ref(7))))
    events, decoder = decode(text, {1: "x"})
    assert events == [Issue(call(1)), Touch((1,)), Touch(()), Touch((1,)), Drain()]
    assert decoder.answer == ("x", ErrorValue("invalid_reference", "there is no future $f7"))


def test_settlements_are_none_of_its_business() -> None:
    decoder = Interpreter(program(call(1)))
    assert decoder.receive(Settle(1, "x")) is None
    assert decoder.seen == ()


def test_a_cut_takes_back_what_was_seen_and_said_after_the_failing_call_was_issued() -> None:
    decoder = Interpreter(program(call(1), Await((1,)), call(2), call(3), Await((3,)), Done((Ref(3),))))
    assert decoder.next_event() == Issue(call(1))
    assert decoder.next_event() == Touch((1,))
    decoder.receive(Resume({1: "early"}))
    for _ in range(3):
        decoder.next_event()
    decoder.receive(Resume({3: "late"}))
    assert decoder.next_event() == Touch((3,))
    assert decoder.receive(Resume({3: "late"})) == Drain()
    decoder.receive(Cut(2))
    outcome = decoder.outcome({1: "early", 2: "boom"})
    assert outcome.seen == (Seen(1, 1, "early"),)
    assert outcome.answer == ()
    assert outcome.stopped_at == 2
    assert decoder.ended
    assert decoder.next_event() is None


def test_a_fork_reads_on_by_itself() -> None:
    decoder = Interpreter(program(call(1), call(2), Await((2,)), Done((Ref(2),))))
    decoder.next_event()
    twin = decoder.fork()
    assert twin.next_event() == Issue(call(2))
    assert twin.next_event() == Touch((2,))
    twin.receive(Resume({2: "x"}))
    assert decoder.seen == ()
    assert decoder.next_event() == Issue(call(2))
    assert decoder.next_event() == Touch((2,))


def test_a_long_program_is_read_without_recursion() -> None:
    body: tuple[Statement, ...] = (call(1),)
    for _ in range(5000):
        body = (*body, Branch(Ref(1), 1, ()))
    events, _ = decode(Program(body), {1: 1})
    assert len(events) == 5003
