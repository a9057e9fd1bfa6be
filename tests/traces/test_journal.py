"""The journal: what is given is what is read, also by others while it is written; every fault is named."""

import os
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from asyncfc_sim.core.references import Ref
from asyncfc_sim.traces.journal import APPLICATION, VERSION, is_journal, read_journal
from asyncfc_sim.traces.journal_writer import JournalError, JournalWriter
from asyncfc_sim.traces.trace import Event, Header, Run, TraceError, read_trace, write_trace
from tests.trace_examples import async_run, sync_run, troubled_run

HEADER = Header(run="r", source="live", clock="wall", inputs={"model": "m"})
# Writes one event and waits for its commit, then writes one more and dies without a word.
KILLED = """
import os, signal, sys
from asyncfc_sim.traces.journal_writer import JournalWriter
from asyncfc_sim.traces.trace import Header
writer = JournalWriter(sys.argv[1])
writer.begin(Header(run="r", source="live", clock="wall"), {})
writer.event(0.0, "user", {"turn": 1})
writer.input(0.0, "user", {"text": "go"})
writer.committed().result()
print("committed", flush=True)
if sys.argv[2] == "wait":
    sys.stdin.read()
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.journal"


def written(path: Path, *runs: Run) -> None:
    writer = JournalWriter(path)
    for run in runs:
        writer.begin(run.header, {})
        for event in run.events:
            writer.event(*event)
    writer.close()


def test_it_is_the_trace(path: Path):
    runs = [sync_run(), async_run(), troubled_run()]
    # As they come from a file, arguments are text already; a Recorder is given what the core hands out.
    plain = [Run(run.header, tuple(event for event in run.events if event.rule != "issue")) for run in runs]
    written(path, *plain)
    assert read_trace(path) == plain


def test_references_are_encoded_as_in_a_trace(path: Path):
    written(path, Run(HEADER, (Event(0.0, "issue", {"future": 2, "tool": "t", "args": {"x": Ref(1)}, "message": 1}),)))
    ((event,),) = [run.events for run in read_trace(path)]
    assert event.fields["args"] == {"x": "$f1"}


def test_events_and_inputs_are_counted_together(path: Path):
    writer = JournalWriter(path)
    writer.begin(HEADER, {"prompts": ["go"]})
    writer.input(0.0, "user", {"text": "go"})
    writer.event(0.5, "user", {"turn": 1})
    writer.input(1.0, "end", {"future": 1})
    writer.close()
    (run,) = read_journal(path)
    assert [entry.seq for entry in run.inputs] == [1, 3]
    assert [entry.seq for entry in run.events] == [2]
    assert run.plan == {"prompts": ["go"]}
    again = JournalWriter(path)
    again.go_on(again.runs()[0])
    again.event(2.0, "user", {"turn": 2})
    again.close()
    assert [entry.seq for entry in read_journal(path)[0].events] == [2, 4]


def test_committed_waits_for_all_that_was_given_and_many_can_wait(path: Path):
    writer = JournalWriter(path)
    writer.begin(HEADER, {})
    waiting = []
    for number in range(500):
        writer.event(float(number), "user", {"turn": number})
        waiting += [writer.committed(), writer.committed()]
        if number % 100 == 0:
            waiting[-1].result(timeout=5)
            assert len(read_trace(path)[0].events) == number + 1  # another connection sees it
    for future in waiting:
        future.result(timeout=5)
    assert len(read_trace(path)[0].events) == 500
    writer.close()


def test_closed_it_is_one_file_that_needs_no_place_to_write(path: Path):
    written(path, sync_run())
    assert [file.name for file in path.parent.iterdir()] == ["run.journal"]
    path.parent.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        assert len(read_trace(path)) == 1
    finally:
        path.parent.chmod(stat.S_IRWXU)


def test_after_a_kill_what_was_committed_is_there(path: Path):
    run = subprocess.run([sys.executable, "-c", KILLED, str(path), "now"], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (-9, "committed\n"), run.stderr
    assert [event.rule for event in read_trace(path)[0].events] == ["user"]
    writer = JournalWriter(path)  # the lock died with its holder
    assert writer.runs() == read_journal(path)
    writer.close()


def test_a_second_process_may_read_and_not_write(path: Path):
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path), "wait"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "committed\n"
        assert len(read_trace(path)[0].events) == 1
        began_s = time.monotonic()
        with pytest.raises(JournalError, match="another process is writing this journal"):
            JournalWriter(path)
        assert time.monotonic() - began_s < 5
        other.communicate("")


def test_secrets_are_not_written(path: Path):
    writer = JournalWriter(path, secrets=["sk-0123456789"])
    writer.begin(
        Header(run="r", source="live", inputs={"endpoint": "http://sk-0123456789@host"}), {"x": "sk-0123456789"}
    )
    writer.event(0.0, "finish", {"future": 1, "value": ["sk-0123456789"]})
    writer.input(0.0, "user", {"text": "use sk-0123456789, please"})
    writer.committed().result()
    data = b"".join(file.read_bytes() for file in path.parent.iterdir())
    assert b"0123456789" not in data
    assert b"use [redacted], please" in data
    writer.close()


# ---------------------------------------------------------------------------------------------- what can go wrong


def full(writer: JournalWriter) -> None:
    """As on a full disk: the file cannot grow."""
    pages = writer._database.execute("PRAGMA page_count").fetchone()[0]
    writer._database.execute(f"PRAGMA max_page_count = {pages}")


def read_only(writer: JournalWriter) -> None:
    writer._database.execute("PRAGMA query_only = ON")


@pytest.mark.parametrize(("broken", "why"), [(full, "full"), (read_only, "readonly")])
def test_whoever_waits_is_told_that_it_cannot_be_written(path: Path, broken, why: str):
    writer = JournalWriter(path)
    writer.begin(HEADER, {})
    writer.event(0.0, "user", {"turn": 1})
    writer.committed().result()
    broken(writer)
    writer.event(1.0, "message", {"turn": 1, "text": "x" * 100_000})
    with pytest.raises(JournalError, match=why) as refused:
        writer.committed().result()
    assert refused.value.filename == str(path)
    writer.event(2.0, "user", {"turn": 2})  # nothing of what comes later is written: no hole in the middle
    with pytest.raises(JournalError):
        writer.committed().result()
    with pytest.raises(JournalError):
        writer.close()
    assert [event.t for event in read_trace(path)[0].events] == [0.0]


def test_what_is_not_json_is_a_fault_of_whoever_gave_it(path: Path):
    writer = JournalWriter(path)
    writer.begin(HEADER, {})
    writer.event(0.0, "finish", {"future": 1, "value": object()})
    with pytest.raises(TraceError, match=r"finish: value: .* is not JSON"):
        writer.committed().result()


def test_a_folder_that_is_not_there(tmp_path: Path):
    with pytest.raises(JournalError, match="cannot be opened"):
        JournalWriter(tmp_path / "no" / "run.journal")


@pytest.mark.parametrize(
    ("version", "application", "why"),
    [(VERSION + 1, APPLICATION, "version 2; this version reads version 1"), (1, 7, "not a journal of runs")],
)
def test_other_versions_and_other_databases_are_refused(path: Path, version: int, application: int, why: str):
    written(path, sync_run())
    database = sqlite3.connect(path)
    database.execute(f"PRAGMA user_version = {version}")
    database.execute(f"PRAGMA application_id = {application}")
    database.close()
    before = path.read_bytes()
    with pytest.raises(TraceError, match=why):
        read_trace(path)
    with pytest.raises(TraceError, match=why):
        JournalWriter(path)
    assert path.read_bytes() == before


def test_a_text_file_is_not_written_over(tmp_path: Path):
    path = tmp_path / "notes.txt"
    path.write_text("important notes " * 100)
    with pytest.raises(TraceError, match="not a journal"):
        JournalWriter(path)
    assert path.read_text() == "important notes " * 100
    assert not is_journal(path)


@pytest.mark.parametrize("kept", [20, 100, 5000, 9000])
def test_a_truncated_file_is_a_broken_journal(path: Path, kept: int):
    written(path, *[async_run()] * 40)
    size = path.stat().st_size
    assert size > 2 * kept
    os.truncate(path, kept)
    with pytest.raises(TraceError, match=r"run\.journal: (a broken journal|no run)"):
        read_trace(path)


def test_an_event_that_is_none_is_named(path: Path):
    written(path, Run(HEADER, (Event(0.0, "user", {"turn": 1}), Event(1.0, "guess", {}))))
    with pytest.raises(TraceError, match="run 'r', event 2: unknown rule 'guess'"):
        read_trace(path)


def test_a_trace_comes_through_a_pipe_as_before(tmp_path: Path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    run = sync_run()
    writing = threading.Thread(target=write_trace, args=(pipe, [run]))
    writing.start()
    assert read_trace(pipe) == [run]
    writing.join()


def test_what_is_read_is_of_one_moment(path: Path):
    writer = JournalWriter(path)
    writer.begin(HEADER, {})
    for number in range(200):
        writer.input(float(number), "user", {"text": "go"})
        writer.event(float(number), "user", {"turn": number})
        if number % 20 == 0:
            (run,) = read_journal(path)
            rows = sorted(entry.seq for entry in (*run.inputs, *run.events))
            assert rows == list(range(1, len(rows) + 1))
    writer.close()


def test_a_run_that_never_began(path: Path):
    JournalWriter(path).close()
    with pytest.raises(TraceError, match="no run in this journal"):
        read_trace(path)
