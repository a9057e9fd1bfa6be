"""Chrome Trace Event JSON: what Perfetto needs to show every slice and bind every arrow, checked as Perfetto would."""

import gzip
import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.traces.perfetto import to_perfetto, write_perfetto
from asyncfc_sim.traces.timeline import timeline
from asyncfc_sim.traces.trace import Header, Run
from tests.trace_examples import async_run, long_run, random_runs, recorder, sync_run, troubled_run

EXAMPLES = [sync_run(), async_run(), troubled_run(), long_run()]


def of(document, phase):
    return [event for event in document["traceEvents"] if event["ph"] == phase]


def nanoseconds(event, field="ts"):
    exact = event[field] * 1000
    assert abs(exact - round(exact)) < 1e-3
    return round(exact)


def slice_at(document, flow):
    """The slice that encloses a flow event in its track, as the importer sees it: begun, not ended."""
    at = nanoseconds(flow)
    found = [
        piece
        for piece in of(document, "X")
        if piece["tid"] == flow["tid"] and nanoseconds(piece) <= at < nanoseconds(piece) + nanoseconds(piece, "dur")
    ]
    assert len(found) == 1
    return found[0]


def check(runs):
    """Everything that must hold of any document; return it and its arrows as (kind, pid, source, target) names."""
    document = json.loads(json.dumps(to_perfetto(runs), allow_nan=False))
    tracks: dict[int, list[tuple[int, int, int]]] = {}
    for piece in of(document, "X"):
        assert nanoseconds(piece, "dur") >= 1
        tracks.setdefault(piece["tid"], []).append((nanoseconds(piece), nanoseconds(piece, "dur"), piece["pid"]))
    for pieces in tracks.values():
        pieces.sort()
        assert all(start + dur <= after for (start, dur, _), (after, _, _) in pairwise(pieces))
        assert len({pid for _, _, pid in pieces}) == 1  # track numbers are global
    named = [event["tid"] for event in of(document, "M") if event["name"] == "thread_name"]
    assert len(named) == len(set(named))
    assert set(tracks) <= set(named)
    assert not set(named) & {event["pid"] for event in of(document, "M")}

    begins, ends = of(document, "s"), of(document, "f")
    ids = [flow["id"] for flow in begins]
    assert ids == [flow["id"] for flow in ends]
    assert len(ids) == len(set(ids))
    arrows = []
    for begin, end in zip(begins, ends, strict=True):
        assert {key: begin[key] for key in ("name", "cat", "id", "pid")} == {
            key: end[key] for key in ("name", "cat", "id", "pid")
        }
        assert end["bp"] == "e"
        assert begin["ts"] <= end["ts"]
        source, target = slice_at(document, begin), slice_at(document, end)
        consumer = target["args"].get("future") if end["name"] == "data" else None
        arrows.append((begin["name"], begin["pid"], source["args"]["future"], consumer))
    # The importer sorts by time and keeps the order of equals: the slices must come first.
    for pid in {event["pid"] for event in begins}:
        phases = [event["ph"] for event in document["traceEvents"] if event["pid"] == pid]
        assert "X" not in phases[phases.index("s") :]
    return document, arrows


def expected_arrows(runs):
    return [
        (arrow.kind, pid, f"$f{arrow.source}", f"$f{arrow.target}" if arrow.target else None)
        for pid, run in enumerate(runs, 1)
        for arrow in timeline(run).arrows
    ]


def test_the_examples():
    document, arrows = check(EXAMPLES)
    assert arrows == expected_arrows(EXAMPLES)
    assert ("data", 2, "$f1", "$f3") in arrows
    assert ("touch", 2, "$f3", None) in arrows
    names = [event["args"]["name"] for event in of(document, "M") if event["name"] == "process_name"]
    assert names == ["sync · two_lookups", "asyncfc · two_lookups", "asyncfc · trouble", "asyncfc · many"]


def test_times_are_microseconds_and_slices_say_what_happened():
    document, _ = check([async_run()])
    (sum_,) = [piece for piece in of(document, "X") if piece["name"] == "add"]
    assert (sum_["ts"], sum_["dur"]) == (3_360_000.0, 50_000.0)
    assert sum_["args"] == {
        "future": "$f3",
        "call": "add(a=$f1.items[0].population, b=$f2.items[0].population)",
        "status": "ok",
        "value": {"total": 5_800_000},
        "reads": "nothing",
        "writes": "nothing",
    }
    assert [piece["dur"] for piece in of(document, "X") if piece["name"] == "add: queued"] == [1_020_000.0]
    assert [piece["name"] for piece in of(document, "X") if piece["cat"] == "wait"] == ["wait"]


def test_a_call_without_a_value_says_why():
    document, _ = check([troubled_run()])
    named = {piece["name"]: piece["args"] for piece in of(document, "X")}
    assert named["fetch (failed)"]["error"]["message"] == "HTTP 503"
    assert named["summarise (poisoned)"]["status"] == "poisoned"
    assert named["save (timeout)"]["writes"] == "file:report"


def test_long_values_are_cut():
    run = recorder("sync")
    run.record((0.0, "issue", {"future": 1, "tool": "t", "args": {}}))
    run.record((0.0, "finish", {"future": 1, "value": "x" * 10**6}))
    document, _ = check([run.run()])
    assert len(json.dumps(document)) < 3000


@given(st.lists(random_runs(), max_size=2))
def test_every_arrow_binds_whatever_happened(runs):
    _, arrows = check(runs)
    assert arrows == expected_arrows(runs)


def test_arrows_are_drawn_even_where_nothing_was_decoded():
    run = recorder("reference", source="reference")
    run.record((0.0, "issue", {"future": 1, "tool": "t", "args": {}}))
    run.record((0.0, "finish", {"future": 1, "value": 1}))
    run.record((0.0, "touch", {"futures": [1]}))
    _, arrows = check([run.run()])
    assert arrows == [("touch", 1, "$f1", None)]


def test_no_run_and_an_empty_run_are_documents_too():
    assert to_perfetto([])["traceEvents"] == []
    check([Run(Header(run="nothing", source="walk"))])


@pytest.mark.parametrize(("name", "opened"), [("t.perfetto.json", open), ("t.perfetto.json.gz", gzip.open)])
def test_the_file_is_the_document(tmp_path, name, opened):
    write_perfetto(tmp_path / name, EXAMPLES)
    with opened(tmp_path / name, "rb") as file:
        assert json.load(file) == to_perfetto(EXAMPLES)
    first = (tmp_path / name).read_bytes()
    write_perfetto(tmp_path / name, EXAMPLES)
    assert (tmp_path / name).read_bytes() == first
