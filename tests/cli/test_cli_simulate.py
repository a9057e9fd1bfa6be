"""`asyncfc simulate` and `asyncfc demo`, as a person or a program calls them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from asyncfc_sim.traces.trace import read_trace

pytest.importorskip("bfcl_eval", reason="bfcl-eval is not installed (pip install --no-deps bfcl-eval)")

ROOT = Path(__file__).parents[2]


def _asyncfc(*args: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8", **settings}
    command = [sys.executable, "-m", "asyncfc_sim", *args]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment, encoding="utf-8")


def test_a_study_of_bfcl_is_checked_and_says_what_it_rests_on() -> None:
    done = _asyncfc("simulate", "bfcl:base", "--n", "12")
    assert done.returncode == 0, done.stderr
    assert "0 differ in a value or the final state" in done.stdout
    for words in (
        "simulated, not measured",
        "one call per message",
        "one message per turn",
        "asyncfc grace=auto",
        "bound",
    ):
        assert words in done.stdout
    assert done.stderr == ""  # progress is for terminals only


def test_json_is_one_document_and_the_same_bytes_for_the_same_seed() -> None:
    args = ("simulate", "bfcl:base", "--n", "6", "--json")
    first, second, other = _asyncfc(*args), _asyncfc(*args), _asyncfc(*args, "--seed", "1")
    assert first.stdout == second.stdout
    document = json.loads(first.stdout)
    assert document["schema"] == "asyncfc.simulate/1"
    assert document["checked"] == {"runs": 19 * 6, "different": 0}
    assert {row["label"] for row in document["summary"]} >= {"sync", "asyncfc grace=0", "bound"}
    assert document["summary"] != json.loads(other.stdout)["summary"]
    for figure in document["inputs"].values():
        assert figure["provenance"] in {"measured", "derived", "assumed"}
        assert figure["source"]


def test_a_trace_holds_every_policy_and_opens_in_both_forms(tmp_path: Path) -> None:
    lines, perfetto = tmp_path / "runs.jsonl", tmp_path / "runs.perfetto.json"
    args = ("simulate", "bfcl:base", "--n", "3", "--policy", "sync,asyncfc", "--messages", "call", "--quiet")
    assert _asyncfc(*args, "--trace", str(lines)).returncode == 0
    runs = read_trace(lines)
    assert {run.header.policy for run in runs} == {"sync", "asyncfc grace=0", "asyncfc grace=auto"}
    assert _asyncfc(*args, "--trace", str(perfetto)).returncode == 0
    events = json.loads(perfetto.read_text(encoding="utf-8"))["traceEvents"]
    assert {"X", "s", "f"} <= {event["ph"] for event in events}
    assert _asyncfc("trace", "view", str(lines)).returncode == 0


def test_all_results_go_to_a_file(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    assert _asyncfc("simulate", "bfcl:base", "--n", "3", "-o", str(path)).returncode == 0
    document = json.loads(path.read_text(encoding="utf-8"))
    assert all(len(arm["makespan_s"]) == 3 for arm in document["cases"])


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (["bfcl:nowhere"], 2, "miss_param"),
        (["bfcl:base", "--policy", "fast"], 2, "sync_parallel"),
        (["bfcl:base", "--policy", "plan", "--messages", "call"], 2, "--messages turn"),
        (["bfcl:base", "--decoder", "gpt-9"], 2, "gpt-4o"),
        (["bfcl:base", "--durations", "nothing"], 2, "bfcl-agent"),
        (["bfcl:base", "--grace", "soon"], 2, "seconds, inf or auto"),
        (["bfcl:base", "--messages", "some"], 2, "call, turn, step, both"),
        (["bfcl:base", "--delivery", "later"], 2, "when_idle"),
        (["bfcl:base", "--failure", "ignore"], 2, "strict"),
        (["bfcl:base", "--n", "0"], 2, "greater than or equal to 1"),
        (["bfcl:base", "--seed", "-1"], 2, "greater than or equal to 0"),
        (["bfcl:base", "--workers", "0"], 2, "greater than or equal to 1"),
        (["bfcl:base", "--policy", ""], 2, "no policy is named"),
        (["bfcl:", "--n", "1"], 2, "miss_param"),
        (["bfcl:base", "--tools", "any.toml"], 2, "its own"),
        (["bfcl:base", "--trace", "no-such-folder/runs.jsonl"], 2, "no folder"),
        (["bfcl:base", "-o", "no-such-folder/out.json"], 2, "no folder"),
        (["bfcl:base", "--durations", "kinds"], 2, "default"),
        (["bfcl:base", "--n", "2", "--case", "unknown"], 2, "multi_turn_base_0"),
        (["bfcl:base", "--n", "2", "--trace", "runs.txt"], 2, ".perfetto.json"),
        (["program.txt"], 2, "FILE.fc"),
        (["missing.fc"], 3, "missing.fc"),
    ],
)
def test_bad_input_gets_words_and_an_exit_code(args: list[str], code: int, words: str) -> None:
    done = _asyncfc("simulate", *args)
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_ctrl_c_ends_it_without_a_traceback() -> None:
    command = [sys.executable, "-m", "asyncfc_sim", "simulate", "bfcl", "--json", "--workers", "1"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    time.sleep(3)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stdout == ""
    assert "Traceback" not in stderr


def test_the_demo_runs() -> None:
    done = _asyncfc("demo", "--n", "8")
    assert done.returncode == 0, done.stderr
    assert "8 conversations" in done.stdout
    assert done.stdout.count("0 differ") == 2
    assert "tools in process" in done.stdout


@pytest.mark.slow
def test_the_demo_ends_with_a_live_agent() -> None:
    done = _asyncfc("demo", "--n", "8")
    assert "both gave the same answer and did the same" in done.stdout
    assert done.stdout.count("certified: as if its calls had run one by one (6 calls") == 2
    assert "measured: " in done.stdout
    assert "were injected" in done.stdout


def test_without_the_model_the_demo_leaves_its_live_part_out(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "tiny-futures").mkdir()  # it stands in front of the real one, and is empty
    done = _asyncfc("demo", "--n", "8", ASYNCFC_DATA_DIR=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "the live part is left out: the model tiny-futures is not here" in done.stderr
    assert "measured" not in done.stdout.partition("Live")[2]


def test_a_model_that_cannot_be_served_is_an_error_of_the_demo_in_words(tmp_path: Path) -> None:
    folder = tmp_path / "models" / "tiny-futures"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}", encoding="utf-8")
    done = _asyncfc("demo", "--n", "8", ASYNCFC_DATA_DIR=str(tmp_path))
    assert done.returncode == 3, done.stderr
    assert "Error: the live part: " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_long_program_is_no_problem(tmp_path: Path) -> None:
    calls = 1_000  # core/test_long_programs.py has 10,000 of them; this is the whole way
    lines = [f'f{number} = search(query="q{number}")' for number in range(1, calls + 1)]
    program = tmp_path / "long.fc"
    program.write_text("\n".join([*lines, f"return $f{calls}"]), encoding="utf-8")
    (tmp_path / "long.tools.toml").write_text('[tools.search]\nreads = ["web:{query}"]\n', encoding="utf-8")
    for messages in ("call", "turn"):
        done = _asyncfc("simulate", str(program), "--n", "1", "--messages", messages, "--policy", "sync,asyncfc,bound")
        assert done.returncode == 0, done.stdout
        assert "0 differ" in done.stdout


def test_an_await_without_thinking_costs_less() -> None:
    args = ("simulate", "bfcl:base", "--n", "6", "--json", "--policy", "asyncfc", "--grace", "0", "--messages", "call")
    thoughtful, quick = (json.loads(_asyncfc(*args, *more).stdout) for more in ((), ("--no-await-thinking",)))
    means = [next(row["mean_s"] for row in one["summary"] if "asyncfc" in row["label"]) for one in (thoughtful, quick)]
    assert means[1] < means[0]
