"""Recorded sessions for tests: one written by hand, and a strategy for any that a file may hold."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from asyncfc_sim.traces.sessions import (
    Provenance,
    RecordedCall,
    RecordedSession,
    RecordedStep,
    RecordedTurn,
    marked_fields,
)


def marked(session: RecordedSession, mark: Provenance = "measured") -> RecordedSession:
    """`session` with every figure that it has marked as `mark`."""
    return replace(session, provenance=dict.fromkeys(sorted(marked_fields(session)), mark))


def two_lookups() -> RecordedSession:
    """Two turns. The first looks two things up in one message and adds them in the next; its times, in seconds:

    step 1: 0 to 2, its calls a (2 to 5) and b (2 to 6); step 2: 6 to 7, its call c, which needs both (7 to 8);
    answer: 8 to 10.
    After 30 s of the user's, the second turn is an answer alone: 40 to 41.
    """
    a = RecordedCall(
        id="a", tool="search", kind="web_search", args={"query": "Berlin $f1"}, emit_s=1.5, exec_s=3.0, deps=()
    )
    b = RecordedCall(id="b", tool="search", kind="web_search", args={"query": "Paris"}, exec_s=4.0, deps=(), result=3)
    c = RecordedCall(id="c", tool="add", args={"x": 1}, exec_s=1.0, deps=("a",), reads=("b",), error=True, result="no")
    steps = (
        RecordedStep(model="m", prompt_tokens=100, out_tokens=40, ttft_s=0.5, llm_s=2.0, calls=(a, b)),
        RecordedStep(
            model="m", prompt_tokens=200, cached_tokens=140, out_tokens=20, ttft_s=0.25, llm_s=1.0, calls=(c,)
        ),
        RecordedStep(model="m", prompt_tokens=260, cached_tokens=220, out_tokens=60, ttft_s=0.25, llm_s=2.0),
    )
    last = RecordedStep(model="m", prompt_tokens=400, out_tokens=10, ttft_s=0.5, llm_s=1.0)
    turns = (RecordedTurn(prompt="add", steps=steps), RecordedTurn(user_gap_s=30.0, steps=(last,)))
    return marked(RecordedSession(session="lookups", source="by hand", turns=turns))


seconds = st.floats(0, 100).map(lambda value: round(value, 3))


@st.composite
def sessions(draw: st.DrawFn, *, timed: bool = True) -> RecordedSession:
    """Sessions of up to three turns of up to three steps of up to three calls; `timed`: every message has its time."""
    ids: list[str] = []
    turns = []
    for _ in range(draw(st.integers(1, 3))):
        steps = []
        for _ in range(draw(st.integers(1, 3))):
            calls = []
            for _ in range(draw(st.integers(0, 3))):
                deps = draw(st.lists(st.sampled_from(ids), unique=True, max_size=2)) if ids else []
                call = RecordedCall(
                    id=f"c{len(ids)}",
                    tool=draw(st.sampled_from(["search", "read", "Bash"])),
                    emit_s=draw(st.none() | seconds),
                    exec_s=draw(st.none() | seconds),
                    deps=tuple(deps) if deps else None,
                    error=draw(st.booleans()),
                )
                ids.append(call.id)
                calls.append(call)
            llm_s = draw(seconds if timed else st.none() | seconds)
            ttft_s = draw(st.none() | st.floats(0, llm_s or 0.0))
            out = draw(st.none() | st.integers(0, 2000))
            steps.append(RecordedStep(out_tokens=out, ttft_s=ttft_s, llm_s=llm_s, calls=tuple(calls)))
        turns.append(RecordedTurn(user_gap_s=draw(st.none() | seconds), steps=tuple(steps)))
    return marked(RecordedSession(session=draw(st.sampled_from("abc")), source="drawn", turns=tuple(turns)))
