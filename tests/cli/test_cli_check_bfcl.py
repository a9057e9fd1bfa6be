"""`asyncfc check bfcl`: the schedules of its turns, and the footprints of its tools. (All 800: `make verify`.)"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from asyncfc_sim.cli import app, check_bfcl
from asyncfc_sim.workloads.bfcl import load

pytest.importorskip("bfcl_eval", reason="bfcl-eval is not installed (make setup installs it)")
pytest.importorskip("mpmath", reason="mpmath is not installed")


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some conversations and classes only, in this process."""
    monkeypatch.setattr(check_bfcl, "_tasks", lambda split: load(split, 10))
    monkeypatch.setattr(check_bfcl, "CLASSES", ["MessageAPI", "TicketAPI"])
    monkeypatch.setattr(check_bfcl, "in_processes", lambda jobs: (job() for job in jobs))


@pytest.mark.usefixtures("few")
def test_both_parts_are_checked_and_counted(tmp_path: Path):
    path = tmp_path / "out.json"
    done = CliRunner().invoke(app, ["check", "bfcl:base", "--examples", "1", "-o", str(path)])
    assert done.exit_code == 0, done.output
    assert "10 conversations, " in done.stdout
    assert "on the real tool classes: 0 differ" in done.stdout
    assert "19 tools, " in done.stdout
    assert "0 declarations wrong" in done.stdout
    found = json.loads(path.read_text(encoding="utf-8"))
    (split,) = found["schedules"]
    assert (split["conversations"], split["differing"]) == (10, [])
    assert split["states"] > split["turns"]
    assert found["footprints"]["TicketAPI"]["clean"]


def test_a_split_that_is_none_is_told():
    done = CliRunner().invoke(app, ["check", "bfcl:nothing"])
    assert done.exit_code == 2
    assert "there is no BFCL split 'nothing'" in done.output
