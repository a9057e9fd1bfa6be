"""`asyncfc papers`: RESULTS.md is written, found the same again, and a changed byte is noticed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from asyncfc_sim.cli import app
from tests.toy_paper import CLAIMS, REPRODUCE, write_paper


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of data in front of ours, with one paper in it."""
    monkeypatch.setenv("ASYNCFC_DATA_DIR", str(tmp_path))
    return write_paper(tmp_path / "papers" / "toy")


def asyncfc(*argv: str) -> Result:
    return CliRunner().invoke(app, list(argv))


def test_the_papers_of_the_checkout_are_listed():
    result = asyncfc("papers", "list")
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["asyncfc", "asynclm", "llmcompiler"]
    listed = json.loads(asyncfc("papers", "list", "--json").stdout)
    assert {each["name"]: each["tried"] > 0 for each in listed["papers"]} == {
        "asyncfc": True,
        "asynclm": True,
        "llmcompiler": True,
    }


def test_results_are_written_once_found_the_same_and_a_changed_byte_is_noticed(folder: Path):
    path = folder / "RESULTS.md"
    missing = asyncfc("papers", "reproduce", "--check", "--workers", "1")
    assert (missing.exit_code, path.exists()) == (1, False)
    written = asyncfc("papers", "reproduce", "--workers", "1")
    assert written.exit_code == 0
    assert f"{path}: written; 4 reproductions:" in written.stdout
    text = path.read_bytes()
    assert text.startswith(b"# Toy: its figures, and ours\n")
    assert asyncfc("papers", "reproduce", "toy", "--check", "--workers", "1").exit_code == 0
    for changed in (text + b"\n", text.replace(b"Toy", b"toy", 1), text.replace(b"\n", b"\r\n", 1), b"\xff" + text):
        path.write_bytes(changed)
        noticed = asyncfc("papers", "reproduce", "toy", "--check", "--workers", "1")
        assert noticed.exit_code == 1
        assert "DIFFERS from what is on disk" in noticed.stdout
        assert path.read_bytes() == changed


def test_json_is_one_document_and_results_can_go_elsewhere(folder: Path, tmp_path: Path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    result = asyncfc("papers", "reproduce", "toy", "-o", str(elsewhere), "--workers", "1", "--json")
    assert result.exit_code == 0
    (paper,) = json.loads(result.stdout)["papers"]
    assert paper["file"] == str(elsewhere / "toy" / "RESULTS.md")
    assert [each["verdict"] for each in paper["reproductions"]][2:] == ["agrees", "missed"]
    assert (elsewhere / "toy" / "RESULTS.md").is_file()
    assert not (folder / "RESULTS.md").exists()


@pytest.mark.parametrize(
    ("argv", "code", "message"),
    [
        (["nope"], 2, "there is no paper 'nope'; there are: toy"),
        (["toy", "-o", "no/such/folder"], 2, "--output-folder no/such/folder: there is no such folder"),
    ],
)
def test_what_is_not_there_is_told(folder: Path, argv: list[str], code: int, message: str):
    result = asyncfc("papers", "reproduce", *argv)
    assert result.exit_code == code
    assert message in result.stderr


def test_a_file_that_is_wrong_is_told_with_its_place(folder: Path):
    write_paper(folder, claims=CLAIMS.replace("value = 1.5", "value = nan"))
    result = asyncfc("papers", "reproduce")
    assert result.exit_code == 2
    assert "claims.toml: claim[1].value: expected a finite number" in result.stderr


def test_without_the_source_there_are_no_papers(monkeypatch: pytest.MonkeyPatch):
    def nowhere(*_: str) -> Path:
        raise FileNotFoundError

    monkeypatch.setattr("asyncfc_sim.studies.paper_files.data_path", nowhere)
    result = asyncfc("papers", "list")
    assert result.exit_code == 3
    assert "papers/ is not installed with the package" in result.stderr


def test_a_shape_file_that_is_missing_is_told(folder: Path):
    (folder / "two.toml").unlink()
    result = asyncfc("papers", "reproduce")
    assert result.exit_code == 3
    assert "two.toml" in result.stderr


def test_a_benchmark_that_is_not_installed_is_told_with_how_to_install_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("asyncfc_sim.workloads.bfcl_classes.importlib.util.find_spec", lambda name: None)
    write_paper(folder, reproduce=REPRODUCE.replace('shape = "two.toml"', 'bfcl = "base"'))
    result = asyncfc("papers", "reproduce", "--workers", "1")
    assert result.exit_code == 3
    assert "pip install --no-deps bfcl-eval" in result.stderr
    assert not (folder / "RESULTS.md").exists()


def test_reproductions_that_differ_from_running_in_order_fail(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("asyncfc_sim.simulate.experiment.difference", lambda *_: "told so")
    result = asyncfc("papers", "reproduce", "--workers", "1")
    assert result.exit_code == 1
    assert " 0 differ" not in (folder / "RESULTS.md").read_text(encoding="utf-8")
