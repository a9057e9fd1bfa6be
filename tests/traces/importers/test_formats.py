"""Formats are told by what is in a file, never by its name, and files that are none of them say so."""

import json
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asyncfc_sim.traces.importers.formats import FORMATS, detect, read_sessions, reader
from asyncfc_sim.traces.importers.source import ImportFault, Source
from asyncfc_sim.traces.sessions import (
    RecordedSession,
    RecordedStep,
    RecordedTurn,
    check_session,
    marked_fields,
    parse_session,
    session_line,
)
from asyncfc_sim.traces.trace import write_trace
from tests.trace_examples import async_run
from tests.trace_files import HAND_MADE, hand_made, real

TINY = RecordedSession(session="s", source="test", turns=(RecordedTurn(steps=(RecordedStep(model="m"),)),))
FILES = {  # a real file, and its format
    "tracelab/derived/round_trace.jsonl": "tracelab",
    "tracelab/sanitized/round_trace.jsonl": "tracelab",
    "kv-cache-tester/trace_0598.json": "weka",
    "llmservingsim/RTX4090_Llama-3.1-8B.requests.jsonl": "llmservingsim",
    "mini-swe-agent-gemini3pro/example.traj.json": "mini_swe_agent",
    "mooncake/conversation_trace.jsonl.gz": "mooncake",
    "azure-llm/AzureLLMInferenceTrace_code.csv.gz": "azure",
}


def format_of(name: str) -> str:
    """Files made by hand are named after their format."""
    return max((form for form in FORMATS if name.startswith(form)), key=len)


def test_every_file_made_by_hand_is_of_exactly_one_format():
    seen = set()
    for path in sorted(HAND_MADE.iterdir()):
        matching = [form for form in FORMATS if reader(form).looks_like(Source(str(path)))]
        assert matching == [format_of(path.name)], path.name
        seen |= set(matching)
    assert seen | {"workload", "trace"} == set(FORMATS)


@pytest.mark.parametrize(("name", "form"), FILES.items())
def test_real_files_are_recognised(name, form):
    assert detect(Source(real(name))) == form


def test_our_own_formats_are_recognised(tmp_path):
    write_trace(tmp_path / "run", [async_run()])
    (tmp_path / "sessions").write_text(session_line(TINY) + "\n")
    assert detect(Source(str(tmp_path / "run"))) == "trace"
    assert detect(Source(str(tmp_path / "sessions"))) == "workload"


@pytest.mark.parametrize("content", ["", "\n \n"])
def test_an_empty_file_is_no_trace(tmp_path, content):
    path = tmp_path / "t.jsonl"
    path.write_text(content)
    for form in (None, *FORMATS):
        with pytest.raises(ImportFault, match=r"t\.jsonl: the file is empty; expected a trace"):
            read_sessions(str(path), format=form)


@pytest.mark.parametrize("content", ["hello", '{"a": 1}', "[1, 2]", "a,b\n1,2\n", "null"])
def test_a_file_of_no_format_names_those_that_there_are(tmp_path, content):
    path = tmp_path / "t.jsonl"
    path.write_text(content)
    with pytest.raises(ImportFault, match="not a trace of a known format; known are: workload, trace, otlp, "):
        read_sessions(str(path))


def test_a_format_that_is_none_is_a_fault():
    with pytest.raises(ImportFault, match="no trace format 'csv'; there are: workload"):
        read_sessions(hand_made("tracelab.jsonl"), format="csv")


def test_a_folder_is_read_file_by_file(tmp_path):
    for name in ("tracelab.jsonl", "bfcl_result_flat.json"):
        shutil.copy(hand_made(name), tmp_path / name)
    (tmp_path / ".hidden").write_text("no trace")
    imported = read_sessions(str(tmp_path))
    assert {Path(file).name: form for file, form in imported.formats.items()} == {
        "bfcl_result_flat.json": "bfcl_result",
        "tracelab.jsonl": "tracelab",
    }
    assert len(imported.sessions) == 5


def test_an_empty_folder_is_a_fault(tmp_path):
    with pytest.raises(ImportFault, match="in this folder"):
        read_sessions(str(tmp_path))


def test_sessions_that_contradict_themselves_are_named_or_skipped(tmp_path):
    path = tmp_path / "t.jsonl"
    good = session_line(TINY)
    bad = good.replace('"model": "m"', '"model": "m", "llm_s": -1').replace(
        '"provenance": {}', '"provenance": {"step.llm_s": "measured"}'
    )
    path.write_text(good + "\n" + bad + "\n")
    with pytest.raises(ImportFault, match=r"t\.jsonl:2: session 's': turn 1, step 1: llm_s is -1"):
        read_sessions(str(path))
    imported = read_sessions(str(path), broken="skip")
    assert (len(imported.sessions), len(imported.faults)) == (1, 1)


def test_a_file_of_faults_has_no_session_and_says_the_first(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_text(session_line(TINY).replace('"model"', '"modell"') + "\n")
    with pytest.raises(ImportFault, match=r"no session in it; the first fault: .*t\.jsonl:1: .*unknown field 'modell'"):
        read_sessions(str(path), broken="skip")


@pytest.mark.parametrize("path", sorted(HAND_MADE.iterdir()), ids=lambda path: path.name)
def test_each_session_marks_all_the_fields_that_it_has_and_no_other(path):
    sessions = read_sessions(str(path)).sessions
    assert sessions
    for session in sessions:
        assert set(session.provenance) == marked_fields(session)


# ------------------------------------------------------------------------------------------------ broken files

ODD: list[object] = [
    None,
    True,
    -1,
    0,
    1.5,
    1e308,
    10**30,
    "",
    "x",
    "2026-03-01T10:00:01Z",
    [],
    [1],
    ["a"],
    [[]],
    {},
    {"a": 1},
    [{}],
]
files = st.sampled_from(sorted(HAND_MADE.iterdir()))


def sessions_of(path: Path, text: str, broken) -> list[RecordedSession]:
    """What is read from a file with another content; what is skipped does not stop the rest."""
    source = Source(str(path), broken)
    source.text = text
    sessions = []
    for _, session in reader(format_of(path.name)).read(source):
        try:
            sessions.append(check_session(session))
        except ValueError as error:
            source.fault(str(error))
    return sessions


def places(value, path=()):
    if path:
        yield path
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(item, (*path, key))


def documents(path: Path) -> list[Any]:
    try:
        return [json.loads(path.read_text())]
    except ValueError:
        return [json.loads(line) for line in path.read_text().splitlines()]


@settings(max_examples=300)
@given(files.filter(lambda path: path.suffix != ".csv"), st.data())
def test_whatever_stands_in_a_field_a_file_is_read_or_told_to_be_faulty(path, data):
    records = documents(path)
    record = records[data.draw(st.integers(0, len(records) - 1))]
    *way, last = data.draw(st.sampled_from(list(places(record))))
    part = record
    for key in way:
        part = part[key]
    if data.draw(st.booleans()):
        part[last] = data.draw(st.sampled_from(ODD))
    else:
        del part[last]
    text = "\n".join(map(json.dumps, records))
    for session in sessions_of(path, text, "skip"):
        assert parse_session(json.loads(session_line(session))) == session
    with suppress(ImportFault):
        sessions_of(path, text, "fail")


@given(files, st.data())
def test_a_file_that_ends_too_early_is_read_or_told_to_be_faulty(path, data):
    text = path.read_text()
    cut = text[: data.draw(st.integers(0, len(text)))]
    with suppress(ImportFault):
        assert len(sessions_of(path, cut, "skip")) <= len(sessions_of(path, text, "fail"))


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ('{"x": 1e999}', "larger than any number"),
        ('{"x": NaN}', "NaN is not JSON"),
        ('{"x": ' + "[" * 80 + "]" * 80 + "}", "nested more than 64 deep"),
    ],
)
def test_what_no_later_step_could_hold_is_refused_here(tmp_path: Path, args: str, words: str):
    head = '{"schema": "asyncfc.workload/1", "session": "s", "source": "hand", "turns": '
    path = tmp_path / "odd.jsonl"
    path.write_text(
        f'{head}[{{"steps": [{{"calls": [{{"id": "c", "tool": "t", "args": {args}}}]}}]}}]}}\n', encoding="utf-8"
    )
    with pytest.raises(ImportFault, match=words):
        read_sessions(str(path))


def test_a_mistake_of_units_is_told_by_its_size(tmp_path: Path):
    path = tmp_path / "ns.jsonl"
    step = '{"llm_s": 1e15}'
    path.write_text(
        '{"schema": "asyncfc.workload/1", "session": "s", "source": "hand", "provenance": {"step.llm_s": "measured"}, '
        f'"turns": [{{"steps": [{step}]}}]}}\n',
        encoding="utf-8",
    )
    with pytest.raises(ImportFault, match="are the units right"):
        read_sessions(str(path))


def test_a_document_that_was_cut_is_broken_json_not_an_unknown_format(tmp_path: Path):
    whole = (HAND_MADE / "mini_swe_agent_v2.traj.json").read_text(encoding="utf-8")
    path = tmp_path / "cut.traj.json"
    path.write_text(whole[: len(whole) // 2], encoding="utf-8")
    with pytest.raises(ImportFault, match="broken JSON, line"):
        read_sessions(str(path))


def test_of_many_files_a_strange_one_is_skipped_on_request(tmp_path: Path):
    (tmp_path / "a.jsonl").write_bytes((HAND_MADE / "weka.jsonl").read_bytes())
    (tmp_path / "b.json").write_text("{}")
    (tmp_path / "NOTES.txt").write_text("not even looked at")
    with pytest.raises(ImportFault, match=r"b\.json: not a trace"):
        read_sessions(str(tmp_path))
    found = read_sessions(str(tmp_path), broken="skip")
    assert [fault.partition(": ")[0] for fault in found.faults] == [str(tmp_path / "b.json")]
    assert found.sessions
