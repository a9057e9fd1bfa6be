"""Files that were tampered with: whatever stands in a field, a reader makes sessions of it or says what is wrong."""

import copy
import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asyncfc_sim.traces.importers.formats import reader
from asyncfc_sim.traces.importers.source import ImportFault, Source
from asyncfc_sim.traces.sessions import SessionError, check_session, parse_session, session_line
from tests.trace_files import hand_made

FILES = {
    "weka.jsonl": "weka",
    "llmservingsim.jsonl": "llmservingsim",
    "llmservingsim.requests.jsonl": "llmservingsim",
    "mooncake.jsonl": "mooncake",
    "mini_swe_agent_short.jsonl": "mini_swe_agent",
    "mini_swe_agent_v1.traj.json": "mini_swe_agent",
    "mini_swe_agent_v2.traj.json": "mini_swe_agent",
    "otlp.jsonl": "otlp",
}

values = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 10**20) | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=3,
)


def places(value, here=()):
    """The path to every part of a JSON value, but for the value itself."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in inner:
        yield (*here, key)
        yield from places(part, (*here, key))


def tampered(document, place, change):
    document = copy.deepcopy(document)
    part = document
    for key in place[:-1]:
        part = part[key]
    if change is ...:
        del part[place[-1]]
    else:
        part[place[-1]] = change
    return document


def documents(name):
    text = Path(hand_made(name)).read_text()
    return [json.loads(text)] if name.endswith(".json") else [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("name", FILES)
def test_a_tampered_file_is_read_or_its_fault_is_told(name, tmp_path_factory):
    original = documents(name)
    everywhere = list(places(original))
    path = tmp_path_factory.mktemp("tampered") / name
    module = reader(FILES[name])
    seen: Counter[str] = Counter()

    @settings(max_examples=80, database=None)
    @given(st.sampled_from(everywhere), st.just(...) | values)
    def tamper(place, change):
        lines = tampered(original, place, change)
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        source = Source(str(path))
        try:
            module.looks_like(source)
            sessions = [check_session(session) for _, session in module.read(source)]
        except (ImportFault, SessionError):
            seen["told"] += 1
        else:
            seen["read"] += 1
            assert [parse_session(json.loads(session_line(session))) for session in sessions] == sessions

    tamper()
    assert seen["told"]
    assert seen["read"]
