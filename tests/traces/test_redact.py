"""Secrets are replaced wherever they stand, and nothing else is."""

from asyncfc_sim.traces.redact import REDACTED, redacted, redacting
from asyncfc_sim.traces.trace import Event, Header, Run

KEY = "sk-0123456789"


def test_in_values_names_and_longer_strings():
    redact = redacting([KEY])
    value = {"url": f"http://host/?key={KEY}&x=1", KEY: [1, None, KEY], "n": 5}
    assert redact(value) == {"url": f"http://host/?key={REDACTED}&x=1", REDACTED: [1, None, REDACTED], "n": 5}


def test_short_ones_and_none_change_nothing():
    value = {"a": "secret"}
    assert redacting(["secret"])(value) == value
    assert redacting([])(value) is value


def test_of_two_that_overlap_the_longer_is_found():
    assert redacting([KEY, KEY + "-extra"])(KEY + "-extra") == REDACTED


def test_a_run_loses_it_in_header_and_events():
    run = Run(
        Header(run="r", source="live", clock="wall", case=f"say {KEY}", inputs={"endpoint": f"http://{KEY}@host"}),
        (Event(0.0, "finish", {"future": 1, "value": {"text": KEY}}),),
    )
    clean = redacted(run, [KEY])
    assert KEY not in repr(clean)
    assert clean.header.case == f"say {REDACTED}"
    assert clean.events[0].fields == {"future": 1, "value": {"text": REDACTED}}
