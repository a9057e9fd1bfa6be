"""What futures do not gain from: counted, and after too much of it calls are answered in place."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import pytest

from asyncfc_sim.core.guards import MISUSES, Guards
from asyncfc_sim.core.policy import ASYNCFC, BLIND, SYNC
from asyncfc_sim.core.session_events import Placeholder
from asyncfc_sim.core.values import ErrorValue
from tests.dialogue import PAPER, Dialogue, pending
from tests.toys import TYPED

ONCE = replace(PAPER, max_misuses=1)
READ_A = ("read", {"path": "a"})
PURE = ("pure", {"x": 1})
BAD = ("pure", {"x": "$f99"})


def counts(talk: Dialogue) -> dict[str, int]:
    return {name: count for name, count in talk.session.guards.counts.items() if count}


def tripped(talk: Dialogue) -> str | None:
    return talk.session.guards.tripped


# ------------------------------------------------------------------------------------------------- what is counted


def test_a_model_that_does_nothing_odd_has_nothing_counted():
    talk = Dialogue()
    talk.says(READ_A, ("pure", {"x": "$f1"}))
    talk.says(PURE)
    talk.says(("await_future", {"ids": ["$f1", "$f2"]}))
    for future in (1, 2, 3):
        talk.finish(future)
    talk.end("${f3.x[0]}")
    assert set(talk.session.guards.counts) == set(MISUSES)
    assert counts(talk) == {}
    assert (tripped(talk), talk.session.guards.notes) == (None, [])


def test_awaits_of_what_was_just_issued():
    talk = Dialogue()
    talk.says(READ_A)
    talk.says(("await_future", {"ids": ["$f1"]}))
    assert counts(talk) == {"awaits_at_once": 1}


@pytest.mark.parametrize(("duplicates", "misuse"), [("share", "shared_duplicates"), ("refuse", "refused_duplicates")])
def test_repeated_calls(duplicates, misuse):
    talk = Dialogue(replace(PAPER, duplicates=duplicates))
    call = READ_A if duplicates == "share" else ("send", {"body": "hi"})
    talk.says(call, call, call)
    assert counts(talk) == {misuse: 2}


@pytest.mark.parametrize(
    "call",
    [
        BAD,
        ("pure", {"x": "$f2"}),
        ("pure", {"x": "$f3"}),
        ("pure", {"x": "$f1.y"}),
        ("pure", {"x": ["of ${f1.x[3]}"]}),
        ("await_future", {"ids": ["$f9"]}),
        ("await_future", {"ids": []}),
        ("cancel_future", {"ids": "f1"}),
    ],
)
@pytest.mark.parametrize("dispatch", ["call", "message"])
def test_references_to_what_cannot_be(call, dispatch):
    talk = Dialogue(replace(PAPER, dispatch=dispatch), TYPED)
    talk.says(PURE, call)
    assert counts(talk) == {"bad_references": 1}
    assert talk.shown()[1]["error"]["kind"] in ("invalid_reference", "invalid_argument")


def test_a_path_that_a_value_turns_out_not_to_have_is_no_fault_of_the_model():
    talk = Dialogue()
    talk.says(READ_A, ("pure", {"x": "$f1.nothing"}))
    talk.finish(1)
    assert counts(talk) == {}


def test_numbers_made_up_while_there_are_results_not_looked_at():
    talk = Dialogue()
    talk.says(("pure", {"x": 4821}))  # nothing is promised yet
    talk.says(("pure", {"x": 4821}), ("pure", {"x": [5932, "or 5,933"]}))
    assert counts(talk) == {"suspect_values": 2}
    talk.end("it is 6043, not 4821")
    assert counts(talk) == {"suspect_values": 3}


def test_numbers_that_were_shown_are_not_made_up():
    talk = Dialogue(replace(PAPER, delivery="when_idle"))
    talk.says(PURE, READ_A)
    talk.finish(1, {"total": 5932})
    talk.says(PURE)
    assert talk.shown()[0]["resolved"] == {"$f1": {"total": 5932}}
    talk.says(("pure", {"x": 5932}))
    assert counts(talk) == {}


def test_a_model_that_awaits_makes_nothing_up():
    talk = Dialogue()
    talk.says(READ_A)
    talk.says(("await_future", {"ids": ["$f1"]}))
    talk.finish(1, 1234)
    talk.says(("pure", {"x": 5932}))
    assert counts(talk) == {"awaits_at_once": 1}


# -------------------------------------------------------------------------------------------- answered in place


def test_after_too_much_of_it_every_call_of_the_turn_is_answered_in_place():
    talk = Dialogue(ONCE)
    talk.says(READ_A, BAD)
    assert talk.shown()[0] == pending(1)
    assert tripped(talk) is None
    talk.says(BAD, PURE)
    assert tripped(talk) == "more than 1 misuses of futures in a turn (2 bad references)"
    assert len(talk.requests) == 2, "it waits for the call of this message"
    talk.finish(4)
    assert talk.shown()[1] == {"x": [1]}
    promised = len(talk.of(Placeholder))
    talk.says(READ_A, PURE)
    for future in (6, 5):
        talk.finish(future)
    assert talk.shown() == ["a", {"x": [1]}]
    assert len(talk.of(Placeholder)) == promised
    talk.finish(1)
    talk.says(("await_future", {"ids": ["$f1"]}))
    assert talk.shown() == [{"resolved": {"$f1": "a"}}], "promised before, and still promised"


def test_the_next_turn_begins_anew_and_the_note_stays():
    talk = Dialogue(ONCE)
    talk.says(BAD, BAD)
    talk.end("sorry")
    assert talk.answers == ["sorry"]
    talk.user("again")
    assert tripped(talk) is None
    talk.says(READ_A)
    assert talk.shown() == [pending(3)]
    assert counts(talk) == {"bad_references": 2}
    assert talk.session.guards.notes == [
        "turn 1: calls were answered in place after more than 1 misuses of futures in a turn (2 bad references)"
    ]


def test_all_kinds_count_together():
    guards = Guards(replace(ASYNCFC, max_misuses=2))
    guards.begin_turn()
    guards.count("bad_references")
    guards.awaited_at_once(["read"])
    guards.count("suspect_values", 0)
    assert guards.notes == []
    guards.count("suspect_values")
    assert "1 awaits at once, 1 bad references, 1 suspect values" in str(guards.tripped)


@pytest.mark.parametrize(
    "policy", [ASYNCFC, replace(SYNC, max_misuses=0), replace(ASYNCFC, grace_s=inf, max_misuses=0)]
)
def test_without_a_limit_or_without_futures_nothing_trips(policy):
    guards = Guards(policy)
    guards.count("bad_references", 100)
    assert (guards.tripped, guards.counts["bad_references"]) == (None, 100)


def test_blind_trips_too():
    talk = Dialogue(replace(BLIND, max_misuses=0))
    talk.says(PURE)
    talk.finish(1)
    assert talk.shown() == [pending(1)]
    talk.says(BAD)
    talk.says(PURE)
    talk.finish(3)
    assert talk.shown() == [{"x": [1]}]


def test_a_model_cut_off_is_counted_all_the_same():
    talk = Dialogue(replace(ONCE, failure="strict"))
    for _ in range(2):
        talk.call("pure", x="$f99")
    assert tripped(talk)
    talk.says(PURE)
    talk.finish(3, ErrorValue("tool_error", "boom"))
    assert talk.shown()[0]["error"]["message"] == "boom"


# --------------------------------------------------------------------------------- tools that are awaited at once


def test_tools_that_are_awaited_at_once_are_waited_for_from_then_on():
    guards = Guards(replace(ASYNCFC, max_awaits=1))
    guards.begin_turn()
    guards.awaited_at_once(["read"])
    assert guards.slow_tools == set()
    guards.awaited_at_once(["pure"])
    assert guards.slow_tools == {"pure"}
    guards.begin_turn()
    guards.awaited_at_once(["read"])
    assert guards.slow_tools == {"pure"}, "the limit is per turn, what was learned stays"


# ------------------------------------------------------------------------------------------- beside the transcript


def test_numbers_in_the_instructions_are_not_made_up():
    for instructions, suspect in (("", 1), ("the customer is number 48213", 0)):
        guards = Guards(ASYNCFC, instructions)
        guards.wrote({"customer": 48213}, [])
        assert guards.counts["suspect_values"] == suspect
