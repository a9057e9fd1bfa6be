"""A session that is fed its journal is the session it was, wherever the journal ends, under any policy."""

import json
from typing import Any, get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from asyncfc_sim.core.policy import Policy
from asyncfc_sim.core.scheduler import Failure
from asyncfc_sim.core.session_events import Action, Event
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.live.inputs import from_row, to_row
from asyncfc_sim.live.plan import Plan
from asyncfc_sim.live.rebuilt import Rebuilt
from asyncfc_sim.traces.encode import encode_fields
from asyncfc_sim.traces.entries import trace_entry
from asyncfc_sim.traces.journal import Entry, JournaledRun
from asyncfc_sim.traces.trace import Header
from tests.conversations import chooser, conversations, policies, tools, value_of
from tests.dialogue import Dialogue
from tests.scripted import Play, Said


class Journaled(Dialogue):
    """A dialogue that keeps what a journal would, as text."""

    def __init__(self, policy: Policy, declared: dict[str, Tool]) -> None:
        self.events: list[Entry] = []
        self.inputs: list[Entry] = []
        self.plan = json.loads(json.dumps(Plan(["go"], policy, "m", "memory").to_json()))
        super().__init__(policy, declared, begin=False, watch=self._record)

    def _record(self, entry: object) -> None:
        traced = trace_entry(entry)
        if traced is not None:
            body = json.loads(json.dumps(encode_fields(*traced)))
            self.events.append(Entry(self.rows + 1, 0.0, traced[0], body))

    def feed(self, event: Event) -> list[Action]:
        kind, body = to_row(event)
        self.inputs.append(Entry(self.rows + 1, 0.0, kind, json.loads(json.dumps(body))))
        return super().feed(event)

    @property
    def rows(self) -> int:
        return len(self.events) + len(self.inputs)

    def cut_off(self, rows: int) -> JournaledRun:
        events, inputs = (tuple(e for e in entries if e.seq <= rows) for entries in (self.events, self.inputs))
        return JournaledRun(1, Header(run="r", source="live", clock="wall"), self.plan, events, inputs)


def left(talk: Dialogue) -> tuple[Any, ...]:
    """What is still to be done in a dialogue."""
    return set(talk.running), set(talk.questions), talk.asked, [answer or "" for answer in talk.answers]


@settings(max_examples=150)
@given(
    said=conversations(),
    policy=policies([*get_args(Failure)]),
    declared=tools(),
    approve=st.booleans(),
    turns=st.integers(1, 2),
    data=st.data(),
)
def test_a_session_is_rebuilt_from_any_cut(
    said: list[Said], policy: Policy, declared: dict[str, Tool], approve: bool, turns: int, data: st.DataObject
) -> None:
    lines, talk = list(said), Journaled(policy, declared)
    moments: dict[int, tuple[Any, ...]] = {}

    def look(talk: Dialogue) -> None:
        assert isinstance(talk, Journaled)
        moments[talk.rows] = left(talk)

    talk.user()
    Play(
        talk,
        lambda: lines.pop(0) if lines else Said((), "done"),
        chooser(data),
        turns,
        approve,
        values=value_of,
        after_each=look,
    ).run()
    for rows, was in moments.items():  # between two inputs: just what was left is left
        past = Rebuilt(talk.cut_off(rows), declared)
        assert (set(past.under_way), set(past.questions), past.request is not None, past.outputs) == was
        assert not past.unwritten
    rows = data.draw(st.integers(0, talk.rows))  # anywhere: what the session did beyond is told as not written
    past = Rebuilt(talk.cut_off(rows), declared)
    kept = len([entry for entry in talk.events if entry.seq <= rows])
    entries: list[object] = list(past.unwritten)
    past.log = entries.append
    for entry in talk.inputs:
        if entry.seq > rows:
            past.session.feed(from_row(entry.name, entry.body))  # type: ignore[arg-type]
    traced = [trace_entry(entry) for entry in entries]
    rules = [each[0] for each in traced if each is not None and each[0] != "give_up"]
    assert rules == [entry.name for entry in talk.events[kept:] if entry.name != "give_up"]
    assert past.session.transcript.messages == talk.session.transcript.messages
