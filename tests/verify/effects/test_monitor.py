"""Calls are compared with all that were watched before, and what is only a suspicion is looked at again."""

from __future__ import annotations

from pathlib import Path

from asyncfc_sim.verify.effects.access import told
from asyncfc_sim.verify.effects.declared import Declared
from asyncfc_sim.verify.effects.function_subject import FunctionSubject, function_subject
from asyncfc_sim.verify.effects.monitor import Seen, Watched, meeting, places_shared, watch
from asyncfc_sim.verify.effects.search import Search
from asyncfc_sim.verify.effects.trial import Call, Trial
from tests.verify.effects import planted_tools as planted
from tests.verify.effects.sources import tools_from


def watched(subject: FunctionSubject, call: Call, *prefix: Call) -> Watched:
    return watch(subject, Declared(subject.tools), Trial(prefix, call, call))


WRITE, READ = Call("write", {"path": "a", "text": "x"}), Call("ci_read", {"path": "A"})
OTHER = Call("write", {"path": "b", "text": "x"})


def test_two_calls_meet_that_were_never_tried_together():
    with function_subject([planted.write, planted.ci_read]) as subject:
        declared = Declared(subject.tools)
        seen = Seen(declared)
        for call in (WRITE, OTHER):
            seen.add(watched(subject, call))
        reading = watched(subject, READ)
        assert [each.call for each in seen.suspicions(reading)] == [WRITE]
        met = meeting(declared, reading, watched(subject, WRITE))
    assert met is not None
    assert told(met.place) == "FILES['a']"
    assert met.words() == "ci_read reads FILES['a'], which write writes"


def test_calls_that_conflict_by_declaration_are_not_suspected():
    with function_subject([planted.write, planted.read]) as subject:
        seen = Seen(Declared(subject.tools))
        seen.add(watched(subject, WRITE))
        assert list(seen.suspicions(watched(subject, Call("read", {"path": "a"})))) == []


def test_a_call_that_writes_although_it_says_that_it_does_not_meets_itself():
    with function_subject([planted.hits]) as subject:
        call = watched(subject, Call("hits", {}))
        met = meeting(Declared(subject.tools), call, call)
    assert met is not None
    assert met.words() == "hits writes STATS['hits']"


def test_a_place_that_changes_hands_between_states_gives_no_alarm(tmp_path: Path):
    """The number of an order belongs to whoever came first; in each state, orders of two people are two orders."""
    source = """
        ORDERS = {}

        @tool(writes=["orders:*"])
        def order(who: str) -> int:
            ORDERS[len(ORDERS)] = [who, "placed"]
            return len(ORDERS) - 1

        @tool(writes=["orders:{who}"])
        def cancel(who: str) -> int:
            mine = [entry for entry in ORDERS.values() if entry[0] == who]
            for entry in mine:
                entry[1] = "cancelled"
            return len(mine)
    """
    with function_subject(tools_from(tmp_path, source)) as subject:
        first, second = Call("cancel", {"who": "a"}), Call("cancel", {"who": "b"})
        seen = Seen(Declared(subject.tools))
        one = watched(subject, first, Call("order", {"who": "a"}))
        other = watched(subject, second, Call("order", {"who": "b"}))
        seen.add(one)
        assert [each.call for each in seen.suspicions(other)] == [first]
        assert places_shared((one, other)) != []
        search = Search(subject)
        for _ in range(60):
            search.trial(search.pairs["cancel", "cancel"])
        assert search.found == {}
        assert len(search.seen.calls) == 120
