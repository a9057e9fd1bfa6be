"""`asyncfc trace view|convert|stats` on recorded sessions: every format goes the same way through all three."""

import gzip
import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from asyncfc_sim.cli import app
from asyncfc_sim.traces.importers.formats import read_sessions
from asyncfc_sim.traces.sessions import RecordedStep, RecordedTurn, session_line
from asyncfc_sim.traces.trace import write_trace
from tests.session_examples import two_lookups
from tests.trace_examples import async_run, sync_run


def trace(*args, **options):
    return CliRunner().invoke(app, ["trace", *map(str, args)], **options)


def words(text):
    return " ".join(text.split())


@pytest.fixture
def lookups(tmp_path):
    path = tmp_path / "lookups.jsonl"
    path.write_text(session_line(two_lookups()) + "\n")
    return path


@pytest.fixture
def broken(lookups):
    """Between two good sessions, a line that is cut off and one with a time below zero."""
    good = lookups.read_text()
    negative = good.replace('"llm_s": 2.0', '"llm_s": -2.0')
    assert negative != good
    lookups.write_text(good + good[:50] + "\n" + negative + good)
    return lookups


@pytest.fixture
def many(tmp_path):
    """Five sessions; the second has a message without a time."""
    lacking = RecordedTurn(steps=(RecordedStep(out_tokens=3),))
    path = tmp_path / "many.jsonl.gz"
    with gzip.open(path, "wt") as out:
        for number in range(1, 6):
            session = replace(two_lookups(), session=f"s{number}")
            print(session_line(replace(session, turns=(lacking,)) if number == 2 else session), file=out)
    return path


# ------------------------------------------------------------------------------------------------ view


def test_a_session_is_drawn_as_a_timeline(lookups):
    done = trace("view", lookups)
    assert (done.exit_code, done.stderr) == (0, "")
    assert "recorded by by hand" in done.stdout
    assert "measured on the wall clock" not in done.stdout  # the layout was not measured
    assert 'f2 search(query="Paris")' in done.stdout
    as_data = json.loads(trace("view", lookups, "--json").stdout)
    assert as_data["formats"] == {str(lookups): "workload"}
    assert as_data["timelines"][0]["makespan_s"] == 41


def test_of_many_sessions_the_first_that_have_all_times_are_drawn(many):
    done = trace("view", many, "--json")
    assert json.loads(done.stdout)["config"]["runs"] == ["s1", "s3", "s4"]
    assert "holds 5 sessions: shown are the first 3" in done.stderr
    assert json.loads(trace("view", many, "--session", "s5", "--json").stdout)["config"]["runs"] == ["s5"]
    assert json.loads(trace("view", many, "--session", "4", "--json").stdout)["config"]["runs"] == ["s4"]


def test_a_session_without_times_that_is_asked_for_is_2(many):
    done = trace("view", many, "--session", "s2")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "session 's2', turn 1, step 1: llm_s is not recorded" in done.stderr
    two = many.parent / "two.jsonl"
    two.write_bytes(gzip.decompress(many.read_bytes()).splitlines(keepends=True)[1] * 2)
    assert "none of the 2 sessions can be drawn; the first: session 's2'" in trace("view", two).stderr
    done = trace("view", many, "--session", "zz")
    assert done.exit_code == 2
    assert "no session 'zz' among the 5" in words(done.stderr)


def test_sessions_come_from_standard_input_and_from_folders(lookups, tmp_path):
    assert trace("view", "-", input=lookups.read_bytes()).stdout == trace("view", lookups).stdout
    assert json.loads(trace("stats", tmp_path, "--json").stdout)["statistics"]["sessions"] == 1


# ------------------------------------------------------------------------------------------------ broken lines


@pytest.mark.parametrize("verb", ["view", "stats", "convert"])
def test_a_broken_line_ends_it_or_is_told_of(broken, tmp_path, verb):
    out = tmp_path / "out.jsonl"
    options = [verb, broken, *(["-o", out] if verb == "convert" else [])]
    done = trace(*options)
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"{broken}:2: broken JSON" in done.stderr
    assert not out.exists()
    done = trace(*options, "--on-broken", "skip")
    assert done.exit_code == 4
    assert f"skipped: {broken}:2: broken JSON" in done.stderr
    assert f"skipped: {broken}:3: session 'lookups': turn 1, step 1: llm_s is -2.0" in done.stderr
    document = json.loads(trace(*options, "--on-broken", "skip", "--json").stdout)
    assert len(document["skipped"]) == 2


def test_many_faults_are_counted(broken):
    broken.write_text(broken.read_text() + "{\n" * 10)
    done = trace("stats", broken, "--on-broken", "skip")
    assert done.stderr.count("skipped: ") == 6
    assert "skipped: 7 more" in done.stderr


# ------------------------------------------------------------------------------------------------ convert


@pytest.mark.parametrize(
    ("name", "form"),
    [("o.jsonl", "workload"), ("o.jsonl.gz", "workload"), ("o.otlp.jsonl", "otlp"), ("o.perfetto.json", "perfetto")],
)
def test_the_suffix_says_the_format(lookups, tmp_path, name, form):
    out = tmp_path / name
    done = trace("convert", lookups, "-o", out)
    assert done.exit_code == 0
    assert done.stdout == f"{out}: 1 session as {form}\n"
    if form == "perfetto":
        assert json.loads(out.read_text())["traceEvents"]
    else:
        (session,) = read_sessions(str(out), format=form).sessions
        assert [call.tool for call in session.calls()] == ["search", "search", "add"]


def test_a_workload_converted_to_itself_is_the_same(lookups, tmp_path):
    trace("convert", lookups, "-o", tmp_path / "again.jsonl")
    assert (tmp_path / "again.jsonl").read_text() == lookups.read_text()
    assert trace("convert", lookups, "-o", "-", "--to", "workload").stdout == lookups.read_text()


def test_what_a_format_cannot_hold_is_said(lookups, tmp_path):
    done = trace("convert", lookups, "-o", tmp_path / "out.jsonl", "--to", "llmservingsim")
    assert done.exit_code == 0
    assert "not in llmservingsim: steps of several calls, whose times were added up: 1" in done.stderr
    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    assert [len(json.loads(line)["sub_requests"]) for line in lines] == [4]


def test_runs_of_our_own_become_timelines_and_spans_as_they_happened(tmp_path):
    runs = tmp_path / "runs.jsonl"
    write_trace(runs, [sync_run(), async_run()])
    for name in ("out.perfetto.json", "out.otlp.jsonl.gz"):
        done = trace("convert", runs, "-o", tmp_path / name)
        assert (done.exit_code, done.stderr) == (0, "")
        assert "2 runs as" in done.stdout
    viewed = tmp_path / "viewed.perfetto.json"
    trace("view", runs, "--perfetto", viewed)
    assert viewed.read_bytes() == (tmp_path / "out.perfetto.json").read_bytes()


def test_runs_of_our_own_are_sessions_too(tmp_path):
    runs = tmp_path / "runs.jsonl"
    write_trace(runs, [sync_run(), async_run()])
    assert json.loads(trace("stats", runs, "--json").stdout)["statistics"]["sessions"] == 2
    assert trace("convert", runs, "-o", tmp_path / "sessions.jsonl").exit_code == 0
    assert trace("view", tmp_path / "sessions.jsonl").exit_code == 0


def test_an_output_that_says_no_format_is_wrong_usage(lookups, tmp_path):
    done = trace("convert", lookups, "-o", tmp_path / "out.txt")
    assert done.exit_code == 2
    assert "does not say in which format" in words(done.stderr)
    done = trace("convert", lookups, "-o", "-", "--to", "workload", "--json")
    assert (done.exit_code, done.stdout) == (2, "")


# ------------------------------------------------------------------------------------------------ stats


def test_stats_are_tables_and_the_same_as_data(lookups):
    done = trace("stats", lookups)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith("1 session, 2 turns, 4 steps, 3 calls\n")
    assert "R of Eq. 1, messages wait for all earlier calls" in done.stdout
    found = json.loads(trace("stats", lookups, "--json").stdout)
    assert found["schema"] == "asyncfc.session_statistics/1"
    assert found["statistics"]["overlap"]["bound_flow"]["p50"] == pytest.approx(14 / 6)


def test_a_file_without_calls_has_nothing_to_overlap(tmp_path):
    path = tmp_path / "requests.csv"
    path.write_text("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03.9799600,4808,10\n")
    done = trace("stats", path, "--format", "azure")
    assert done.exit_code == 0
    assert "no calls: nothing can overlap with decoding" in words(done.stdout)
    assert "what futures could hide" not in done.stdout


def test_an_unknown_format_is_answered_with_those_there_are(lookups):
    done = trace("stats", lookups, "--format", "weeka")
    assert done.exit_code == 2
    assert "there is no trace format 'weeka'; there are: workload, trace" in done.stderr
