"""A journal is read wherever a trace is: of a run that broke off, and of one that was resumed."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from asyncfc_sim.cli import app
from asyncfc_sim.live.resume import InDoubt
from asyncfc_sim.traces.journal import read_journal
from asyncfc_sim.traces.trace import read_trace
from tests.journals import cut_off, write
from tests.kill_trials import World, begin


def asyncfc(*args: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, list(map(str, args)))
    assert result.exit_code == code, result.output
    return result.output


@pytest.fixture(scope="module")
def broken_off(tmp_path_factory) -> Path:
    """As a kill leaves a journal that strikes just after the fourth call was started."""
    whole = World(tmp_path_factory.mktemp("whole"))
    begin(whole, "asyncfc")
    (run,) = read_journal(whole.journal)
    (start,) = [entry for entry in run.events if entry.name == "start" and entry.body["args"].get("label") == "d"]
    path: Path = tmp_path_factory.mktemp("broken_off") / "run.journal"
    write(path, cut_off(run, start.seq))
    return path


@pytest.fixture(scope="module")
def resumed(tmp_path_factory, broken_off: Path) -> Path:
    world = World(tmp_path_factory.mktemp("resumed"))
    world.journal.write_bytes(broken_off.read_bytes())
    with pytest.raises(InDoubt) as refused:
        world.agent("asyncfc").resume_sync(world.journal)
    world.agent("asyncfc").resume_sync(world.journal, {call.future: "failed" for call in refused.value.calls})
    return world.journal


@pytest.fixture(params=["broken_off", "resumed"])
def journal(request) -> Path:
    path: Path = request.getfixturevalue(request.param)
    return path


def test_it_is_shown(journal: Path):
    shown = asyncfc("trace", "view", journal, "--width", "100")
    assert 'f1 lookup(key="one")' in shown
    document = json.loads(asyncfc("trace", "view", journal, "--json"))
    assert len(document["timelines"]) == 1


def test_its_figures_are_told(journal: Path):
    stats = asyncfc("trace", "stats", journal)
    assert "1 session, 1 turn" in stats
    assert "lookup" in stats


def test_it_is_checked(broken_off: Path, resumed: Path):
    assert "the trace ends before" in asyncfc("check", broken_off)
    assert "1 of 1 run certified" in asyncfc("check", resumed, "--require-certified")


@pytest.mark.parametrize("output", ["o.jsonl", "o.otlp.jsonl", "o.perfetto.json"])
def test_it_is_converted(journal: Path, tmp_path: Path, output: str):
    assert "1 " in asyncfc("trace", "convert", journal, "-o", tmp_path / output)
    if output != "o.perfetto.json":
        assert "1 session" in asyncfc("trace", "stats", tmp_path / output)


def test_fit_says_what_it_lacks(journal: Path, tmp_path: Path):
    assert "at least 30 are needed" in asyncfc("fit", journal, "-o", tmp_path / "m.toml", code=2)


def test_journals_of_a_folder_are_found(resumed: Path):
    (resumed.parent / "effects").unlink(missing_ok=True)
    assert "1 session" in asyncfc("trace", "stats", resumed.parent)


def test_a_broken_one_is_named(tmp_path: Path):
    path = tmp_path / "b.journal"
    path.write_bytes(b"SQLite format 3\0" + bytes(2000))
    for verb in (["trace", "view"], ["trace", "stats"], ["check"]):
        assert "b.journal: a broken journal" in asyncfc(*verb, path, code=2)


def test_not_from_standard_input(resumed: Path):
    result = CliRunner().invoke(app, ["trace", "stats", "-"], input=resumed.read_bytes())
    assert result.exit_code == 2
    assert "a journal is read from its file" in result.output


def test_what_was_resumed_is_one_run(resumed: Path):
    (run,) = read_trace(resumed)
    assert [event.rule for event in run.events if event.rule in ("user", "answer")] == ["user", "answer"]
