"""`asyncfc bench` at the shell, on a real HTTP server with a model that looks numbers up and tells their sum."""

import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from asyncfc_sim.cli import app
from asyncfc_sim.cli.task_options import staged
from asyncfc_sim.traces.certificates import certificate
from asyncfc_sim.traces.trace import read_trace
from tests.chat_server import ChatServer, Reply, Say, error

SECRET = "sk-a-key-that-nobody-may-see"
TOOLS = '''
    import asyncio
    from pathlib import Path
    from asyncfc_sim import tool

    LOG = Path(__file__).with_name("log.txt")

    def fresh():
        with LOG.open("a") as log:
            log.write("fresh\\n")

    @tool(reads=["population"])
    async def population(city: str) -> int:
        """How many people live in a city."""
        print("looking", city)
        await asyncio.sleep(0.03)
        return {"Berlin": 3, "Paris": 2}[city]
'''
WRITER = """
    from asyncfc_sim import tool

    @tool(writes=["note"])
    def population(city: str) -> int:
        return len(city)
"""
POLICIES = ("sync", "sync_parallel", "early_start", "asyncfc")
CALLS = [("population", '{"city": "Berlin"}'), ("population", '{"city": "Paris"}')]


def say(body: dict[str, Any]) -> Reply | Say:
    """The model: what it says depends only on what it is shown. `broken` prompts are refused."""
    messages = body["messages"]
    if any(message["role"] == "user" and "broken" in message["content"] for message in messages):
        return error(400, f"no such thing for {SECRET}")
    if messages[-1]["role"] == "user":
        return Say(calls=CALLS, delay_s=0.005, gap_s=0.002)
    latest = json.loads(messages[-1]["content"])
    if isinstance(latest, dict) and latest.get("status") == "pending":
        return Say(calls=[("await_future", '{"ids": ["$f1", "$f2"]}')], delay_s=0.005)
    return Say("The sum is 5.", delay_s=0.005)


@pytest.fixture(scope="module")
def server() -> Iterator[ChatServer]:
    with ChatServer(itertools.repeat(say)) as running:
        yield running


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    path = tmp_path / "mytools.py"
    path.write_text(dedent(TOOLS))
    return path


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    path = tmp_path / "tasks.jsonl"
    path.write_text("".join(json.dumps({"prompt": f"sum {n}", "id": f"t{n}", "expected": 5}) + "\n" for n in range(2)))
    return path


Bench = Callable[..., Result]


@pytest.fixture
def bench(server: ChatServer, tools: Path, prompts: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Run the verb on the prompts; later options go before earlier ones."""

    def run(*args: object) -> Result:
        given = ["--base-url", server.base_url, "--tools", str(tools), "--prompts", str(prompts)]
        words = ["bench", *given, *map(str, args)]
        monkeypatch.setattr(sys, "argv", ["asyncfc", *words])  # which is kept in the results
        return CliRunner().invoke(app, words)

    return run


def words(text: str) -> str:
    return " ".join(text.split())


def test_the_table_has_a_row_for_each_policy_and_says_what_it_measures(bench: Bench) -> None:
    done = bench()
    assert (done.exit_code, done.stderr) == (0, "looking Berlin\nlooking Paris\n" * 8)
    lines = done.stdout.splitlines()
    assert "scripted at http://127.0.0.1" in lines[0]
    assert "prompts: 2 x 1, one at a time" in lines[0]
    assert len(lines) <= 42
    assert max(map(len, lines[1:])) <= 100
    starts = Counter(line.split()[0] for line in lines if line.strip())
    assert all(starts[policy] == 3 for policy in POLICIES)
    said = words(done.stdout)
    assert "total e2el of sync over the policy's" in said
    assert "100 [34, 100]" in said  # right answers, with their interval
    assert "bootstrap over prompts" in said
    assert "two claims, never mixed" in said
    assert "FAILED" not in said


def test_json_is_one_document_with_the_names_of_vllm(bench: Bench, server: ChatServer, tools: Path) -> None:
    done = bench(
        *("--json", "--policy", "sync,asyncfc", "--grace", "0", "--repeats", 2, "--seed", 7, "--api-key", SECRET),
        *("--metadata", "gpu=none", "--metadata", f"note=with {SECRET}"),
        *("--goodput", "e2el:60000", "--metric-percentiles", "50,95"),
    )
    assert done.exit_code == 0
    told = json.loads(done.stdout)
    assert SECRET not in done.stdout
    assert "***" in told["argv"]
    assert told["schema"] == "asyncfc.bench/1"
    assert told["run"].startswith("bench-")
    assert (told["planned"], told["completed"], told["failed"], told["seed"]) == (8, 8, 0, 7)
    assert told["metadata"] == {"gpu": "none", "note": "with [redacted]"}
    assert told["config"]["policies"]["asyncfc"]["grace_s"] == 0
    assert told["config"]["policies"]["sync"]["grace_s"] == "inf"
    sync, asyncfc = told["policies"]
    for row in (sync, asyncfc):
        assert (row["completed"], row["failed"], row["good"], row["certified"]) == (4, 0, 4, 4)
        assert row["median_e2el_ms"] == row["p50_e2el_ms"] <= row["p95_e2el_ms"]
        assert min(row[f"mean_{metric}_ms"] for metric in ("ttft", "tpot", "e2el", "wait")) > 0
        assert row["request_throughput"] == row["request_goodput"] > 0
        assert row["correct"]["count"] == 4
    assert (sync["total_input_tokens"], sync["total_output_tokens"]) == (4 * 2 * 100, 4 * 2 * 20)
    (comparison,) = told["comparisons"]
    assert (comparison["base"], comparison["arm"], comparison["pairs"]) == ("sync", "asyncfc", 4)
    assert comparison["speedup"]["low"] <= comparison["speedup"]["ratio"] <= comparison["speedup"]["high"]
    assert comparison["extra_requests"] == 1
    assert "runs" not in told
    assert tools.with_name("log.txt").read_text() == "fresh\n" * 8
    assert server.requests[-1].headers["authorization"] == f"Bearer {SECRET}"


def test_the_accuracy_experiment_says_which_part_is_whose(bench: Bench) -> None:
    done = bench("--arms", "sync,blind,async")
    assert done.exit_code == 0
    said = words(done.stdout)
    assert "model's part, sync -> blind: the same answer in 100 [34, 100] % of 2 pairs" in said
    assert "executor's part, blind -> async: the same answer in 100 [34, 100] % of 2 pairs" in said
    assert "the same transcript in 100 [34, 100] %" in said
    assert "times as fast" in said


def test_failures_come_first_and_are_never_dropped(bench: Bench, prompts: Path, tmp_path: Path) -> None:
    with prompts.open("a") as out:
        out.write('{"prompt": "broken", "expected": 5}\n')
    result, trace = tmp_path / "result.json", tmp_path / "runs.jsonl"
    done = bench("--policy", "sync,asyncfc", "-o", result, "--trace", trace, "--api-key", SECRET)
    assert done.exit_code == 4
    first, second = done.stdout.splitlines()[:2]
    assert first == "FAILED: 2 of 6 conversations"
    assert second.startswith("  2 x ")
    assert second.endswith("(sync, asyncfc)")
    told = json.loads(result.read_text())
    assert (told["completed"], told["failed"]) == (4, 2)
    assert [(each["count"], each["policies"]) for each in told["failures"]] == [(2, ["sync", "asyncfc"])]
    assert [(run["policy"], run["correct"]) for run in told["runs"] if run["failed"]] == [
        ("sync", False),
        ("asyncfc", False),
    ]
    assert {row["correct"]["n"] for row in told["policies"]} == {3}
    assert len(read_trace(trace)) == 6
    assert SECRET not in result.read_text() + trace.read_text()
    assert bench("--policy", "sync", "--fail-on-error-rate", 0.3).exit_code == 1
    assert bench("--policy", "sync", "--fail-on-error-rate", 1 / 3).exit_code == 4


def test_no_answer_at_all_is_never_exit_code_0(bench: Bench, prompts: Path) -> None:
    prompts.write_text('{"prompt": "broken"}\n')
    done = bench("--policy", "sync,asyncfc")
    assert done.exit_code == 4
    assert done.stdout.startswith("FAILED: 2 of 2 conversations")


def test_a_server_that_is_not_there_is_exit_code_3_at_once(bench: Bench) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    began_s = time.monotonic()
    done = bench("--base-url", url, "--repeats", 50, "--json")
    assert time.monotonic() - began_s < 20
    assert done.exit_code == 3
    told = json.loads(done.stdout)
    assert (told["completed"], told["failed"], told["planned"]) == (0, 1, 400)
    assert "127.0.0.1" in told["stopped"]


def dying(after: int) -> Iterator[Callable[[dict[str, Any]], Reply | Say]]:
    """A server that answers so many requests."""
    yield from itertools.repeat(say, after)
    yield from itertools.repeat(lambda body: error(404, "the model is gone"))


def test_a_server_that_dies_in_the_middle_is_exit_code_3_with_what_there_is(bench: Bench) -> None:
    with ChatServer(dying(20)) as server:
        done = bench("--base-url", server.base_url, "--repeats", 50, "--json")
    assert done.exit_code == 3
    told = json.loads(done.stdout)
    assert told["stopped"].startswith("nothing answers any more: ")
    assert 0 < told["completed"] < told["planned"]


def test_the_trace_is_what_the_other_verbs_read(bench: Bench, tmp_path: Path) -> None:
    trace = tmp_path / "runs.jsonl.gz"
    assert bench("--trace", trace, "--json").exit_code == 0
    runs = read_trace(trace)
    assert Counter(run.header.policy for run in runs) == dict.fromkeys(POLICIES, 2)
    assert {run.header.case for run in runs} == {"t0", "t1"}
    assert len({run.header.run for run in runs}) == 8
    assert all(certificate(run).certified for run in runs)
    checked = CliRunner().invoke(app, ["check", str(trace)])
    assert checked.exit_code == 0, checked.output
    fitted = CliRunner().invoke(app, ["fit", str(trace), "--tools", str(tmp_path / "tools.toml")])
    assert fitted.exit_code == 0, fitted.output


def test_results_are_named_after_their_run_and_never_overwritten(bench: Bench, tmp_path: Path) -> None:
    some = ("--policy", "sync", "--num-prompts", 1, "--json")
    done = bench(*some, "--save-result", "--result-dir", tmp_path, "--save-detailed")
    (written,) = tmp_path.glob("bench-*.json")
    told = json.loads(written.read_text())
    assert written.stem == told["run"] == json.loads(done.stdout)["run"]
    assert told["runs"][0]["run"].startswith(told["run"])
    assert told["runs"][0]["generated_text"] == "The sum is 5."
    before = written.read_text()
    for option in (("-o", written), ("--save-result", "--result-dir", tmp_path, "--result-filename", written.name)):
        refused = bench(*some, *option)
        assert refused.exit_code == 2
        assert "is there already; --overwrite replaces it" in refused.stderr
        assert written.read_text() == before
    assert bench(*some, "-o", written, "--overwrite").exit_code == 0
    again = json.loads(written.read_text())
    assert again["run"] != told["run"]
    assert "generated_text" not in again["runs"][0]  # what was answered is kept only if asked for


def test_runs_that_share_a_world_are_warned_of(bench: Bench, tools: Path) -> None:
    tools.write_text(dedent(WRITER))
    some = ("--policy", "sync,asyncfc", "--num-prompts", 2)
    assert "there is no fresh()" in bench(*some).stderr
    done = bench(*some, "--max-concurrency", 2)
    assert "they share one world" in done.stderr
    assert "at once: 2" in done.stdout
    said = words(done.stdout)
    assert "warning: conversations run at once" in said
    assert "answered" in said
    assert "balanced only after --repeats 2" in said
    assert json.loads(bench(*some, "--request-rate", 100, "--json").stdout)["config"]["request_rate"] == 100


def test_a_world_that_cannot_be_made_fresh_is_said_and_nothing_is_written(
    bench: Bench, tools: Path, tmp_path: Path
) -> None:
    tools.write_text(dedent(WRITER) + "\ndef fresh():\n    raise OSError('no disk')\n")
    done = bench("-o", tmp_path / "result.json")
    assert done.exit_code == 2
    assert done.stderr == f"Error: {tools}: fresh: OSError: no disk\n"
    assert not (tmp_path / "result.json").exists()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--policy", "sync,interrupt"), "--policy: 'interrupt': expected one or more of sync"),
        (("--policy", "sync", "--arms", "sync,blind"), "--policy and --arms: expected one of them"),
        (("--grace", "inf", "--arms", "sync,blind"), "--grace and --arms: expected one of them"),
        (("--delivery", "rewrite", "--arms", "sync,blind"), "--delivery and --arms: expected one of them"),
        (("-o", "x.jsonl", "--trace", "./x.jsonl"), "--trace x.jsonl: expected a file of its own"),
        (("--tasks", "office"), "expected no --prompts and no --tools beside it"),
        (("--policy", ""), "--policy: nothing: expected one or more of"),
        (("--arms", "sync,asyncfc"), "--arms: 'asyncfc': expected one or more of sync, blind, async"),
        (("--num-prompts", "9"), "2 prompts, not 9"),
        (("--goodput", "e2el"), "--goodput 'e2el': expected METRIC:MILLISECONDS"),
        (("--goodput", "itl:5"), "--goodput: 'itl': expected one or more of ttft"),
        (("--goodput", "e2el:soon"), "--goodput 'soon': expected a number"),
        (("--metric-percentiles", "50,101"), "--metric-percentiles '101': expected numbers between 0 and 100"),
        (("--percentile-metrics", "itl"), "--percentile-metrics: 'itl'"),
        (("--metadata", "gpu"), "--metadata 'gpu': expected KEY=VALUE"),
        (("--request-rate", "0"), "request rate 0, burstiness 1: expected numbers above zero"),
        (("--approve", "ask"), "nobody is asked while time is measured"),
        (("--result-dir", "."), "--result-dir and --result-filename go with --save-result"),
        (("--trace", "runs.perfetto.json"), "expected a name ending in .jsonl"),
        (("-o", "no/such/folder/x.json"), "there is no folder no/such/folder"),
        (("--grace", "soon"), "--grace 'soon'"),
    ],
)
def test_bad_input_is_found_before_the_first_run(
    bench: Bench, server: ChatServer, options: tuple[str, ...], complaint: str
) -> None:
    before = len(server.requests)
    done = bench(*options)
    assert done.exit_code == 2
    assert complaint in done.stderr
    assert len(server.requests) == before


def test_prompts_are_asked_for_and_must_be_there(server: ChatServer, tmp_path: Path) -> None:
    asked = CliRunner().invoke(app, ["bench", "--base-url", server.base_url])
    assert (asked.exit_code, "expected --prompts FILE" in asked.stderr) == (2, True)
    missing = CliRunner().invoke(
        app, ["bench", "--base-url", server.base_url, "--dataset-path", str(tmp_path / "none.txt")]
    )
    assert (missing.exit_code, "none.txt" in missing.stderr) == (3, True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_keeps_what_was_measured(
    server: ChatServer, tools: Path, prompts: Path, tmp_path: Path, number: signal.Signals
) -> None:
    result, trace = tmp_path / "result.json", tmp_path / "runs.jsonl"
    before = len(server.requests)
    command = [
        *(sys.executable, "-m", "asyncfc_sim", "bench", "--base-url", server.base_url, "--tools", tools),
        *("--prompts", prompts, "--repeats", 200, "-o", result, "--trace", trace),
    ]
    process = subprocess.Popen(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**os.environ}
    )
    try:
        deadline_s = time.monotonic() + 20
        while len(server.requests) < before + 6 and time.monotonic() < deadline_s:
            time.sleep(0.02)
        process.send_signal(number)
        said, _ = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 130
    told = json.loads(result.read_text())
    assert told["interrupted"]
    assert 2 <= told["completed"] == len(told["runs"]) < told["planned"] == 1600
    assert told["failed"] == 0
    assert said.startswith(f"INTERRUPTED: {told['completed']} of 1600 conversations are over")
    assert len(read_trace(trace)) == told["completed"]


def test_a_set_of_tasks_that_there_is_not_is_told() -> None:
    done = CliRunner().invoke(app, ["bench", "--tasks", "ofice", "--base-url", "http://127.0.0.1:1"])
    assert (done.exit_code, "there is no set of tasks 'ofice'; there are: office" in done.stderr) == (2, True)


def test_a_set_that_has_fewer_tasks_than_were_asked_for_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    stages = staged("repos", None, (), 11, 0)
    assert stages is not None
    assert len(stages.assignments) == 10
    assert capsys.readouterr().err == "note: repos has 10 tasks, not 11\n"
    assert staged("repos", None, (), None, 0) is not None
    assert capsys.readouterr().err == ""
