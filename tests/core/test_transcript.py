"""The transcript: what is appended, what is replaced, and what a cut takes back."""

from __future__ import annotations

import json

from asyncfc_sim.core.messages import awaited
from asyncfc_sim.core.transcript import Message, Slot, Transcript
from asyncfc_sim.core.values import ErrorValue

BOOM = ErrorValue("tool_error", "boom", origin=2)


def message(*futures: int, text: str | None = None) -> Message:
    return Message(1, [Slot(f"id{future}", "pure", {"x": future}, future) for future in futures], text, ended=True)


def await_(*futures: int, values: dict[int, str]) -> Message:
    slot = Slot("await", "await_future", {"ids": [f"$f{future}" for future in futures]}, gives=futures)
    slot.answer = awaited(values, [])
    return Message(2, [slot], ended=True)


def contents(transcript: Transcript) -> list[object]:
    return [json.loads(entry["content"]) for entry in transcript.messages if entry["role"] == "tool"]


def begun(*, cuts: bool = True) -> Transcript:
    transcript = Transcript(cuts=cuts)
    transcript.user("go")
    return transcript


def test_a_message_is_answered_with_values_and_placeholders():
    transcript = begun()
    assert transcript.answer(message(1, 2, text="two"), {1: "a"}) == ([1], [2])
    assert [entry["role"] for entry in transcript.messages] == ["user", "assistant", "tool", "tool"]
    assert transcript.messages[1]["content"] == "two"
    assert contents(transcript) == ["a", {"future": "$f2", "status": "pending"}]
    assert transcript.placeholders == {2: [3]}


def test_a_call_that_was_answered_at_once_keeps_its_answer():
    transcript = begun()
    refused = message(1)
    refused.slots[0].answer = '"no"'
    assert transcript.answer(refused, {1: "a"}) == ([], [])
    assert contents(transcript) == ["no"]


def test_values_are_handed_over_once():
    transcript = begun()
    transcript.answer(message(1, 2), {})
    transcript.answer(message(3), {})
    assert transcript.hand_over({1: "a", 2: "b"}, "on_touch") == []
    assert transcript.hand_over({1: "a", 2: "b"}, "when_idle") == [1, 2]
    assert contents(transcript)[-1] == {"future": "$f3", "status": "pending", "resolved": {"$f1": "a", "$f2": "b"}}
    assert transcript.hand_over({1: "a", 2: "b"}, "when_idle") == []


def test_rewriting_moves_back_what_is_known():
    transcript = begun()
    transcript.answer(message(1, 2), {})
    transcript.known = len(transcript.messages)
    assert transcript.hand_over({2: "b"}, "rewrite") == [2]
    assert contents(transcript) == [{"future": "$f1", "status": "pending"}, "b"]
    assert transcript.known == 3


def test_what_an_await_gave_is_seen():
    transcript = begun()
    transcript.answer(message(1, 2), {})
    transcript.answer(await_(1, values={1: "a"}), {})
    assert list(transcript.placeholders) == [2]


def test_draining_shows_the_rest_as_if_the_model_had_asked():
    transcript = begun()
    transcript.answer(message(1, 2), {1: "a"})
    assert transcript.drain("done", {1: "a", 2: "b"}) == [2]
    said, result = transcript.messages[-2:]
    assert said["content"] == "done"
    assert said["tool_calls"][0]["function"] == {"name": "await_future", "arguments": '{"ids": ["$f2"]}'}
    assert (result["tool_call_id"], result["content"]) == (said["tool_calls"][0]["id"], '{"resolved": {"$f2": "b"}}')
    assert transcript.placeholders == {}


def test_every_drain_has_its_own_id():
    transcript = begun()
    for future in (1, 2):
        transcript.answer(message(future), {})
        transcript.drain("done", {future: "a"})
    ids = [entry["tool_call_id"] for entry in transcript.messages if entry["role"] == "tool"]
    assert len(set(ids)) == 4


def test_a_cut_keeps_what_came_before_and_answers_anew():
    transcript = begun()
    transcript.answer(message(1), {})
    first = list(transcript.messages)
    transcript.answer(message(2, 3), {})
    transcript.answer(message(4), {})
    transcript.known = len(transcript.messages)
    kept = transcript.cut(2, None)
    assert [slot.future for slot in kept.slots] == [2]
    assert transcript.messages == first
    assert transcript.known == len(first)
    assert list(transcript.placeholders) == [1]
    transcript.answer(kept, {1: "a", 2: BOOM})
    assert contents(transcript)[-1] == BOOM.to_json()


def test_a_cut_of_the_message_being_written_takes_nothing_back():
    transcript = begun()
    transcript.answer(message(1), {})
    before = list(transcript.messages)
    kept = transcript.cut(2, message(2, 3))
    assert [slot.future for slot in kept.slots] == [2]
    assert transcript.messages == before


def test_values_shown_behind_the_cut_are_owed_again_and_those_before_it_are_not():
    transcript = begun()
    transcript.answer(message(1, 2, 3), {})
    transcript.answer(await_(1, values={1: "a"}), {})
    transcript.answer(message(4), {})
    transcript.answer(message(5), {})
    transcript.hand_over({2: "b"}, "when_idle")
    assert list(transcript.placeholders) == [3, 4, 5]
    transcript.cut(4, None)
    assert sorted(transcript.placeholders) == [2, 3]


def test_an_answer_ends_all_debts():
    transcript = begun()
    transcript.answer(message(1), {})
    transcript.close("it is a")
    assert transcript.placeholders == {}
    assert transcript.messages[-1] == {"role": "assistant", "content": "it is a"}
    assert transcript.latest is None


def test_a_long_message_is_looked_through_once():
    long = message(*range(1, 1001))
    long.unsettled = [slot.future for slot in long.slots]
    values: dict[int, str] = {}
    for future in range(1000, 0, -1):
        assert not long.settled(values)
        values[future] = "x"
    assert long.settled(values)


def test_without_cuts_only_the_latest_message_is_kept_and_the_model_is_shown_the_same():
    kept, shown = begun(cuts=False), begun()
    for transcript in (kept, shown):
        transcript.answer(message(1, 2), {})
        transcript.answer(await_(1, values={1: "a"}), {})
        transcript.answer(message(3), {})
        assert transcript.hand_over({2: "b"}, "when_idle") == [2]
        assert transcript.latest is not None
        assert [slot.future for slot in transcript.latest.slots] == [3]
    assert kept.messages == shown.messages
    assert kept.placeholders == shown.placeholders
    assert not kept._seen
    assert len(kept._answered) == 1
