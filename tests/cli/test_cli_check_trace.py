"""`asyncfc check RUN.jsonl`: certified or not, what that rests on, and where a broken trace is broken."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from asyncfc_sim.cli import app
from asyncfc_sim.core.footprint import parse_pattern
from asyncfc_sim.traces.trace import Header, Recorder, Run, write_trace
from tests.trace_examples import async_run, finish, issue, recorder, start, sync_run, troubled_run

WRITES_D = {"reads": (), "writes": (parse_pattern("file:/d"),)}
READS_D = {"reads": (parse_pattern("file:/d"),), "writes": ()}


def check(*args):
    return CliRunner().invoke(app, ["check", *map(str, args)])


def racy(*, logged: bool = False) -> Run:
    """$f2 reads what $f1 still writes; with a log, it is seen to have read too early."""
    run = recorder("asyncfc", case="racy")
    issue(run, 0.5, 1, "save", {}, 1)
    issue(run, 0.5, 2, "load", {}, 1)
    start(run, 0.5, 1, "save", {}, WRITES_D)
    start(run, 0.5, 2, "load", {}, READS_D)
    if logged:
        run.record((0.6, "access", {"future": 2, "mode": "r", "key": "file:/d"}))
        run.record((0.7, "access", {"future": 1, "mode": "w", "key": "file:/d"}))
    finish(run, 1.0, 2, "")
    finish(run, 2.0, 1, "ok")
    run.record((2.0, "answer", {}))
    return run.run()


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    return tmp_path / "runs.jsonl"


def test_runs_that_are_certified(trace: Path):
    write_trace(trace, [sync_run(), async_run()])
    done = check(trace, "--require-certified")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.splitlines()[:5] == [
        f"{trace}: 2 of 2 runs certified",
        "",
        "certified: equal to running the same calls one by one, in issue order",
        "  two_lookups/sync: 3 calls, by declared footprints",
        "  two_lookups/asyncfc: 3 calls, by declared footprints",
    ]
    assert "sound footprints: no call went beyond" in done.stdout
    assert "complete log" not in done.stdout
    assert "not certified" not in done.stdout


def test_one_that_is_not_stands_first_and_is_not_called_wrong(trace: Path):
    write_trace(trace, [sync_run(), racy()])
    done = check(trace)
    assert done.exit_code == 0
    assert done.stdout.splitlines()[:5] == [
        f"{trace}: 1 of 2 runs certified",
        "",
        "not certified, which is not wrong: such a run may have come to the same end all the same",
        "  racy/asyncfc: 2 calls, by declared footprints",
        "    $f2 may have read file:d before $f1, which ended at 31 only, wrote file:d, but $f1 was issued first",
    ]
    lines = trace.read_text(encoding="utf-8").splitlines()
    assert json.loads(lines[31 - 1]) == {"t": 2.0, "rule": "finish", "future": 1, "value": "ok"}
    assert check(trace, "--require-certified").exit_code == 1


def test_a_log_of_accesses_is_what_counts(trace: Path):
    write_trace(trace, [racy(logged=True)])
    done = check(trace)
    assert "racy/asyncfc: 2 calls, by a log of 2 accesses" in done.stdout
    assert "$f2 read file:d (at 6) before $f1 wrote file:d (at 7), but $f1 was issued first" in done.stdout
    assert "(at N: line N of the file)" in done.stdout
    run = racy(logged=True)
    first, second = (at for at, event in enumerate(run.events) if event.rule == "access")
    swapped = list(run.events)
    swapped[first], swapped[second] = (run.events[at]._replace(t=0.6) for at in (second, first))
    write_trace(trace, [replace(run, events=tuple(swapped))])
    done = check(trace, "--require-certified")
    assert done.exit_code == 0
    assert "complete log: every access of every call is in the log" in done.stdout


def test_a_run_that_has_not_ended_is_not_certified(trace: Path):
    write_trace(trace, [troubled_run()])
    done = check(trace, "--require-certified")
    assert done.exit_code == 1
    assert "3 calls, by declared footprints; $f3, $f4 given up, as they are in order" in done.stdout
    assert "the trace ends before $f5 did" in done.stdout


def test_a_run_without_calls_is_certified_and_said_to_be_empty(trace: Path):
    write_trace(trace, [Recorder(Header(run="empty", source="live")).run()])
    done = check(trace, "--require-certified")
    assert done.exit_code == 0
    assert "1 of 1 run certified" in done.stdout
    assert "  empty: no call ran, so none could be out of order" in done.stdout


def test_of_many_runs_some_are_shown_and_all_are_counted(tmp_path: Path):
    def named(run: Run, name: str) -> Run:
        return replace(run, header=replace(run.header, run=name))

    path = tmp_path / "many.jsonl.gz"
    runs = [named(racy() if number % 2 else sync_run(), f"run {number}") for number in range(200)]
    write_trace(path, runs)
    done = check(path)
    lines = done.stdout.splitlines()
    assert lines[0] == f"{path}: 100 of 200 runs certified"
    assert lines.index("  run 1: 2 calls, by declared footprints") < lines.index(
        "  run 0: 3 calls, by declared footprints"
    )
    assert "  and 80 more (--json lists them)" in lines
    assert "  and 90 more (--json lists them)" in lines


def test_json_has_every_run(trace: Path, tmp_path: Path):
    write_trace(trace, [racy(logged=True), troubled_run(), sync_run()])
    out = tmp_path / "out.json"
    done = check(trace, "--json", "-o", out)
    assert done.exit_code == 0
    document: dict[str, Any] = json.loads(done.stdout)
    assert document["schema"] == "asyncfc.certificates/1"
    assert document["config"] == {"file": str(trace), "require_certified": False}
    assert document["summary"] == {"runs": 3, "certified": 1, "not_certified": 2}
    first, second, third = document["runs"]
    assert first["out_of_order"] == [
        {"future": 2, "mode": "r", "key": "file:d"},
        {"future": 1, "mode": "w", "key": "file:d"},
    ]
    assert (first["certified"], first["assumes"], first["accesses"]) == (False, [], 2)
    assert (second["incomparable"], second["given_up"]) == ([5], [3, 4])
    assert third["certified"]
    assert third["assumes"] == ["sound footprints", "deterministic tools", "closed world", "bound arguments"]
    assert json.loads(out.read_text(encoding="utf-8")) == document


HEADER = '{"schema": "asyncfc.trace/1", "run": "r", "source": "live", "clock": "wall"}\n'


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", ": no run in it; expected a header"),
        ("{}\n", ":1: expected a header"),
        (HEADER + "\n{broken", ":3: broken JSON"),
        (HEADER + '\n{"t": 0, "rule": "end", "future": 1}\n', ":3: run 'r': end: $f1 was never issued"),
        (
            HEADER + '{"t": 0, "rule": "access", "future": 1, "mode": "r", "key": "a/*/b"}\n',
            ":2: access: key is 'a/*/b'; expected a key pattern",
        ),
    ],
)
def test_a_broken_trace_is_named_with_its_line(trace: Path, text: str, fault: str):
    trace.write_text(text, encoding="utf-8")
    done = check(trace)
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"Error: {trace}{fault}" in done.stderr


def test_a_file_that_is_not_there(trace: Path):
    done = check(trace)
    assert done.exit_code == 3
    assert str(trace) in done.stderr


def test_in_a_journal_places_are_events(tmp_path: Path):
    from asyncfc_sim.traces.journal_writer import JournalWriter

    writer = JournalWriter(tmp_path / "racy.journal")
    run = racy()
    writer.begin(run.header, {})
    for event in run.events:
        writer.event(*event)
    writer.close()
    shown = check(tmp_path / "racy.journal").output
    assert "0 of 1 run certified" in shown
    assert "(at N: event N of its run)" in shown
