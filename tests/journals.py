"""Journals as kills leave them: a run that was journaled whole, up to some row."""

from dataclasses import replace
from pathlib import Path

from asyncfc_sim.traces.encode import template_from_json
from asyncfc_sim.traces.journal import Entry, JournaledRun
from asyncfc_sim.traces.journal_writer import JournalWriter


def cut_off(run: JournaledRun, rows: int) -> JournaledRun:
    """What a kill would have left of a run that struck when so many rows were on disk."""
    events, inputs = (tuple(e for e in entries if e.seq <= rows) for entries in (run.events, run.inputs))
    return replace(run, events=events, inputs=inputs)


def write(path: Path, run: JournaledRun) -> None:
    writer = JournalWriter(path)
    writer.begin(run.header, run.plan)
    for is_event, entry in sorted([*((True, e) for e in run.events), *((False, e) for e in run.inputs)], key=_place):
        body = entry.body
        if is_event and entry.name == "issue":  # a writer is given templates, and encodes them itself
            body = {**body, "args": template_from_json(body["args"])}
        (writer.event if is_event else writer.input)(entry.t, entry.name, body)
    writer.close()


def _place(row: tuple[bool, Entry]) -> int:
    return row[1].seq
