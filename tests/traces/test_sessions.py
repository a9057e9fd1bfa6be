"""Workload v1: what is written is what is read, and every way to be wrong is told in words of its own."""

import json
from dataclasses import replace

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from asyncfc_sim.traces.sessions import (
    MARKED,
    SCHEMA,
    RecordedCall,
    RecordedSession,
    RecordedStep,
    RecordedTurn,
    SessionError,
    check_session,
    marked_fields,
    parse_session,
    session_line,
)

texts = st.text(max_size=6)
maybe_text = st.none() | texts
counts = st.none() | st.integers(0, 10**9)
seconds = st.none() | st.floats(0, 1e9) | st.integers(0, 100)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=4,
)


@st.composite
def calls(draw, number: int) -> RecordedCall:
    earlier = st.lists(st.integers(0, number - 1).map(str), max_size=2).map(tuple) if number else st.just(())
    return RecordedCall(
        id=str(number),
        tool=draw(texts),
        kind=draw(maybe_text),
        args=draw(st.none() | st.dictionaries(texts, json_values, max_size=2)),
        emit_tok=draw(counts),
        emit_s=draw(seconds),
        exec_s=draw(seconds),
        result=draw(json_values),
        result_chars=draw(counts),
        deps=draw(st.none() | earlier),
        reads=draw(st.none() | earlier),
        effect=draw(st.sampled_from([None, "read", "write"])),
        error=draw(st.booleans()),
    )


@st.composite
def sessions(draw) -> RecordedSession:
    number = 0
    turns: list[RecordedTurn] = []
    for _ in range(draw(st.integers(1, 2))):
        steps = []
        for _ in range(draw(st.integers(0 if turns else 1, 2))):
            made = []
            for _ in range(draw(st.integers(0, 2))):
                made.append(draw(calls(number)))
                number += 1
            prompt, cached = draw(counts), draw(counts)
            ttft_s, llm_s = draw(seconds), draw(seconds)
            steps.append(
                RecordedStep(
                    model=draw(maybe_text),
                    prompt_tokens=prompt,
                    cached_tokens=cached if prompt is None or cached is None else min(cached, prompt),
                    out_tokens=draw(counts),
                    text_chars=draw(counts),
                    ttft_s=ttft_s if llm_s is None or ttft_s is None else min(ttft_s, llm_s),
                    llm_s=llm_s,
                    calls=tuple(made),
                )
            )
        turns.append(RecordedTurn(user_gap_s=draw(seconds), prompt=draw(maybe_text), steps=tuple(steps)))
    session = RecordedSession(
        session=draw(texts),
        source=draw(texts),
        arrival_s=draw(seconds),
        parent=draw(maybe_text),
        turns=tuple(turns),
    )
    marks = st.sampled_from(["measured", "derived", "sampled"])
    return replace(session, provenance={name: draw(marks) for name in sorted(marked_fields(session))})


@settings(max_examples=60)
@given(sessions())
def test_what_is_written_is_what_is_read(session):
    line = session_line(session)
    assert "\n" not in line
    assert parse_session(json.loads(line)) == session
    assert session_line(parse_session(json.loads(line))) == line


@settings(max_examples=30)
@given(sessions())
def test_all_that_is_marked_is_needed(session):
    for name in session.provenance:
        unmarked = {key: mark for key, mark in session.provenance.items() if key != name}
        with pytest.raises(SessionError, match=f"provenance does not say where {name} came from"):
            check_session(replace(session, provenance=unmarked))


def test_sessions_sometimes_have_calls_that_need_others():
    find(
        sessions(),
        lambda session: any(call.deps and call.reads for call in session.calls()),
        settings=settings(phases=[Phase.generate], max_examples=1000),
    )


def test_nulls_and_errors_that_were_none_are_left_out():
    session = RecordedSession(
        session="s",
        source="test",
        turns=(RecordedTurn(steps=(RecordedStep(calls=(RecordedCall(id="a", tool="t"),)),)),),
    )
    assert json.loads(session_line(session)) == {
        "schema": SCHEMA,
        "session": "s",
        "source": "test",
        "turns": [{"steps": [{"calls": [{"id": "a", "tool": "t"}]}]}],
        "provenance": {},
    }


GOOD = {
    "schema": SCHEMA,
    "session": "s",
    "source": "test",
    "arrival_s": 0,
    "turns": [
        {
            "user_gap_s": 1.5,
            "prompt": "hi",
            "steps": [
                {
                    "model": "m",
                    "prompt_tokens": 100,
                    "cached_tokens": 50,
                    "out_tokens": 10,
                    "ttft_s": 0.5,
                    "llm_s": 1.0,
                    "calls": [
                        {"id": "a", "tool": "t", "args": {"x": 1}, "exec_s": 2.0},
                        {"id": "b", "tool": "t", "deps": ["a"], "reads": [], "effect": "read", "error": True},
                    ],
                }
            ],
        }
    ],
    "provenance": dict.fromkeys(
        [
            *("arrival_s", "turn.user_gap_s", "step.prompt_tokens", "step.cached_tokens", "step.out_tokens"),
            *("step.ttft_s", "step.llm_s", "call.exec_s", "call.deps", "call.reads", "call.effect"),
        ],
        "measured",
    ),
}
STEP = ("turns", 0, "steps", 0)
CALL, OTHER = (*STEP, "calls", 0), (*STEP, "calls", 1)
WHERE = "session 's': turn 1, step 1"
ABSENT = object()


def changed(path, value):
    record = json.loads(json.dumps(GOOD))
    part = record
    for name in path[:-1]:
        part = part[name]
    if value is ABSENT:
        del part[path[-1]]
    else:
        part[path[-1]] = value
    return record


def test_the_example_is_good():
    assert len(list(parse_session(GOOD).calls())) == 2


FAULTS = [
    # what it is
    (("schema",), ABSENT, f"schema is None; this version reads {SCHEMA!r}"),
    (("schema",), "asyncfc.workload/2", f"schema is 'asyncfc.workload/2'; this version reads {SCHEMA!r}"),
    (("session",), ABSENT, "the session: session must be given"),
    (("source",), ABSENT, "the session: source must be given"),
    ((*CALL, "tool"), ABSENT, "the session, turn 1, step 1, call 1: tool must be given"),
    ((*CALL, "id"), ABSENT, "the session, turn 1, step 1, call 1: id must be given"),
    # unknown fields
    (("turn",), [], "the session: unknown field 'turn'; known are arrival_s, parent, "),
    (("turns", 0, "gap_s"), 1, "the session, turn 1: unknown field 'gap_s'; known are prompt, steps, user_gap_s"),
    ((*STEP, "latency"), 1, "the session, turn 1, step 1: unknown field 'latency'"),
    ((*CALL, "duration"), 1, "the session, turn 1, step 1, call 1: unknown field 'duration'"),
    # types
    (("turns",), {}, "the session: turns must be a list"),
    (("turns", 0), 1, "the session, turn 1: expected an object"),
    (("session",), None, "the session: session is None; expected a text"),
    (("parent",), 1, "the session: parent is 1; expected a text"),
    (("arrival_s",), "now", "the session: arrival_s is 'now'; expected a number"),
    ((*STEP, "llm_s"), True, "turn 1, step 1: llm_s is True; expected a number"),
    ((*STEP, "out_tokens"), 1.5, "turn 1, step 1: out_tokens is 1.5; expected a whole number"),
    ((*CALL, "args"), [1], "call 1: args is [1]; expected an object"),
    ((*OTHER, "deps"), "a", "call 2: deps is 'a'; expected a list of ids of calls"),
    ((*OTHER, "reads"), [1], "call 2: reads is (1,); expected a list of ids of calls"),
    ((*OTHER, "error"), "yes", "call 2: error is 'yes'; expected true or false"),
    (("provenance",), [], "the session: provenance is []; expected an object"),
    # values
    (("arrival_s",), -1, "session 's': the session: arrival_s is -1; expected a number that is not negative"),
    (("turns", 0, "user_gap_s"), -0.5, "session 's': turn 1: user_gap_s is -0.5; expected a number that is not neg"),
    ((*STEP, "prompt_tokens"), -1, f"{WHERE}: prompt_tokens is -1; expected a number that is not negative"),
    ((*STEP, "llm_s"), float("inf"), f"{WHERE}: llm_s is inf; expected at most 1e+12: are the units right?"),
    ((*STEP, "llm_s"), float("nan"), f"{WHERE}: llm_s is nan; expected a number that is not negative"),
    ((*STEP, "ttft_s"), 1.5, f"{WHERE}: ttft_s 1.5 is later than the end of the message, llm_s 1.0"),
    ((*STEP, "cached_tokens"), 101, f"{WHERE}: 101 cached tokens of a prompt of 100"),
    ((*CALL, "exec_s"), -2, f"{WHERE}, call 'a': exec_s is -2; expected a number that is not negative"),
    ((*OTHER, "effect"), "both", f"{WHERE}, call 'b': effect is 'both'; expected read, write or null"),
    ((*OTHER, "id"), "a", f"{WHERE}, call 'a': a second call of that id"),
    ((*CALL, "deps"), ["b"], f"{WHERE}, call 'a': deps names 'b', which is no earlier call"),  # a cycle
    ((*OTHER, "deps"), ["b"], f"{WHERE}, call 'b': deps names 'b', which is no earlier call"),
    ((*OTHER, "reads"), ["c"], f"{WHERE}, call 'b': reads names 'c', which is no earlier call"),
    (("turns",), [], "session 's': it has no step: expected at least one request to a model"),
    (("turns", 0, "steps"), [], "session 's': it has no step: expected at least one request to a model"),
    # where it comes from
    (("provenance", "step.llm_s"), ABSENT, "session 's': provenance does not say where step.llm_s came from"),
    (("provenance", "step.llm_s"), "guessed", "provenance of step.llm_s is 'guessed'; expected measured, derived, sam"),
    (("provenance", "llm_s"), "measured", "provenance names 'llm_s'; the fields that are marked: arrival_s, call."),
]


@pytest.mark.parametrize(("path", "value", "words"), FAULTS)
def test_each_kind_of_fault_has_its_own_words(path, value, words):
    with pytest.raises(SessionError) as fault:
        parse_session(changed(path, value))
    assert words in str(fault.value)


def test_no_two_kinds_of_fault_share_their_words():
    words = [str_fault(path, value) for path, value, _ in FAULTS]
    # The two ways to have no step are one fault.
    assert len(set(words)) == len(words) - 1


def str_fault(path, value):
    with pytest.raises(SessionError) as fault:
        parse_session(changed(path, value))
    return str(fault.value)


def test_a_record_that_is_no_number_of_the_format_is_not_written():
    session = parse_session(GOOD)
    with pytest.raises(ValueError, match="not JSON compliant"):
        session_line(replace(session, arrival_s=float("nan")))


def test_all_numbers_and_findings_are_marked_and_words_are_not():
    marked = {name for names in MARKED.values() for name in names}
    assert marked.isdisjoint(
        {"session", "source", "parent", "prompt", "model", "id", "tool", "args", "result", "error"}
    )


def test_what_a_token_is_in_characters_and_how_much_of_a_message_is_text():
    cd = RecordedCall(id="1", tool="cd", args={"to": "here"})
    assert cd.chars == len('{"name": "cd", "arguments": {"to": "here"}}') == 43
    message = RecordedStep(out_tokens=20, text_chars=57, calls=(cd,))
    assert (message.chars, message.chars_per_token, message.text_share) == (100, 5.0, 0.57)
    answer = RecordedStep(out_tokens=3, text_chars=9)
    assert (answer.chars_per_token, answer.text_share) == (3.0, 1.0)


def test_where_not_all_of_a_message_is_known_nothing_is_said_of_its_characters():
    cd = RecordedCall(id="1", tool="cd", args={"to": "here"})
    for step in (
        RecordedStep(out_tokens=20, calls=(cd,)),
        RecordedStep(out_tokens=20, text_chars=0, calls=(replace(cd, args=None),)),
        RecordedStep(out_tokens=2_000, text_chars=57, calls=(cd,)),  # most of it was not shown
        RecordedStep(out_tokens=20, text_chars=0),  # nothing was written that is shown
    ):
        assert (step.chars, step.chars_per_token, step.text_share) == (None, None, None)
