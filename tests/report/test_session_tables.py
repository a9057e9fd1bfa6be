"""Tables of statistics: they fit a terminal, hide nothing, and say what is missing."""

import io
from dataclasses import replace

from rich.console import Console

from asyncfc_sim.report.session_tables import TOOLS, session_tables
from asyncfc_sim.traces.sessions import RecordedCall, RecordedSession, RecordedStep, RecordedTurn
from asyncfc_sim.traces.statistics import session_statistics
from tests.session_examples import marked, two_lookups


def shown(*sessions, width=120):
    out = io.StringIO()
    console = Console(file=out, width=width)
    for part in session_tables(session_statistics(sessions), ["read as workload"]):
        console.print(part)
    return out.getvalue()


def row(text, name):
    return next(line.split() for line in text.splitlines() if line.strip().startswith(name))


def test_counts_distributions_tools_and_bounds():
    text = shown(two_lookups())
    assert text.startswith("1 session, 2 turns, 4 steps, 3 calls\n")
    assert row(text, "prompt_tokens") == [
        "prompt_tokens",
        "tokens",
        "4",
        "4",
        "130",
        "230",
        "358",
        "396",
        "measured",
        "0",
    ]
    assert row(text, "result_chars")[2:] == ["0", "3", "-", "-", "-", "-", "-", "all"]
    assert row(text, "web_search") == ["web_search", "s", "2", "2", "3.1", "3.5", "3.9", "3.99", "measured", "0"]
    assert row(text, "2")[:4] == ["2", "1", "25.0", "%"]
    assert "2.33" in text  # R: 14 s over 6 s
    assert "read as workload" in text


def test_sessions_marked_differently_are_counted_by_mark():
    text = shown(two_lookups(), two_lookups(), marked(two_lookups(), "derived"))
    assert "measured 2, derived 1" in text


def test_what_is_not_known_is_said():
    session = two_lookups()
    blind = replace(session.turns[0].steps[0].calls[0], deps=None, reads=None)
    step = replace(session.turns[0].steps[0], calls=(blind,))
    unknown = replace(session, turns=(RecordedTurn(steps=(step,)),))
    assert "of 1 of 1 calls nothing says whose results they needed" in shown(unknown)
    lacking = replace(unknown, turns=(RecordedTurn(steps=(replace(step, llm_s=None, ttft_s=None),)),))
    assert "1 sessions with calls lack the time" in shown(lacking)
    assert "nothing says whose" not in shown(session)


def test_many_kinds_of_tools_are_cut_short_and_counted():
    calls = tuple(RecordedCall(id=str(n), tool=f"tool{n}", exec_s=1.0) for n in range(TOOLS + 3))
    turns = (RecordedTurn(steps=(RecordedStep(llm_s=1.0, calls=calls),)),)
    assert "and 3 more (--json has all)" in shown(marked(RecordedSession(session="s", source="t", turns=turns)))


def test_on_a_narrow_terminal_nothing_is_lost():
    text = shown(two_lookups(), width=60)
    assert max(map(len, text.splitlines())) <= 60
    assert "measured" in "".join(text.split())
