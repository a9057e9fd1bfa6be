"""`asyncfc study`, as a person or a program calls it."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("bfcl_eval", reason="bfcl-eval is not installed (pip install --no-deps bfcl-eval)")

ROOT = Path(__file__).parents[2]
SMALL = ("study", "robustness", "--n", "6", "--rates", "0,1", "--kinds", "missing,as_pure", "--workers", "1")


def _asyncfc(*args: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-m", "asyncfc_sim", *args]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment, encoding="utf-8")


def test_a_table_for_each_policy_and_what_it_rests_on(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed (pip install asyncfc-sim[plot])")
    table, figure = tmp_path / "rows.csv", tmp_path / "figure.png"
    done = _asyncfc(*SMALL, "--policy", "asyncfc,sync_parallel", "-o", str(table), "--plot", str(figure))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""  # progress is for terminals only
    for words in ("asyncfc", "sync_parallel", "true labels", "no labels", "as_pure", "n = 6 conversations"):
        assert words in done.stdout
    assert "simulated times, not measured ones" in " ".join(done.stdout.split())
    assert max(map(len, done.stdout.splitlines())) <= 100
    with table.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [row["fault"] for row in rows] == ["true labels", "no labels", "missing", "as_pure"] * 2
    assert [row["wrong_n"] for row in rows] == ["6"] * 8
    assert int(rows[-1]["wrong_count"]) > 0  # sync_parallel, as_pure; the exit code was 0 all the same
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_json_is_one_document_and_the_same_for_the_same_seed() -> None:
    first, second = (_asyncfc(*SMALL, "--json"), _asyncfc(*SMALL, "--json"))
    assert first.stdout == second.stdout
    document = json.loads(first.stdout)
    assert document["schema"] == "asyncfc.study-robustness/1"
    assert document["config"]["conversations"] == 6
    assert len(document["rows"]) == 3 * 4
    assert {row["wrong"]["count"] for row in document["rows"] if row["fault"] == "true labels"} == {0}
    assert any(row["wrong"]["count"] for row in document["rows"] if row["fault"] == "as_pure")
    assert any("assumed" in note for note in document["assumptions"])


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("--kinds", "typo"), "there is no kind of fault 'typo'; there are: missing"),
        (("--kinds", ","), "no kind of fault is named"),
        (("--rates", "0,1.5"), "rate 1.5: expected a share of the tools, between 0 and 1"),
        (("--rates", "-0.1"), "rate -0.1"),
        (("--rates", "many"), "--rates 'many': expected numbers"),
        (("--rates", ""), "no rate is named"),
        (("--policy", "sync"), "policy 'sync' uses no labels"),
        (("--grace", "0,1"), "--grace 0,1: expected one"),
        (("--messages", "step"), "--messages 'step': expected call or turn"),
        (("--decoder", "nope"), "nope"),
        (("-o", "rows.json"), "expected a name ending in .csv"),
        (("-o", "no/folder/rows.csv"), "there is no folder no/folder"),
        (("--plot", "figure.gif"), "figure.gif"),
        (("bfcl:nope",), "there is no BFCL split 'nope'"),
        (("program.fc",), "only tools that really run can go wrong"),
    ],
)
def test_requests_that_cannot_be_met(
    args: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from asyncfc_sim.cli import main

    monkeypatch.setattr(sys, "argv", ["asyncfc", "study", "robustness", *args])
    with pytest.raises(SystemExit) as ended:
        main()
    printed = capsys.readouterr()
    assert ended.value.code == 2
    assert message in printed.err
    assert printed.out == ""
