"""Sessions as spans and back: every time to the nanosecond, every count; contents only if asked for."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asyncfc_sim.traces.exporters.fault import ExportFault
from asyncfc_sim.traces.exporters.formats import write_sessions
from asyncfc_sim.traces.exporters.otlp import lost, otlp_lines, session_spans
from asyncfc_sim.traces.exporters.otlp_json import START_NS
from asyncfc_sim.traces.importers import otlp
from asyncfc_sim.traces.importers.source import Source
from asyncfc_sim.traces.sessions import (
    RecordedCall,
    RecordedSession,
    RecordedStep,
    RecordedTurn,
    check_session,
    marked_fields,
)
from tests.trace_files import by_name, hand_made, read, real

TALK = RecordedSession(
    session="talk",
    source="by hand",
    arrival_s=2.5,
    turns=(
        RecordedTurn(
            prompt="How many live there?",
            steps=(
                RecordedStep(
                    model="gpt",
                    prompt_tokens=100,
                    cached_tokens=64,
                    out_tokens=20,
                    ttft_s=0.25,
                    llm_s=1.0,
                    calls=(
                        RecordedCall(id="a", tool="search", args={"q": "Berlin"}, exec_s=3.0, result=[1, "x"], deps=()),
                        RecordedCall(id="b", tool="add", exec_s=0.5, deps=("a",), reads=(), error=True, emit_s=0.75),
                    ),
                ),
                RecordedStep(llm_s=2.0, calls=(RecordedCall(id="c", tool="save", reads=("b",), effect="write"),)),
            ),
        ),
        RecordedTurn(user_gap_s=30.0, steps=(RecordedStep(out_tokens=5),)),
    ),
)


def marked(session):
    return replace(session, provenance=dict.fromkeys(sorted(marked_fields(session)), "derived"))


def read_back(sessions, tmp_path, **options):
    path = tmp_path / "spans.jsonl"
    path.write_text("".join(line + "\n" for line in otlp_lines(sessions, **options)))
    return by_name(read(str(path), "otlp"))


def without_content(session):
    """The session as it is when prompts, arguments and results are not recorded."""
    turns = tuple(
        replace(
            turn,
            prompt=None,
            steps=tuple(
                replace(step, calls=tuple(replace(call, args=None, result=None) for call in step.calls))
                for step in turn.steps
            ),
        )
        for turn in session.turns
    )
    return replace(session, turns=turns)


def attributes(span):
    return {pair["key"]: next(iter(pair["value"].values())) for pair in span.to_json()["attributes"]}


# ------------------------------------------------------------------------------------------------ the spans


def test_a_session_is_laid_out_in_time():
    spans = session_spans(TALK)
    seconds = [(span.name, (span.start_ns - START_NS) / 1e9, (span.end_ns - START_NS) / 1e9) for span in spans]
    assert seconds == [
        ("invoke_agent", 2.5, 9.0),
        ("chat gpt", 2.5, 3.5),
        ("execute_tool search", 3.5, 6.5),
        ("execute_tool add", 6.5, 7.0),  # it needs the result of the search
        ("chat", 7.0, 9.0),
        ("execute_tool save", 9.0, 9.0),  # how long it took is not known
        ("invoke_agent", 39.0, 39.0),
        ("chat", 39.0, 39.0),
    ]
    assert len({span.trace for span in spans}) == 2  # a turn is a trace
    assert len({span.span for span in spans}) == len(spans)


def test_usage_stands_only_with_chats():
    spans = session_spans(TALK, content=True)
    with_usage = [span.name for span in spans if any(key.startswith("gen_ai.usage") for key in attributes(span))]
    assert with_usage == ["chat gpt", "chat"]
    assert attributes(spans[1])["gen_ai.response.time_to_first_chunk"] == 0.25


def test_links_say_who_needs_whose_result():
    spans = session_spans(TALK)
    names = {span.span: span.name for span in spans}
    links = [
        (span.name, link["attributes"][0]["value"]["stringValue"], names[link["spanId"]])
        for span in spans
        for link in span.to_json().get("links", ())
    ]
    assert links == [
        ("execute_tool search", "call", "chat gpt"),
        ("execute_tool add", "call", "chat gpt"),
        ("execute_tool add", "data", "execute_tool search"),
        ("execute_tool save", "call", "chat"),
        ("execute_tool save", "read", "execute_tool add"),
    ]


def test_contents_are_left_out_unless_asked_for(monkeypatch, tmp_path):
    (line,) = otlp_lines([TALK])
    assert "Berlin" not in line
    assert "How many" not in line
    assert "Berlin" in next(iter(otlp_lines([TALK], content=True)))
    assert lost([TALK]) == ["prompts and arguments and results were left out: content is written only if asked for"]
    assert lost([TALK], content=True) == []

    path = str(tmp_path / "spans.jsonl")
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "true")
    assert write_sessions(path, [TALK], "otlp") == []
    monkeypatch.setenv("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "false")
    assert write_sessions(path, [TALK], "otlp") != []


def test_two_sessions_of_one_name_would_be_one():
    with pytest.raises(ExportFault, match="two sessions are named 'talk'; in spans they would be one"):
        list(otlp_lines([TALK, TALK]))


def test_the_same_sessions_give_the_same_lines():
    assert list(otlp_lines([TALK])) == list(otlp_lines([TALK]))
    renamed = json.loads(next(iter(otlp_lines([replace(TALK, session="other")]))))
    ids = {span["spanId"] for span in renamed["resourceSpans"][0]["scopeSpans"][0]["spans"]}
    assert not ids & {span.span for span in session_spans(TALK)}


# ------------------------------------------------------------------------------------------------ there and back


@pytest.mark.parametrize("content", [True, False])
def test_a_session_comes_back_as_it_was(content, tmp_path):
    talk = marked(TALK)
    back = read_back([talk], tmp_path, content=content)["talk"]
    expected = talk if content else without_content(talk)
    assert replace(back, source=talk.source) == expected


seconds = st.none() | st.integers(0, 10**12).map(lambda ns: ns / 1e9)
tokens = st.none() | st.integers(0, 10**6)
texts = st.text(min_size=1, max_size=6)


@st.composite
def sessions(draw, name):
    ids: list[str] = []

    def call():
        known = (
            st.none() | st.lists(st.sampled_from(ids), unique=True).map(tuple) if ids else st.sampled_from([None, ()])
        )
        made = RecordedCall(
            id=f"{draw(texts)}{len(ids)}",
            tool=draw(texts.filter(str.strip)),
            kind=draw(st.none() | texts),
            args=draw(st.none() | st.dictionaries(texts, texts | st.integers() | st.floats(0, 1), max_size=2)),
            emit_tok=draw(tokens),
            emit_s=draw(seconds),
            exec_s=draw(seconds),
            result=draw(st.none() | texts | st.lists(st.integers(), max_size=2)),
            result_chars=draw(tokens),
            deps=draw(known),
            reads=draw(known),
            effect=draw(st.sampled_from([None, "read", "write"])),
            error=draw(st.booleans()),
        )
        ids.append(made.id)
        return made

    def step():
        prompt, llm_s = draw(tokens), draw(seconds)
        return RecordedStep(
            model=draw(st.none() | texts),
            prompt_tokens=prompt,
            cached_tokens=None if prompt is None else draw(st.none() | st.integers(0, prompt)),
            out_tokens=draw(tokens),
            text_chars=draw(tokens),
            ttft_s=None if llm_s is None else draw(st.none() | st.floats(0, llm_s)),
            llm_s=llm_s,
            calls=tuple(call() for _ in range(draw(st.integers(0, 2)))),
        )

    turns = tuple(
        RecordedTurn(
            user_gap_s=draw(seconds),
            prompt=draw(st.none() | texts),
            steps=tuple(step() for _ in range(draw(st.integers(1, 2)))),
        )
        for _ in range(draw(st.integers(1, 2)))
    )
    parent = draw(st.none() | texts)
    made = RecordedSession(session=name, source="drawn", arrival_s=draw(seconds), parent=parent, turns=turns)
    return check_session(
        replace(
            made, provenance=dict.fromkeys(sorted(marked_fields(made)), draw(st.sampled_from(["measured", "sampled"])))
        )
    )


@settings(max_examples=60)
@given(st.lists(texts, unique=True, min_size=1, max_size=2).flatmap(lambda names: st.tuples(*map(sessions, names))))
def test_any_sessions_come_back_as_they_were(tmp_path_factory, drawn):
    path = tmp_path_factory.mktemp("spans") / "spans.jsonl"
    write_sessions(str(path), drawn, "otlp", content=True)
    back = {session.session: check_session(session) for _, session in otlp.read(Source(str(path)))}
    assert {name: replace(session, source="drawn") for name, session in back.items()} == {
        session.session: session for session in drawn
    }


def test_recorded_spans_of_others_come_back_as_they_were(tmp_path):
    sessions = by_name(read(hand_made("otlp.jsonl"), "otlp"))
    back = read_back(sessions.values(), tmp_path, content=True)
    assert {name: session.turns for name, session in back.items()} == {n: s.turns for n, s in sessions.items()}


def test_a_recorded_trace_with_a_sub_agent_comes_back_as_it_was(tmp_path):
    imported = (
        read(real("kv-cache-tester/trace_0615.json"), "weka").sessions + read(hand_made("weka.jsonl"), "weka").sessions
    )
    back = read_back(imported, tmp_path)
    assert [replace(back[s.session], source=s.source) for s in imported] == imported
    assert any(session.parent for session in imported)
