"""`asyncfc trace view`: which runs are shown, as bars, as data, and for Perfetto."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from asyncfc_sim.cli import app
from asyncfc_sim.traces.trace import Run, write_trace
from tests.trace_examples import async_run, long_run, sync_run, troubled_run


def view(*args, **options):
    return CliRunner().invoke(app, ["trace", "view", *map(str, args)], **options)


def named(run: Run, case: str, policy: str, **inputs) -> Run:
    name = "/".join([case, policy, *inputs.values()])
    header = replace(run.header, run=name, case=case, policy=policy, inputs={**run.header.inputs, **inputs})
    return replace(run, header=header)


@pytest.fixture
def pair(tmp_path):
    """A file with the asynchronous run first."""
    path = tmp_path / "pair.jsonl"
    write_trace(path, [async_run(), sync_run()])
    return path


@pytest.fixture
def many(tmp_path):
    """Four hundred runs: a hundred cases, two policies, two ways to group calls into messages."""
    path = tmp_path / "many.jsonl.gz"
    runs = [
        named(run, f"case_{number}", policy, messages=messages)
        for number in range(100)
        for messages in ("call", "turn")
        for policy, run in (("asyncfc grace=0", async_run()), ("sync", sync_run()))
    ]
    write_trace(path, runs)
    return path


def test_sync_stands_above_async_on_one_scale(pair):
    done = view(pair, "--width", 90)
    assert (done.exit_code, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 90
    starts = [line.split()[0] for line in lines if line and not line.startswith(" ")]
    assert starts == ["two_lookups,", "sync", "asyncfc"]
    assert "speed-up 1.65x" in done.stdout
    assert done.stdout.count("prefill") == 1  # one legend


def test_calls_beyond_the_limit_are_counted(tmp_path):
    write_trace(tmp_path / "long.jsonl", [long_run(40)])
    done = view(tmp_path / "long.jsonl", "--max-calls", 3)
    assert "and 37 more calls (f4 to f40)" in done.stdout
    assert "f4 lookup" not in done.stdout


def test_runs_of_several_cases_are_shown_if_they_are_few(tmp_path):
    path = tmp_path / "few.jsonl"
    write_trace(path, [async_run(), troubled_run(), sync_run()])
    done = view(path)
    assert done.stderr == ""
    order = [done.stdout.index(text) for text in ("two_lookups", "\nsync ", "\nasyncfc ", "trouble")]
    assert order == sorted(order)


def test_of_many_runs_those_that_can_be_compared_are_shown(many):
    done = view(many)
    assert done.exit_code == 0
    assert done.stderr.startswith(f"{many} holds 400 runs of 100 cases: shown are 2 of case_0.\nOthers, by --run ")
    assert "case_0/asyncfc grace=0/turn, case_0/sync/turn, case_1/asyncfc grace=0/call" in done.stderr
    assert "and 393 more" in done.stderr
    assert "case_0" in done.stdout
    assert "messages call" in done.stdout
    assert "messages turn" not in done.stdout
    assert "case_1" not in done.stdout


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        (["case_7/sync/turn"], ["case_7/sync/turn"]),
        (["1"], ["case_0/asyncfc grace=0/call"]),
        (["400", "2"], ["case_0/sync/call", "case_99/sync/turn"]),
        (
            ["case_7"],
            ["case_7/sync/call", "case_7/sync/turn", "case_7/asyncfc grace=0/call", "case_7/asyncfc grace=0/turn"],
        ),
        (["case_1?/asyncfc*/call"], [f"case_{number}/asyncfc grace=0/call" for number in range(10, 20)]),
    ],
)
def test_runs_are_chosen_by_name_number_case_or_pattern(many, wanted, shown):
    done = view(many, *(part for text in wanted for part in ("--run", text)), "--json")
    assert (done.exit_code, done.stderr) == (0, "")
    assert json.loads(done.stdout)["config"]["runs"] == shown


@pytest.mark.parametrize(
    ("wanted", "hint"),
    [
        ("case_7/sink/turn", "did you mean case_7/sync/turn"),
        ("401", "among the 400 of this file"),
        ("0", "among the 400 of this file"),
        ("zzz", "it holds case_0/asyncfc grace=0/call, case_0/sync/call"),
    ],
)
def test_a_run_that_is_not_there_is_2_with_a_hint(many, wanted, hint):
    done = view(many, "--run", wanted)
    assert (done.exit_code, done.stdout) == (2, "")
    assert hint in " ".join(done.stderr.split())


def test_json_is_one_document_with_the_timelines(pair):
    done = view(pair, "--json")
    assert (done.exit_code, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert (found["schema"], found["seed"], found["runs_in_file"]) == ("asyncfc.timelines/1", 7, 2)
    assert found["config"] == {"file": str(pair), "runs": ["two_lookups/sync", "two_lookups/asyncfc"]}
    sync, asyncfc = found["timelines"]
    assert (sync["makespan_s"], asyncfc["makespan_s"]) == (7.09, 4.31)
    assert asyncfc["calls"][0]["text"] == 'search(query="population of Berlin")'
    assert asyncfc["arrows"][0]["kind"] == "data"
    assert asyncfc["split"]["tool_tool_s"] > 0


def test_a_trace_can_come_from_standard_input(pair):
    assert view("-", input=pair.read_bytes()).stdout == view(pair).stdout
    done = view("-", input=b"{}\n")
    assert done.exit_code == 2
    assert done.stderr.startswith("Error: <stdin>: not a trace of a known format; known are: workload, trace")


def test_perfetto_is_written_beside_what_is_shown(pair, tmp_path):
    out = tmp_path / "out.perfetto.json"
    done = view(pair, "--perfetto", out)
    assert done.stdout == view(pair).stdout
    names = [
        event["args"]["name"] for event in json.loads(out.read_text())["traceEvents"] if "process_name" in event["name"]
    ]
    assert names == ["sync · two_lookups", "asyncfc · two_lookups"]
    assert view(pair, "--perfetto", tmp_path / "none" / "out.json").exit_code == 3


def test_a_file_that_is_none_is_told(tmp_path):
    done = view(tmp_path / "none.jsonl")
    assert (done.exit_code, done.stderr) == (3, f"Error: {tmp_path / 'none.jsonl'}: No such file or directory\n")
    (tmp_path / "text.jsonl").write_text("hello\n")
    done = view(tmp_path / "text.jsonl")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"Error: {tmp_path / 'text.jsonl'}: not a trace of a known format")
    done = view(tmp_path / "text.jsonl", "--format", "trace")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"Error: {tmp_path / 'text.jsonl'}:1: broken JSON")
