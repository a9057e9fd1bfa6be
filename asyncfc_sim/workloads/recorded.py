"""A file of recorded sessions as a workload, in any format that can be imported, with what it rests on in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from asyncfc_sim.traces.importers.formats import Imported, read_sessions
from asyncfc_sim.traces.sessions import RecordedSession

from .program_file import read_text
from .recorded_task import recorded_task
from .tools_file import parse_tools
from .workload import Task


@dataclass(frozen=True, slots=True)
class RecordedWorkload:
    """The tasks of a trace file, what they rest on in words, and the faults that were skipped."""

    tasks: list[Task]
    notes: list[str]
    imported: Imported


def load_recorded(path: str, n: int | None = None, *, tools: str | None = None, skip: bool = False) -> RecordedWorkload:
    """The first `n` sessions of a trace file or a folder of them, in any format that can be imported.

    `tools` is a tools file whose footprints stand in for ours; `skip` notes broken lines instead of stopping at one.
    What a sub-agent did is in the time of the call that started it, so its own session is left out.
    Raises ImportFault, ToolsFileError, OSError.
    """
    imported = read_sessions(path, broken="skip" if skip else "fail")
    declared = {} if tools is None else parse_tools(*read_text(tools))
    sessions = [session for session in imported.sessions if session.parent is None]
    chosen = (sessions or imported.sessions)[:n]
    tasks = [recorded_task(session, declared) for session in _named_apart(chosen)]
    return RecordedWorkload(tasks, _notes(chosen, imported, tasks), imported)


def load_recorded_tasks(path: str, n: int | None, tools: str | None, skip: bool) -> list[Task]:
    """The tasks alone, for processes that load them anew."""
    return load_recorded(path, n, tools=tools, skip=skip).tasks


def _named_apart(sessions: Sequence[RecordedSession]) -> list[RecordedSession]:
    """Sessions of one name are told apart by a number: what is drawn for a call depends on the name."""
    seen: dict[str, int] = {}
    apart = []
    for session in sessions:
        count = seen[session.session] = seen.get(session.session, 0) + 1
        apart.append(session if count == 1 else replace(session, session=f"{session.session}#{count}"))
    return apart


def _notes(chosen: Sequence[RecordedSession], imported: Imported, tasks: Sequence[Task]) -> list[str]:
    calls = [call for session in chosen for call in session.calls()]
    steps = [step for session in chosen for step in session.steps()]
    timed = sum(step.llm_s is not None for step in steps)
    ran = sum(call.exec_s is not None for call in calls)
    unknown = sum(task.recorded.unknown_flow for task in tasks if task.recorded is not None)
    marks = sorted({f"{name} {mark}" for session in chosen for name, mark in session.provenance.items()})
    formats = ", ".join(sorted(set(imported.formats.values())))
    notes = [
        f"recorded sessions ({formats}): {', '.join(marks) or 'no times'}",
        f"times were recorded of {timed} of {len(steps)} messages and {ran} of {len(calls)} calls",
    ]
    if uncounted := sum(step.out_tokens is None for step in steps):
        notes.append(
            f"of {uncounted} of {len(steps)} messages nobody counted the tokens: those of their calls are counted by "
            "their length (assumed)"
        )
    if unknown:
        notes.append(
            f"of {unknown} of {len(calls)} calls nothing says which results they need: with dependence=values they "
            "wait for none, an upper bound of the saving; with dependence=all for each, a lower one"
        )
    if chosen[0].parent is None and (left_out := sum(one.parent is not None for one in imported.sessions)):
        notes.append(f"{left_out} sessions of sub-agents are left out: their time is in the call that started them")
    return notes
