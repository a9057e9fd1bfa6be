"""Writing sessions: whole or not at all, packed or plain, and read back by the form that it was."""

import gzip

import pytest

from asyncfc_sim.traces.exporters.fault import ExportFault
from asyncfc_sim.traces.exporters.formats import FORMS, write_sessions
from asyncfc_sim.traces.sessions import RecordedCall, RecordedSession, RecordedStep, RecordedTurn
from tests.trace_files import read

STEP = RecordedStep(prompt_tokens=100, out_tokens=10)
SESSION = RecordedSession(
    session="s",
    source="by hand",
    turns=(RecordedTurn(steps=(STEP,)),),
    provenance={"step.prompt_tokens": "measured", "step.out_tokens": "measured"},
)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["out.jsonl", "out.jsonl.gz"])
def test_each_form_is_written_and_read_back(form, name, tmp_path):
    path = tmp_path / name
    write_sessions(str(path), [SESSION], form)
    assert (path.read_bytes()[:2] == b"\x1f\x8b") == name.endswith(".gz")
    (back,) = read(str(path), form).sessions
    assert [(step.prompt_tokens, step.out_tokens) for step in back.steps()] == [(100, 10)]


@pytest.mark.parametrize("form", FORMS)
def test_each_form_goes_to_standard_output_too(form, tmp_path, capsys):
    path = tmp_path / "out.jsonl"
    write_sessions(str(path), [SESSION], form)
    write_sessions("-", [SESSION], form)
    assert capsys.readouterr().out == path.read_text()


def test_a_form_that_is_none_is_told():
    with pytest.raises(ExportFault, match="there is no form 'xml' to write; there are: workload, otlp, llmservingsim"):
        write_sessions("-", [SESSION], "xml")


def test_what_cannot_be_written_leaves_the_old_file(tmp_path):
    path = tmp_path / "out.jsonl"
    path.write_text("old")
    unknown = RecordedSession(session="t", source="by hand", turns=(RecordedTurn(steps=(RecordedStep(),)),))
    with pytest.raises(ExportFault):
        write_sessions(str(path), [SESSION, unknown], "llmservingsim")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_half_of_a_surrogate_pair_is_escaped(tmp_path):
    call = RecordedCall(id="a", tool="echo", args={"text": "\ud83d"})
    session = RecordedSession(
        session="s", source="by hand", turns=(RecordedTurn(steps=(RecordedStep(calls=(call,)),)),)
    )
    path = tmp_path / "out.jsonl.gz"
    write_sessions(str(path), [session], "workload")
    assert b"\\ud83d" in gzip.decompress(path.read_bytes())
    (back,) = read(str(path), "workload").sessions
    assert next(back.calls()).args == {"text": "\ufffd"}, "who reads it puts the replacement character there"
