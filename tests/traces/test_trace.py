"""The native trace: what is written is what is read, and every fault is named with its place."""

import gzip
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.core.footprint import parse_pattern
from asyncfc_sim.core.references import Ref, Text
from asyncfc_sim.core.values import ErrorValue
from asyncfc_sim.traces import trace
from asyncfc_sim.traces.rules import RULES
from asyncfc_sim.traces.trace import (
    SCHEMA,
    Event,
    Header,
    Recorder,
    Run,
    TraceError,
    parse_trace,
    previewed,
    read_trace,
    write_trace,
)
from tests.trace_examples import async_run, long_run, sync_run, troubled_run

EXAMPLES = [sync_run(), async_run(), troubled_run(), long_run()]
HEADER = {"schema": SCHEMA, "run": "r", "source": "simulate", "clock": "simulated"}

texts = st.text(max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
futures = st.integers(1, 10**6)
patterns = st.sampled_from(["*", "a", "file:*", "file:d/x", "file:/d/*"])
OF_KIND = {
    "future": futures,
    "futures": st.lists(futures, max_size=3),
    "text": texts,
    "pattern": patterns,
    "patterns": st.lists(patterns, max_size=3),
    "object": st.dictionaries(texts, values, max_size=3),
    "error": st.fixed_dictionaries({"kind": texts, "message": texts}),
    "count": st.integers(0, 10**9),
    "number": st.integers(0, 10**9) | st.floats(0, 1e9),
    "mode": st.sampled_from("rw"),
    "value": values,
}


@st.composite
def events(draw) -> list[Event]:
    made, t = [], 0.0
    for rule in draw(st.lists(st.sampled_from(list(RULES)), max_size=12)):
        t += draw(st.floats(0, 1e6))
        kinds = {name: kind for name, kind in RULES[rule].items() if not kind.endswith("?") or draw(st.booleans())}
        made.append(Event(t, rule, {name: draw(OF_KIND[kind.rstrip("?")]) for name, kind in kinds.items()}))
    return made


headers = st.builds(
    Header,
    run=texts,
    source=st.sampled_from(["simulate", "live", "reference", "walk"]),
    clock=st.sampled_from(["simulated", "wall"]),
    policy=st.none() | texts,
    case=st.none() | texts,
    seed=st.none() | st.integers(),
    version=texts,
    inputs=st.dictionaries(texts, values, max_size=3),
)
runs = st.builds(Run, headers, events().map(tuple))


@given(st.lists(runs, min_size=1, max_size=3))
def test_what_is_written_is_what_is_read(some):
    out = io.StringIO()
    write_trace(out, some)
    lines = out.getvalue().encode().splitlines(keepends=True)
    assert parse_trace(lines) == some
    assert all(isinstance(json.loads(line), dict) for line in lines)


@pytest.mark.parametrize("name", ["runs.jsonl", "runs.jsonl.gz"])
def test_a_file_holds_several_runs(tmp_path, name):
    path = tmp_path / name
    write_trace(path, EXAMPLES)
    assert read_trace(path) == EXAMPLES
    assert read_trace(str(path)) == EXAMPLES
    written = path.read_bytes()
    write_trace(path, EXAMPLES)
    assert path.read_bytes() == written  # same runs, same bytes
    assert [item.name for item in tmp_path.iterdir()] == [name]


def test_half_of_a_surrogate_pair_survives(tmp_path):
    run = Run(Header(run="r", source="live"), (Event(0.0, "finish", {"future": 1, "value": "\ud800 ü"}),))
    write_trace(tmp_path / "t.jsonl", [run])
    assert read_trace(tmp_path / "t.jsonl") == [run]


# ---------------------------------------------------------------------------------------------------- recording


def test_a_recorder_turns_what_the_core_hands_out_into_json():
    recorder = Recorder(Header(run="r", source="live"))
    args = {"a": Ref(1, ("items", 0)), "b": Text(("about ", Ref(2))), "c": "$f3", "d": [{"e": Ref(4)}, "$5.00"]}
    recorder.record((0.0, "issue", {"future": 5, "tool": "t", "args": args, "message": None}))
    effects = {"reads": (parse_pattern("file:/d/*"),), "writes": (parse_pattern("*"),)}
    recorder.record((1, "start", {"future": 5, "tool": "t", "args": {"a": "$f1", "b": (1, 2)}, **effects}))
    error = ErrorValue("tool_error", "no", origin=5, retryable=True)
    recorder.record((2.5, "fail", {"future": 5, "error": error}))
    issue, start, fail = recorder.run().events
    assert issue.fields["args"] == {
        "a": "$f1.items[0]",
        "b": "about ${f2}",
        "c": "$$f3",  # the text, not a reference
        "d": [{"e": "$f4"}, "$5.00"],
    }
    assert "message" not in issue.fields
    # Bound arguments are values: nothing in them is a reference, so nothing is escaped.
    assert (start.t, start.fields["args"]) == (1.0, {"a": "$f1", "b": [1, 2]})
    assert (start.fields["reads"], start.fields["writes"]) == (["file:d/*"], ["*"])
    assert fail.fields["error"] == {
        "kind": "tool_error",
        "message": "no",
        "origin": "$f5",
        "retryable": True,
        "effects": "none",
    }


def test_numbers_of_numpy_are_numbers():
    numpy = pytest.importorskip("numpy")
    recorder = Recorder(Header(run="r", source="simulate"))
    recorder.record((numpy.float64(1.5), "message", {"turn": numpy.int64(1), "tokens": numpy.float32(2.0)}))
    (event,) = recorder.run().events
    assert event == (1.5, "message", {"turn": 1, "tokens": 2.0})
    assert json.dumps(event) == '[1.5, "message", {"turn": 1, "tokens": 2.0}]'


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ((0.0, "finish", {"future": 1, "value": {1, 2}}), "event 1: finish: value: {1, 2} (set) is not JSON"),
        ((0.0, "finish", {"future": 1, "value": float("nan")}), "nan (float) is not JSON"),
        ((0.0, "finish", {"future": 1, "value": {1: 2}}), "a key that is no string"),
        ((0.0, "strat", {"future": 1}), "unknown rule 'strat'; did you mean 'start'?"),
        ((-1.0, "user", {"turn": 0}), "-1.0; expected seconds since the start of the run"),
        ((float("inf"), "user", {"turn": 0}), "the time t is inf"),
        ((0.0, "cancel", {"future": 0}), "cancel: future is 0; expected the number of a future"),
        ((0.0, "user", {"turn": True}), "user: turn is True; expected a whole number"),
    ],
)
def test_a_driver_that_records_nonsense_is_told(event, expected):
    recorder = Recorder(Header(run="odd", source="simulate"))
    recorder.record(event)
    with pytest.raises(TraceError, match="run 'odd'") as caught:
        recorder.run()
    assert expected in str(caught.value)


def test_long_values_can_be_cut_and_the_header_says_so(tmp_path):
    run = Run(
        Header(run="r", source="live"),
        (
            Event(0.0, "finish", {"future": 1, "value": "x" * 50}),
            Event(0.0, "finish", {"future": 2, "value": [1, 2]}),
            Event(0.0, "issue", {"future": 3, "tool": "t", "args": {"a": "y" * 50}}),
        ),
    )
    cut = previewed(run, 10)
    assert cut.header.values == "preview"
    assert cut.events[0].fields["value"] == {"preview": "x" * 10, "chars": 50}
    assert cut.events[1:] == run.events[1:]  # short, or needed whole to read the references in it
    write_trace(tmp_path / "t", [cut])
    assert read_trace(tmp_path / "t") == [cut]


# ------------------------------------------------------------------------------------------------------- faults

OK = json.dumps(HEADER)
USER = '{"t":1,"rule":"user","turn":0}'


@pytest.mark.parametrize(
    ("lines", "line", "expected"),
    [
        ([OK, '{"t":0,'], 2, "broken JSON, column"),
        ([OK, USER, "[1]"], 3, "expected a JSON object"),
        ([OK, '{"t":0}'], 2, 'expected a header (with "schema") or an event (with "t" and "rule")'),
        ([USER], 1, "an event before any header"),
        ([json.dumps({**HEADER, "schema": "asyncfc.trace/9"})], 1, "schema is 'asyncfc.trace/9'; this version reads"),
        ([json.dumps({**HEADER, "source": "dream"})], 1, 'source is \'dream\'; expected "simulate" or "live"'),
        ([json.dumps({"schema": SCHEMA, "run": "r"})], 1, "the header lacks the field 'source'"),
        ([json.dumps({**HEADER, "decoder": "x"})], 1, "unknown header field 'decoder'"),
        ([json.dumps({**HEADER, "seed": 1.5})], 1, "seed is 1.5; expected a whole number"),
        ([json.dumps({**HEADER, "inputs": None})], 1, "inputs is None; expected an object"),
        ([OK, '{"t":0,"rule":"touched","futures":[]}'], 2, "unknown rule 'touched'; did you mean 'touch'?"),
        ([OK, '{"t":0,"rule":"zzz"}'], 2, "expected one of issue, start"),
        ([OK, '{"t":0,"rule":["a"]}'], 2, "unknown rule ['a']"),
        ([OK, '{"t":0,"rule":"finish","future":1}'], 2, "finish lacks the field 'value'"),
        ([OK, '{"t":0,"rule":"touch","futures":["$f1"]}'], 2, "futures is ['$f1']; expected a list of numbers"),
        ([OK, '{"t":0,"rule":"access","future":1,"mode":"x","key":"k"}'], 2, 'expected "r" or "w"'),
        ([OK, USER, '{"t":0.5,"rule":"user","turn":1}'], 3, "time goes backwards, from 1.0 s to 0.5 s"),
        ([OK, '{"t":-0.5,"rule":"user","turn":1}'], 2, "the time t is -0.5"),
        ([OK, '{"rule":"user","turn":1}'], 2, "the time t is None"),
        ([OK, '{"t":"0","rule":"user","turn":1}'], 2, "the time t is '0'"),
        ([OK, '{"t":0,"rule":"finish","future":1,"value":NaN}'], 2, "NaN is not JSON"),
        ([OK, '{"t":0,"rule":"finish","future":1,"value":' + "[" * 10**5], 2, ""),
        ([], None, "no run in it"),
        (["", " "], None, "no run in it"),
    ],
)
def test_a_fault_is_named_with_file_and_line(tmp_path, lines, line, expected):
    path = tmp_path / "bad.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(TraceError) as caught:
        read_trace(path)
    assert (caught.value.path, caught.value.line) == (str(path), line)
    assert str(caught.value).startswith(f"{path}:{line}: " if line else f"{path}: ")
    assert expected in caught.value.message


def test_time_may_begin_again_with_a_new_run():
    lines = [line.encode() for line in (OK, USER, OK, USER)]
    assert [len(run.events) for run in parse_trace(lines)] == [1, 1]


def test_a_file_that_is_no_text_or_no_gzip_is_named(tmp_path):
    binary, packed, short = tmp_path / "b", tmp_path / "p.gz", tmp_path / "s.gz"
    binary.write_bytes(OK.encode() + b'\n{"t":\xff}\n')
    packed.write_bytes(b"not gzip")
    whole = gzip.compress((OK + "\n").encode() * 1000)
    short.write_bytes(whole[: len(whole) // 2])
    for path, expected in ((binary, "2: not UTF-8"), (packed, "broken gzip data"), (short, "broken gzip data")):
        with pytest.raises(TraceError, match=expected):
            read_trace(path)


def test_a_missing_file_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_trace(tmp_path / "none.jsonl")
    with pytest.raises(FileNotFoundError):
        write_trace(tmp_path / "no" / "such" / "folder.jsonl", EXAMPLES)


def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_text("old")

    def interrupted():
        yield sync_run()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_trace(path, interrupted())
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_and_a_device_are_written_through(tmp_path):
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_text("old")
    link.symlink_to(real)
    write_trace(link, [sync_run()])
    assert link.is_symlink()
    assert read_trace(real) == [sync_run()]
    write_trace("/dev/null", [sync_run()])
    assert not Path("/dev/null").is_file()


def test_a_value_that_is_not_json_is_refused_and_nothing_is_written(tmp_path):
    run = Run(Header(run="r", source="live"), (Event(0.0, "finish", {"future": 1, "value": object()}),))
    with pytest.raises(TraceError, match="run 'r': finish"):
        write_trace(tmp_path / "t", [run])
    assert list(tmp_path.iterdir()) == []


# ----------------------------------------------------------------------------------------------------- the page


def test_the_description_of_the_format_names_every_rule_and_field():
    assert trace.__doc__ is not None
    lines = {line.split()[0]: line for line in trace.__doc__.splitlines() if line.startswith("    ") and line.split()}
    for rule, fields in RULES.items():
        assert all(name + "?" * kind.endswith("?") in lines[rule] for name, kind in fields.items()), rule


def test_recording_is_an_append_and_nothing_else():
    recorder = Recorder(Header(run="r", source="simulate"))
    event = (0.0, "not looked at", {"anything": object()})
    recorder.record(event)
    assert recorder.events[0] is event
