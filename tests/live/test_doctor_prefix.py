"""How the doctor finds out whether a server keeps the prefixes of conversations."""

import json
from itertools import repeat

import pytest

from asyncfc_sim.live.doctor import Doctor
from asyncfc_sim.live.doctor_prefix import PAIRS, Prefixes
from asyncfc_sim.live.doctor_wire import Wire
from tests.chat_server import ChatServer
from tests.doctor_patients import examined, remembering, well


@pytest.mark.parametrize(
    ("cold_s", "warm_s", "cached", "kept"),
    [
        ([0.30, 0.31, 0.40], [0.05, 0.06, 0.05], [None] * 3, True),  # by time alone
        ([0.30, 0.31, 0.40], [0.05, 0.32, 0.05], [None] * 3, None),  # one was as slow as those that were new
        ([0.006, 0.007, 0.008], [0.001, 0.002, 0.001], [None] * 3, None),  # so little may be anything
        ([0.30, 0.31, 0.40], [0.25, 0.26, 0.27], [None] * 3, None),  # sooner, but hardly
        ([0.30, 0.30, 0.30], [0.30, 0.30, 0.30], [3000, 3000, 3000], True),  # by the server's count
        ([0.30, 0.30, 0.30], [0.30, 0.30, 0.30], [0, 0, 0], False),
        ([0.30, 0.31, 0.40], [0.05, 0.06, 0.05], [0, 0, 0], None),  # the clock and the count contradict each other
        ([0.30, 0.30, 0.30], [0.30, 0.30, 0.30], [3000, 0, 3000], None),
    ],
)
def test_a_prefix_cache_is_claimed_only_if_it_is_clear(cold_s, warm_s, cached, kept):
    assert Prefixes(cold_s, warm_s, cached).kept is kept


@pytest.mark.parametrize(
    ("cold_s", "warm_s", "short_s", "kept"),
    [
        ([0.30, 0.31, 0.40], [0.29, 0.30, 0.35], [0.05, 0.06, 0.05], False),  # it is read, and read again
        ([0.30, 0.31, 0.40], [0.29, 0.30, 0.35], [0.25, 0.26, 0.25], None),  # whatever takes so long is not reading
        ([0.30, 0.31, 0.40], [0.22, 0.23, 0.25], [0.05, 0.06, 0.05], None),  # a part of it may be kept
        ([0.30, 0.31, 0.40], [0.05, 0.06, 0.05], [0.05, 0.06, 0.05], True),
    ],
)
def test_that_none_is_kept_is_claimed_only_if_reading_takes_the_time(cold_s, warm_s, short_s, kept):
    assert Prefixes(cold_s, warm_s, [None] * 3, short_s).kept is kept


@pytest.mark.parametrize(("cached", "verdict"), [((0, 3000), "ok"), ((0, 0), "costs")])
def test_a_prefix_cache_is_measured(cached, verdict):
    finding = examined(remembering(0.0, 0.02, cached))["prefix cache"]
    assert finding.verdict == verdict
    for name, counts in (("cold_s", None), ("warm_s", None), ("cached_tokens", [cached[1]] * PAIRS)):
        assert len(finding.measured[name]) == PAIRS
        assert counts is None or finding.measured[name] == counts


def test_no_two_prompts_begin_alike():
    with ChatServer(repeat(well)) as server:
        list(Doctor(Wire(server.base_url)).examine())
    long = [body["messages"][-1]["content"] for body in server.bodies if len(json.dumps(body)) > 5000]
    assert len(long) == 2 * PAIRS
    assert len({prompt[:8] for prompt in long}) == PAIRS
