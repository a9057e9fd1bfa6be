"""`asyncfc simulate TRACES`: every format that can be read is a workload; and many agents on one server."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from asyncfc_sim.cli import app

ROOT = Path(__file__).parents[2]
TRACES = ROOT / "tests" / "data" / "traces"
EXAMPLE = str(ROOT / "examples" / "05_sessions.jsonl")
FEW = ("--policy", "sync,asyncfc,bound", "--grace", "0")


def simulate(*args: str) -> Any:
    return CliRunner().invoke(app, ["simulate", *args])


def document(*args: str) -> dict[str, Any]:
    done = simulate(*args, "--json")
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("path", sorted(TRACES.iterdir()), ids=lambda path: path.name)
def test_every_format_is_a_workload(path: Path):
    found = document(str(path), *FEW)
    assert found["checked"]["different"] == 0
    rows = {(row["label"], row["dependence"]): row for row in found["summary"]}
    assert {row["messages"] for row in found["summary"]} == {"step"}
    assert rows["bound", "values"]["mean_s"] <= rows["sync", "values"]["mean_s"] + 1e-9
    assert rows["asyncfc grace=0", "all"]["mean_s"] >= rows["bound", "values"]["mean_s"] - 1e-9
    assert any("recorded sessions" in note for note in found["assumptions"])


def test_recorded_times_are_what_sync_takes():
    (sync, *_) = document(EXAMPLE, *FEW)["summary"]
    sessions = [json.loads(line) for line in Path(EXAMPLE).read_text(encoding="utf-8").splitlines()]
    steps = [step for session in sessions for turn in session["turns"] for step in turn["steps"]]
    recorded = sum(step["llm_s"] + sum(call["exec_s"] for call in step.get("calls", ())) for step in steps)
    assert sync["mean_s"] == pytest.approx(recorded / 2)


def test_a_decoder_or_tool_times_that_are_named_stand_in_for_the_recorded_ones():
    as_recorded, named, drawn = (
        document(EXAMPLE, *FEW, *more)["summary"][0]["mean_s"]
        for more in ((), ("--decoder", "gpt-4o"), ("--durations", "default"))
    )
    assert len({as_recorded, named, drawn}) == 3


SESSION: dict[str, Any] = {
    "schema": "asyncfc.workload/1",
    "session": "a",
    "source": "tests",
    "turns": [{"steps": [{"llm_s": 1.0, "calls": [{"id": "c", "tool": "Read", "exec_s": 1.0}]}]}],
    "provenance": {"step.llm_s": "measured", "call.exec_s": "measured"},
}


def write(path: Path, *sessions: dict[str, Any]) -> str:
    path.write_text("".join(json.dumps(session) + "\n" for session in sessions), encoding="utf-8")
    return str(path)


def test_a_session_that_takes_no_time_is_one_like_others(tmp_path: Path):
    at_once = {**SESSION, "turns": [{"steps": [{"llm_s": 0.0}]}], "provenance": {"step.llm_s": "measured"}}
    done = simulate(write(tmp_path / "s.jsonl", at_once, {**SESSION, "session": "b"}), *FEW)
    assert done.exit_code == 0, done.output
    assert "\nb, seed 0" in done.stdout, "the case that is shown is one in which time passes"


def test_sub_agents_are_left_out_unless_there_is_nobody_else(tmp_path: Path):
    child = {**SESSION, "session": "b", "parent": "a"}
    both, alone = (
        document(write(tmp_path / f"{len(told)}.jsonl", *told), *FEW) for told in ((SESSION, child), (child,))
    )
    assert both["summary"][0]["n"] == alone["summary"][0]["n"] == 1
    assert any("1 sessions of sub-agents are left out" in note for note in both["assumptions"])
    assert not any("left out" in note for note in alone["assumptions"])


def test_tokens_that_nobody_counted_are_an_assumption(tmp_path: Path):
    notes = document(write(tmp_path / "s.jsonl", SESSION), *FEW)["assumptions"]
    assert any("of 1 of 1 messages nobody counted the tokens" in note for note in notes)
    assert not any("nobody counted" in note for note in document(EXAMPLE, *FEW)["assumptions"])


def test_packed_piped_and_in_folders(tmp_path: Path):
    text = Path(EXAMPLE).read_bytes()
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(text))
    (tmp_path / "README").write_text("no trace")
    plain = document(EXAMPLE, *FEW)["summary"]
    assert document(str(tmp_path / "a.jsonl.gz"), *FEW)["summary"] == plain
    assert document(str(tmp_path), *FEW)["summary"] == plain
    piped = CliRunner().invoke(app, ["simulate", "-", *FEW, "--json"], input=text)
    assert json.loads(piped.stdout)["summary"] == plain


def test_a_broken_line_is_fatal_or_skipped_and_said_so(tmp_path: Path):
    path = tmp_path / "cut.jsonl"
    path.write_text(
        Path(EXAMPLE).read_text(encoding="utf-8") + '{"schema": "asyncfc.workload/1", "ses\n', encoding="utf-8"
    )
    done = simulate(str(path), *FEW)
    assert (done.exit_code, f"{path}:3: broken JSON" in done.stderr) == (2, True)
    done = simulate(str(path), *FEW, "--on-broken", "skip")
    assert (done.exit_code, f"skipped: {path}:3: broken JSON" in done.stderr) == (4, True)
    assert "0 differ" in done.stdout


def _edited(change: str) -> str:
    session = json.loads(Path(EXAMPLE).read_text(encoding="utf-8").splitlines()[0])
    call = session["turns"][0]["steps"][0]["calls"][0]
    match change:
        case "negative":
            call["exec_s"] = -1
        case "cycle":
            call["deps"] = ["c6"]
        case "unmarked":
            del session["provenance"]["call.exec_s"]
    return json.dumps(session)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the file is empty"),
        ("hello\n", "not a trace of a known format"),
        (_edited("negative"), "exec_s is -1; expected a number that is not negative"),
        (_edited("cycle"), "no earlier call"),
        (_edited("unmarked"), "provenance does not say where call.exec_s came from"),
        ("TIMESTAMP,ContextTokens\n2023-11-16 18:17:03.9799600,4808\n", "GeneratedTokens"),
    ],
)
def test_bad_input_says_what_and_where(tmp_path: Path, text: str, words: str):
    path = tmp_path / "bad.jsonl"
    path.write_text(text, encoding="utf-8")
    done = simulate(str(path), *FEW)
    assert (done.exit_code, words in done.stderr) == (2, True), done.stderr
    assert str(path) in done.stderr


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["nowhere.jsonl"], "is no workload"),
        ([EXAMPLE, "--await-rate", "2"], "between 0 and 1"),
        ([EXAMPLE, "--failure-rate", "-1"], "between 0 and 1"),
        (["examples/01_two_lookups.fc", "--messages", "step"], "was not recorded"),
        (["examples/01_two_lookups.fc", "--decoder", "recorded"], "was not recorded"),
        ([EXAMPLE, "--agents", "2", "--rate", "1"], "expected one of --agents"),
        ([EXAMPLE, "--agents", "0"], "at least one"),
        ([EXAMPLE, "--agents", "2", "--capacity", "web_search"], "KIND=WORKERS"),
        ([EXAMPLE, "--agents", "2", "--capacity", "webb=1"], "no such kind"),
        ([EXAMPLE, "--capacity", "web_search=1"], "--agents"),
        ([EXAMPLE, "--agents", "2", "--sweep", "grace=0,1"], "leave --agents"),
        ([EXAMPLE, "--agents", "2", "--trace", "out.jsonl"], "leave --agents"),
        ([EXAMPLE, "--agents", "2", "--burstiness", "2"], "expected --rate"),
        ([EXAMPLE, "--max-batch", "2"], "--agents"),
        ([EXAMPLE, "--agents", "2", "-o", "nowhere/fleet.json"], "there is no folder"),
    ],
)
def test_what_cannot_be_is_refused(args: list[str], words: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(ROOT)
    done = simulate(*args)
    assert (done.exit_code, words in done.stderr) == (2, True), done.stderr


def test_many_agents_share_a_server_and_its_tools(tmp_path: Path):
    args = (EXAMPLE, "--policy", "sync,asyncfc", "--grace", "0", "--agents", "2", "--capacity", "bash_test=1")
    path = tmp_path / "fleet.json"
    done = simulate(*args, "-o", str(path))
    assert done.exit_code == 0, done.output
    assert "0 differ" in done.stdout
    assert "one server" in done.stdout
    found = json.loads(path.read_text(encoding="utf-8"))
    assert found["schema"] == "asyncfc.fleet/1"
    assert [row["label"] for row in found["summary"]] == ["sync", "asyncfc grace=0", "asyncfc grace=0"]
    assert found["summary"] == document(*args)["summary"]
    assert found["setup"]["arrivals"] == {"kind": "ClosedLoop", "agents": 2}


def test_recorded_arrivals_are_replayed():
    found = document(str(TRACES / "azure.csv"), "--policy", "sync", "--replay-arrivals", "--decoder", "llama2-70b-h100")
    assert found["setup"]["arrivals"]["kind"] == "Replayed"
    assert found["summary"][0]["requests"] == found["summary"][0]["n"] > 1


@pytest.mark.parametrize("shared", [(), ("--agents", "2")])
@pytest.mark.parametrize("dependence", ["values", "all", "both"])
def test_the_table_has_a_row_for_every_policy_whatever_makes_the_model_wait(
    dependence: str, shared: tuple[str, ...]
) -> None:
    shown = simulate(EXAMPLE, *FEW, "--dependence", dependence, *shared).stdout
    table = shown.partition("\n- ")[0].splitlines()
    rows = [line.split()[0] for line in table if line.startswith(("sync", "asyncfc", "bound"))]
    assert rows == ["sync", "asyncfc", *(() if shared else ("bound",))]
    assert ("(--dependence all)" in shown) == (dependence == "all")
    assert ("between" in shown) == (dependence == "both")


def test_a_fleet_says_what_of_a_recording_it_uses():
    replayed, named = (
        " ".join(document(EXAMPLE, *FEW, "--agents", "2", *more)["assumptions"])
        for more in ((), ("--decoder", "gpt-4o", "--durations", "default"))
    )
    assert "tokens, and times to the first token where known, as recorded" in replayed
    assert "calls as recorded" in replayed
    assert "tokens as recorded, decoded at the speed of decoder gpt-4o, tools default" in named
