"""A trace file as an importer sees it: unpacked, line by line, and nothing broken passes in silence."""

import gzip
import io
import sys

import pytest

from asyncfc_sim.traces.importers.source import ImportFault, Source

LINES = '{"a": 1}\n\n{"a": 2}\n'


@pytest.fixture
def source(tmp_path):
    def make(content: str | bytes, broken="fail", name="t.jsonl"):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return Source(str(path), broken)

    return make


def test_records_have_the_numbers_of_their_lines(source):
    assert list(source(LINES).records()) == [(1, {"a": 1}), (3, {"a": 2})]


@pytest.mark.parametrize(
    "content", [gzip.compress(LINES.encode()), b"\xef\xbb\xbf" + LINES.encode(), LINES.replace("\n", "\r\n")]
)
def test_compressed_marked_and_foreign_line_ends_are_the_same(source, content):
    assert list(source(content).records()) == [(1, {"a": 1}), (3, {"a": 2})]


def test_a_separator_inside_a_string_ends_no_line(source):
    assert list(source('{"a": "x\u2028y\u0085z"}\n').records()) == [(1, {"a": "x\u2028y\u0085z"})]


def test_standard_input_has_a_name(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(gzip.compress(b"{"))))
    source = Source("-")
    assert (source.name, source.stem, source.text) == ("<stdin>", "stdin", "{")


@pytest.mark.parametrize(("path", "stem"), [("a/b.jsonl", "b"), ("b.jsonl.gz", "b"), ("b.traj.json", "b")])
def test_the_stem_names_what_has_no_name(path, stem):
    assert Source(path).stem == stem


FAULTY = [
    ("{", "broken JSON, column 2"),
    ("[1]", "expected a JSON object"),
    ('{"a": NaN}', "NaN is not JSON"),
    ("[" * 100_000, "nested too deeply"),
]


@pytest.mark.parametrize(("line", "words"), FAULTY)
def test_a_faulty_line_ends_the_reading_with_its_place(source, line, words):
    faulty = source(LINES + line + "\n")
    with pytest.raises(ImportFault) as fault:
        list(faulty.records())
    assert str(fault.value).startswith(f"{faulty.name}:4: ")
    assert words in str(fault.value)


@pytest.mark.parametrize(("line", "words"), FAULTY)
def test_or_is_noted_if_it_is_to_be_skipped(source, line, words):
    faulty = source(line + "\n" + LINES, broken="skip")
    assert [record for _, record in faulty.records()] == [{"a": 1}, {"a": 2}]
    (note,) = faulty.faults
    assert note.startswith(f"{faulty.name}:1: ")
    assert words in note


def test_bytes_that_are_no_text_are_a_fault_of_the_file(source):
    with pytest.raises(ImportFault, match=r"t\.jsonl:2: not UTF-8 \(byte 4 of the file\)"):
        _ = source(b"{}\n\xff").text


@pytest.mark.parametrize("cut", [15, 30])
def test_half_a_gzip_file_is_a_fault_of_the_file(source, cut):
    with pytest.raises(ImportFault, match="broken gzip data"):
        _ = source(gzip.compress(LINES.encode() * 10)[:cut]).text


def test_a_file_that_is_not_there_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        _ = Source(str(tmp_path / "none")).text


def test_a_document_is_one_value_and_lines_are_none(source):
    assert source('{\n"a": [1]}').document == {"a": [1]}
    assert source(LINES).document is None
    assert source('{"a": Infinity}').document is None
    assert source("[" * 100_000).document is None


def test_formats_are_recognised_by_the_first_lines_whatever_is_broken(source):
    assert source("{\n" + LINES).first == {"a": 1}
    assert source("text\n" * 100 + LINES).first == {}
    assert source("").first == {}
    assert list(source(LINES).peek()) == [{"a": 1}, {"a": 2}]
    assert list(source(LINES).peek(lines=2)) == [{"a": 1}]
