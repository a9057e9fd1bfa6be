"""`asyncfc simulate --sweep`: what it writes, what it refuses, and that it can be interrupted."""

from __future__ import annotations

import csv
import io
import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from asyncfc_sim.cli import app, simulate_sweep, sweep_plot
from asyncfc_sim.cli.errors import ExitCode
from asyncfc_sim.cli.simulate_sweep import content_digest, part_path
from asyncfc_sim.cli.sweep_view import MEASURES, Found
from asyncfc_sim.report.plots import PlotError
from asyncfc_sim.simulate.knobs import KNOBS, parse_sweeps
from asyncfc_sim.simulate.precision import once
from asyncfc_sim.simulate.study import Study
from asyncfc_sim.simulate.sweep import RUNS_A_CHUNK, run_chunk
from tests.sweeps import BASE, PROGRAM, swept

ROOT = Path(__file__).parents[2]
SESSIONS = ROOT / "examples" / "05_sessions.jsonl"
PLAIN = ("--policy", "sync,asyncfc", "--messages", "call", "--dependence", "values", "--grace", "0")
SMALL = (*PLAIN, "--n", "8", "--policy", "sync,asyncfc,bound")


def _sweep(*args: object, workload: object = PROGRAM) -> Any:
    """Run it in this process; the result has exit_code, stdout and stderr."""
    return CliRunner().invoke(app, ["simulate", str(workload), *map(str, args)])


def _rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))


def test_a_row_for_each_arm_at_each_point(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    done = _sweep(*SMALL, "--sweep", "grace=0,0.1,auto", "--sweep", "decoder=gpt-4o,claude-opus-4.5", "-o", out)
    assert done.exit_code == 0, done.stderr
    assert "0 differ" in done.stdout
    assert "simulated, not measured" in done.stdout
    rows = _rows(out)
    assert list(rows[0]) == [*KNOBS, *MEASURES]
    assert {(row["policy"], row["grace"], row["decoder"]) for row in rows} == {
        (policy, grace, decoder)
        for decoder in ("gpt-4o", "claude-opus-4.5")
        for policy, graces in (("sync", [""]), ("asyncfc", ["0", "0.1", "auto"]), ("bound", [""]))
        for grace in graces
    }
    assert len(rows) == 10
    for row in rows:
        assert (row["basis"], row["n"], row["cases"], row["different"], row["seed"]) == (
            "simulated",
            "8",
            "8",
            "0",
            "0",
        )
        assert float(row["low"]) <= float(row["speedup"]) <= float(row["high"])
    assert list(tmp_path.iterdir()) == [out]


def test_the_same_bytes_each_time_and_on_any_executor(tmp_path: Path) -> None:
    written = set()
    for executor in ("serial", "serial", "threads:3"):
        out = tmp_path / "out.csv"
        args = ("--n", "20", *PLAIN, "--sweep", "tool_scale=1,2", "--sweep", "seed=0,1")
        assert _sweep(*args, "-o", out, "--executor", executor).exit_code == 0
        written.add(out.read_bytes())
    assert len(written) == 1


def test_json_is_one_document() -> None:
    done = _sweep(*SMALL, "--sweep", "grace=inf,auto", "--sweep", "await_rate=0,0.5", "--json")
    document = json.loads(done.stdout)
    assert document["schema"] == "asyncfc.sweep/1"
    assert document["config"]["sweep"] == {"grace": ["inf", "auto"], "await_rate": [0, 0.5]}
    assert document["checked"]["different"] == 0
    assert [row["grace"] for row in document["rows"] if row["policy"] == "asyncfc"] == [
        "inf",  # without futures there is nothing to await
        "auto",
        "auto",
    ]
    assert {row["basis"] for row in document["rows"]} == {"simulated"}
    assert done.stderr == ""


def test_few_rows_are_shown_and_of_many_what_they_range_over() -> None:
    few = _sweep(*SMALL, "--sweep", "tool_scale=0,3").stdout
    assert "tool_scale" in few
    assert "lowest" not in few
    many = _sweep("--n", "3", "--sweep", "tool_scale=0,1,3", "--sweep", "decode_scale=1,2").stdout
    assert "lowest" in many
    assert "-o out.csv" in many


def test_recorded_sessions_are_swept_too(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    args = ("--policy", "sync,asyncfc", "--sweep", "tool_scale=1,4", "--sweep", "decoder=recorded,gpt-4o", "-o", out)
    assert _sweep(*args, workload=SESSIONS).exit_code == 0
    rows = _rows(out)
    sync_s = {(row["decoder"], row["tool_scale"]): float(row["mean_s"]) for row in rows if row["policy"] == "sync"}
    assert sync_s["recorded", "4"] > 1.5 * sync_s["recorded", "1"]
    assert sync_s["recorded", "1"] != sync_s["gpt-4o", "1"]
    assert {row["durations"] for row in rows} == {"recorded"}


def test_it_samples_until_it_is_precise(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    args = (*PLAIN, "--policy", "asyncfc", "--n", "150")
    done = _sweep(*args, "--sweep", "tool_scale=0,1", "--precision", "0.1", "--max-n", "200", "-o", out)
    assert done.exit_code == 0, done.stdout
    assert "2 of 2 rows are as precise as asked" in done.stdout
    assert "Bonferroni" in done.stdout
    document = json.loads(out.read_text(encoding="utf-8"))
    assert document["config"]["looks"] == [100, 200]
    for row in document["rows"]:
        assert row["reached"] is True
        assert row["half_width"] <= 0.1
        assert row["n"] in (100, 200)
    failed = _sweep(*args, "--precision", "0.0001", "--max-n", "50")
    assert failed.exit_code == ExitCode.PARTIAL
    assert "0 of 1 rows" in failed.stdout


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--sweep", "speed=1"], "there is no knob 'speed'; there are: policy"),
        (["--sweep", "grace"], "KNOB=VALUE"),
        (["--sweep", "grace=soon"], "seconds, inf or auto"),
        (["--sweep", "policy=fast"], "sync_parallel"),
        (["--sweep", "decoder=gpt-9"], "gpt-4o"),
        (["--sweep", "durations=recorded"], "was not recorded"),
        (["--sweep", "decoder=recorded"], "was not recorded"),
        (["--sweep", "messages=step"], "was not recorded"),
        (["--sweep", "seed=1", "--case", "x"], "--case"),
        (["--sweep", "seed=1", "--trace", "x.jsonl"], "--trace"),
        (["--sweep", "seed=1", "-o", "out.txt"], ".csv or .json"),
        (["--sweep", "seed=1", "-o", "no-such-folder/out.csv"], "no folder"),
        (["--sweep", "seed=1,2", "--plot", "no-such-folder/out.svg"], "no folder"),
        (["--sweep", "grace=0,1", "--plot", "out.gif"], ".png, .svg or .pdf"),
        (["--plot", "out.svg"], "nothing to plot against"),
        (["--sweep", "policy=asyncfc,bound", "--plot", "out.svg"], "nothing to plot against"),
        (["--sweep", "seed=1", "--precision", "0"], "--precision"),
        (["--max-n", "5"], "--precision"),
        (["--sweep", "seed=1", "--executor", "many"], "processes:N"),
    ],
)
def test_what_cannot_be_done_is_said_before_the_work(
    args: list[str], words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(simulate_sweep, "run_plan", lambda *_: pytest.fail("it went to work"))
    done = _sweep(*args)
    assert done.exit_code == ExitCode.BAD_INPUT, done.stderr
    assert words in done.stderr
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


# Interruptions

LONG = ("--n", "120", *PLAIN, "--sweep", "tool_scale=0.5,2", "--quiet")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    out = tmp_path_factory.mktemp("whole") / "out.csv"
    assert _sweep(*LONG, "--executor", "serial", "-o", out).exit_code == 0
    return out.read_bytes()


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, ExitCode.INTERRUPTED), (signal.SIGKILL, -signal.SIGKILL)])
def test_an_interrupted_sweep_goes_on_where_it_was(
    sent: signal.Signals, code: int, whole: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out.csv"
    parts = part_path(out)
    args = [str(PROGRAM), *LONG, "--executor", "serial", "-o", str(out)]
    command = [sys.executable, "-m", "asyncfc_sim", "simulate", *args]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None and not (parts.exists() and parts.read_bytes().count(b"\n") >= 2):
            time.sleep(0.002)
        process.send_signal(sent)
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == code, stderr
    assert stdout == ""
    assert "Traceback" not in stderr
    assert ("the same command goes on there" in stderr) == (sent is signal.SIGINT)
    assert not out.exists()
    kept = parts.read_bytes().count(b"\n")
    assert kept >= 2

    ran: list[int] = []

    def counted(*args: Any) -> Any:
        ran.append(1)
        return run_chunk(*args)

    monkeypatch.setattr(simulate_sweep, "run_chunk", counted)
    assert _sweep(*LONG, "--executor", "serial", "-o", out).exit_code == 0
    assert out.read_bytes() == whole
    assert not parts.exists()
    assert len(ran) + kept == 2 * 120 // (RUNS_A_CHUNK // 2)  # nothing was run twice


@pytest.mark.parametrize("option", ["--output-file", "--plot"])
def test_a_folder_in_place_of_a_file_is_found_before_the_work(tmp_path: Path, option: str) -> None:
    folder = tmp_path / {"--output-file": "out.csv", "--plot": "out.svg"}[option]
    folder.mkdir()
    done = _sweep(*SMALL, "--sweep", "tool_scale=0,1", option, folder)
    assert done.exit_code == ExitCode.BAD_INPUT
    assert "this is a folder" in done.stderr
    assert not part_path(folder).exists()


def test_parts_of_other_code_have_another_key(tmp_path: Path) -> None:
    one, two = tmp_path / "one.py", tmp_path / "two.py"
    one.write_text("a", encoding="utf-8")
    two.write_text("b", encoding="utf-8")
    before = content_digest([one, two])
    assert content_digest([one, two]) == before
    two.write_text("c", encoding="utf-8")
    assert content_digest([one, two]) != before
    one.write_text("ac", encoding="utf-8")
    two.write_text("", encoding="utf-8")
    assert content_digest([one, two]) not in (before, content_digest([two, one]))


def test_parts_of_another_request_are_not_taken_for_ours(tmp_path: Path, whole: bytes) -> None:
    out = tmp_path / "out.csv"
    part_path(out).write_text('{"chunk":"another","results":[[],[]]}\n{"chu', encoding="utf-8")
    assert _sweep(*LONG, "--executor", "serial", "-o", out).exit_code == 0
    assert out.read_bytes() == whole
    assert not part_path(out).exists()


# Figures


def _found(*sweeps: str, study: Study = BASE.study) -> Found:
    rows = swept(*sweeps, n=5, base=replace(BASE, study=study))
    return Found("a program", parse_sweeps(sweeps), once(5), rows, [])


def test_one_number_makes_a_curve() -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed (the extra [plot])")
    study = Study(("sync", "asyncfc", "bound"), (0.0, "auto"), messages=("call", "turn"))
    found = _found("tool_scale=4,0.5,1", study=study)
    figure = sweep_plot.figure(found)
    assert [ax.get_title() for ax in figure.axes] == ["one call per message", "one message per turn"]
    for ax in figure.axes:
        labels = ax.get_legend_handles_labels()[1]
        assert set(labels) == {
            "bound",
            *(f"asyncfc, grace={grace}{more}" for grace in ("0", "auto") for more in ("", ", needs all results")),
        }
        assert "tool times" in ax.get_xlabel()
    assert "speed-up over sync (x)" in figure.axes[0].get_ylabel()
    (drawn,) = [bars for bars in figure.axes[0].containers if bars.get_label() == "asyncfc, grace=0"]
    names = ("policy", "grace", "messages", "dependence", "tool_scale")
    speedups = {tuple(row.knobs[name] for name in names): row.row.speedup for row in found.rows}
    assert list(drawn[0].get_xdata()) == [0.5, 1.0, 4.0]
    assert list(drawn[0].get_ydata()) == [speedups["asyncfc", 0.0, "call", "values", x] for x in (0.5, 1.0, 4.0)]


def test_two_numbers_make_a_map_of_what_is_saved() -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed (the extra [plot])")
    found = _found("tool_scale=0,1,4", "decode_scale=1,3")
    figure = sweep_plot.figure(found)
    ax = figure.axes[0]
    assert "asyncfc" in ax.get_title()
    saved = {
        (row.knobs["decode_scale"], row.knobs["tool_scale"]): 100 * (1 - 1 / row.row.speedup)
        for row in found.rows
        if row.knobs["policy"] == "asyncfc"
    }
    drawn = ax.collections[0].get_array()
    assert drawn is not None
    assert drawn.shape == (2, 3)
    expected = [saved[decode, tools] for decode in (1.0, 3.0) for tools in (0.0, 1.0, 4.0)]
    assert list(drawn.ravel()) == pytest.approx(expected)
    assert min(expected) < 0 < max(expected)  # there is a place where futures lose


def test_words_stand_side_by_side_and_what_a_knob_means_nothing_to_runs_through() -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed (the extra [plot])")
    figure = sweep_plot.figure(_found("grace=0,0.2,auto"))
    ax = figure.axes[0]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["0", "0.2", "auto"]
    bound = next(line for line in ax.lines if line.get_label() == "bound")
    assert len(np.unique(bound.get_ydata())) == 1


def test_three_numbers_are_no_figure(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed (the extra [plot])")
    sweeps = parse_sweeps(["tool_scale=1,2", "decode_scale=1,2", "max_running=1,2"])
    with pytest.raises(PlotError, match="one or two numeric knobs"):
        sweep_plot.check(tmp_path / "out.svg", sweeps, [])


def test_sync_alone_is_no_figure(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed (the extra [plot])")
    plot = tmp_path / "out.svg"
    done = _sweep(*SMALL, "--policy", "sync", "--sweep", "tool_scale=1,2", "--plot", plot)
    assert done.exit_code == ExitCode.BAD_INPUT
    assert "no policy but sync" in done.stderr
    assert not plot.exists()


def test_a_plot_is_written_the_same_each_time(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed (the extra [plot])")
    written = set()
    for _ in range(2):
        assert _sweep(*SMALL, "--sweep", "tool_scale=0,1,4", "--plot", tmp_path / "out.svg").exit_code == 0
        written.add((tmp_path / "out.svg").read_bytes())
    (svg,) = written
    assert b"simulated, not measured" in svg or svg.count(b"<path") > 10


def test_without_matplotlib_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    done = _sweep(*SMALL, "--sweep", "tool_scale=0,1", "--plot", tmp_path / "out.svg")
    assert done.exit_code == ExitCode.MISSING
    assert "pip install asyncfc-sim[plot]" in done.stderr
