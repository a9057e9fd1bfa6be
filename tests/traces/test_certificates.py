"""The certificate of a trace: what counts as the time in which a call acted, and what cannot be certified at all."""

from __future__ import annotations

from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.core.certificate import Access, Certified, NotCertified
from asyncfc_sim.core.footprint import parse_pattern
from asyncfc_sim.traces.certificates import Certificate, Incomparable, certificate
from asyncfc_sim.traces.trace import Header, Recorder, Run, TraceError, previewed
from tests.trace_examples import async_run, long_run, random_runs, sync_run, troubled_run

DECLARED: Final = ("sound footprints", "deterministic tools", "closed world")
LOGGED: Final = ("complete log", "deterministic tools", "closed world")


def run(text: str, *, answered: bool = True) -> Run:
    """A run by its events, in short: `issue 1`, `start 1 r:a w:b`, `finish 1`, `access 1 w a`, ...; then the answer."""
    recorder = Recorder(Header(run="short", source="walk"))
    lines = text.strip().splitlines()
    for at, line in enumerate(lines):
        rule, future, *rest = line.split()
        fields: dict[str, Any] = {"future": int(future)}
        match rule:
            case "issue":
                fields |= {"tool": "t", "args": {}}
            case "start":
                keys = {mode: [parse_pattern(item[2:]) for item in rest if item[0] == mode] for mode in "rw"}
                fields |= {"tool": "t", "args": {}, "reads": keys["r"], "writes": keys["w"]}
            case "finish":
                fields |= {"value": None}
            case "fail":
                fields |= {"error": {"kind": "tool_error"}}
            case "access":
                fields |= {"mode": rest[0], "key": rest[1]}
        recorder.record((float(at), rule, fields))
    if answered:
        recorder.record((float(len(lines)), "answer", {}))
    return recorder.run()


def test_a_trace_that_ends_before_the_decoder_did_is_not_certified():
    whole, short = (certificate(run("issue 1\nstart 1 w:a\nfinish 1", answered=each)) for each in (True, False))
    assert whole.certified
    assert isinstance(short.verdict, Incomparable)
    assert "there is no answer after its last call" in short.verdict.why


def both_issued(text: str) -> Certificate:
    return certificate(run("issue 1\nissue 2\n" + text))


def out_of_order(judged: Certificate) -> tuple[Access, Access]:
    assert isinstance(judged.verdict, NotCertified), judged
    return judged.verdict.earlier, judged.verdict.later


def wrote_a(future: int) -> Access:
    return Access(future, "w", parse_pattern("a"))


def read_a(future: int) -> Access:
    return Access(future, "r", parse_pattern("a"))


# ------------------------------------------------------------------------------------------ by declared footprints


def test_conflicting_calls_one_after_the_other():
    judged = both_issued("start 1 w:a\nfinish 1\nstart 2 r:a\nfinish 2")
    assert judged == Certificate(Certified(DECLARED), ran=2, accesses=0)


def test_conflicting_calls_that_overlap():
    judged = both_issued("start 1 w:a\nstart 2 r:a\nfinish 1\nfinish 2")
    assert out_of_order(judged) == (read_a(2), wrote_a(1))
    assert not judged.certified


def test_conflicting_calls_in_the_other_order():
    assert out_of_order(both_issued("start 2 w:a\nfinish 2\nstart 1 w:a\nfail 1")) == (wrote_a(2), wrote_a(1))


def test_independent_calls_may_overlap():
    assert both_issued("start 2 w:b\nstart 1 w:a\nfail 2\nfinish 1").certified


def test_a_call_that_never_ran_conflicts_with_nothing():
    judged = both_issued("start 2 w:a\nfail 1\nfinish 2")
    assert judged == Certificate(Certified(DECLARED), ran=1, accesses=0)


@pytest.mark.parametrize("example", [sync_run(), async_run(), long_run(), previewed(async_run(), 3)])
def test_runs_in_which_nothing_conflicts(example: Run):
    assert certificate(example).certified


@pytest.mark.parametrize("events", ["", "issue 1\nfail 1"])
def test_a_run_in_which_nothing_ran_is_certified_for_want_of_calls(events: str):
    assert certificate(run(events)) == Certificate(Certified(DECLARED), ran=0, accesses=0)


# ------------------------------------------------------------------------------------------ calls with a history


def test_a_call_tried_again_acts_from_its_first_attempt_on():
    """A retry writes `start` once more; that the first attempt failed is not written."""
    assert both_issued("start 1 w:a\nstart 1 w:a\nfinish 1\nstart 2 r:a\nfinish 2").certified
    assert out_of_order(both_issued("start 1 w:a\nstart 2 r:a\nfinish 2\nstart 1 w:a\nfinish 1"))


@pytest.mark.parametrize("given_up", ["cancel", "timeout"])
def test_a_call_in_doubt_may_act_until_it_is_known_to_have_ended(given_up: str):
    doubt = f"start 1 w:a\n{given_up} 1\nfail 1\n"
    judged = both_issued(doubt + "end 1\nstart 2 r:a\nfinish 2")
    assert judged == Certificate(Certified(DECLARED), ran=2, accesses=0, given_up=(1,))
    assert out_of_order(both_issued(doubt + "start 2 r:a\nfinish 2\nend 1")) == (read_a(2), wrote_a(1))


def test_a_call_given_up_that_only_reads_matters_to_nobody():
    """The scheduler frees its keys at once: what it still reads, nobody is given."""
    judged = both_issued("start 1 r:a\ncancel 1\nfail 1\nstart 2 w:a\nfinish 2")
    assert judged.certified
    assert judged.given_up == (1,)


def test_a_cancel_that_came_too_late_changes_nothing():
    judged = both_issued("start 1 w:a\nfinish 1\ncancel 1\nstart 2 r:a\nfinish 2")
    assert judged.certified
    assert judged.given_up == ()


def test_what_strict_cuts_off_never_was():
    cut = "issue 3\nstart 1 w:b\nstart 2 r:a\nfail 1\ncut 1\nend 2\n"
    assert both_issued(cut).certified
    assert both_issued(cut + "issue 4\nstart 4 w:a\nfinish 4").certified
    assert both_issued(cut.replace("end 2\n", "issue 4\nstart 4 w:a\nfinish 4\n")).certified  # it goes on reading


def test_a_write_that_was_cut_off_can_be_compared_with_nothing():
    judged = both_issued("start 1 w:b\nstart 2 w:a\nfail 1\ncut 1\nend 2")
    assert judged.verdict == Incomparable((2,), "$f2 had an effect, and then was cut off as if it had never run")
    assert not judged.certified


@pytest.mark.parametrize(
    ("events", "calls"),
    [
        ("start 1 w:a\nfinish 1", (2,)),  # $f2 was never started
        ("start 1 w:a\nfinish 1\nstart 2 w:a", (2,)),
        ("start 1 w:a", (1, 2)),
        ("start 1 w:a\ntimeout 1\nfail 1\nfail 2", (1,)),  # in doubt to the end
    ],
)
def test_a_run_that_has_not_ended_is_not_certified(events: str, calls: tuple[int, ...]):
    verdict = both_issued(events).verdict
    assert isinstance(verdict, Incomparable)
    assert verdict.calls == calls
    assert verdict.why.startswith("the trace ends before $f")


def test_many_calls_that_have_not_ended():
    verdict = certificate(run("\n".join(f"issue {future}" for future in range(1, 7)))).verdict
    assert isinstance(verdict, Incomparable)
    assert verdict.why == "the trace ends before $f1, $f2, $f3 and 3 more calls did"


def test_an_order_that_is_wrong_already_is_said_of_a_run_that_has_not_ended():
    assert out_of_order(both_issued("start 2 w:a\nfinish 2\nstart 1 w:a"))


def test_a_run_with_troubles():
    judged = certificate(troubled_run())
    assert judged.verdict == Incomparable((5,), "the trace ends before $f5 did")
    assert judged.given_up == (3, 4)
    assert judged.ran == 3


# ------------------------------------------------------------------------------------------ by a log of accesses


def test_a_log_of_accesses_says_more_than_declared_footprints():
    """They overlap, and yet everything was in order."""
    begun = "start 1 w:a\nstart 2 w:a\naccess 1 w a\n"
    judged = both_issued(begun + "access 2 r a\nfinish 2\nfinish 1")
    assert judged == Certificate(Certified(LOGGED), ran=2, accesses=2)
    judged = both_issued(begun + "access 2 r a\naccess 1 w a\nfinish 2\nfinish 1")
    assert out_of_order(judged) == (read_a(2), wrote_a(1))


def test_a_log_needs_no_trust_in_footprints():
    judged = both_issued("start 1\nstart 2\naccess 2 w a\naccess 1 r a\nfinish 1\nfinish 2")
    assert out_of_order(judged) == (wrote_a(2), read_a(1))


def test_calls_without_a_log_stand_with_what_they_declare():
    before = "start 1 w:a\nstart 2 w:b r:a\naccess 2 w b\nfinish 2\n"
    judged = both_issued(before + "finish 1")
    assert judged == Certificate(Certified(("complete log", *DECLARED)), ran=2, accesses=1, unlogged=(1,))
    assert out_of_order(both_issued("start 1 w:a\nstart 2 w:a\naccess 2 r a\nfinish 2\nfinish 1"))
    assert both_issued("start 1\nstart 2\naccess 2 w b\nfinish 2\nfinish 1").unlogged == ()  # it declares nothing


def test_a_call_given_up_may_be_seen_to_have_written():
    doubt = "start 1 r:a\ncancel 1\nfail 1\nstart 2 r:a\naccess 2 r a\n"
    assert out_of_order(both_issued(doubt + "access 1 w a\nend 1\nfinish 2")) == (read_a(2), wrote_a(1))
    assert both_issued(doubt + "access 1 r a\nend 1\nfinish 2").certified


# ------------------------------------------------------------------------------------------ traces that are none


@pytest.mark.parametrize(
    ("events", "fault"),
    [
        ("start 1", r"event 1: start: \$f1 was never issued"),
        ("issue 2\nissue 1", r"event 2: issue: \$f1 comes after \$f2"),
        ("issue 1\nfinish 1", r"event 2: finish: \$f1 never started"),
        ("issue 1\nstart 1\nfinish 1\nfail 1", r"event 4: fail: \$f1 is settled already"),
        ("issue 1\nstart 1\nfinish 1\nstart 1", r"event 4: start: \$f1 is settled already"),
        ("issue 1\nstart 1\ncancel 1\nfinish 1", r"event 4: finish: \$f1 was given up"),
        ("issue 1\nstart 1\ncancel 1\nend 1\nend 1", r"event 5: end: \$f1 has ended already"),
        ("issue 1\naccess 1 r a", r"event 2: access: \$f1 is not under way"),
        ("issue 1\nstart 1\nfinish 1\naccess 1 r a", r"event 4: access: \$f1 is not under way"),
    ],
)
def test_events_that_contradict_each_other(events: str, fault: str):
    with pytest.raises(TraceError, match=f"run 'short', {fault}"):
        certificate(run(events))


@given(random_runs())
def test_every_run_that_may_be_recorded_gets_a_verdict(recorded: Run):
    """Without effects, only what has not ended stands in the way, the run itself included."""
    verdict = certificate(recorded).verdict
    last = {event.rule: at for at, event in enumerate(recorded.events)}
    whole = max(last.get("answer", -1), last.get("give_up", -1)) > last.get("issue", -2)
    issued = {event.fields["future"] for event in recorded.events if event.rule == "issue"}
    answered = {
        event.fields["future"] for event in recorded.events if event.rule in ("finish", "fail", "cancel", "timeout")
    }
    assert isinstance(verdict, Incomparable) == bool(issued - answered or not whole)


@given(st.data())
def test_positions_are_the_lines_of_the_file(data: st.DataObject):
    lines = tuple(sorted(data.draw(st.sets(st.integers(2, 50), min_size=6, max_size=6))))
    conflict = run("issue 1\nissue 2\nstart 1 w:a\nstart 2 r:a\nfinish 2\nfinish 1", answered=False)
    judged = certificate(Run(conflict.header, conflict.events, lines))
    assert isinstance(judged.verdict, NotCertified)
    assert f"which ended at {lines[5]} only" in judged.verdict.why
    with pytest.raises(TraceError, match=r"^2: run 'short': start"):
        certificate(Run(conflict.header, conflict.events[2:], (2, 3, 4, 5)))
