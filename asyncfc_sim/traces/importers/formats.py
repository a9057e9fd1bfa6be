"""Which formats can be read, how a file's format is recognised, and reading it into checked sessions.

Each format is a module of this folder with `looks_like(source) -> bool` and
`read(source) -> Iterator[tuple[int | None, RecordedSession]]`: sessions with the line on which each begins.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from asyncfc_sim.traces.sessions import RecordedSession, SessionError, check_session, marked_fields

from .source import Broken, ImportFault, Source

# In the order in which they are tried: what is marked by a schema of its own first, what is told by few fields last.
FORMATS: Final[dict[str, str]] = {
    "workload": "sessions one a line, the form that `asyncfc trace convert` writes",
    "trace": "our own traces of runs (asyncfc.trace/1), journals too",
    "otlp": "OTLP-JSON with GenAI spans (OpenTelemetry)",
    "tracelab": "TraceLab round traces",
    "claude_code": "Claude Code transcripts",
    "mini_swe_agent": "mini-swe-agent trajectories, v1 and v2",
    "weka": "kv-cache-tester and Weka agentic traces",
    "llmservingsim": "LLMServingSim: agentic sessions, and requests of its vLLM benchmark",
    "mooncake": "Mooncake request traces",
    "azure": "Azure LLM inference traces (CSV)",
    "bfcl_result": "BFCL result files, flat (2024) and nested (v3, v4)",
}


SUFFIXES: Final = (
    *(f"{suffix}{packed}" for suffix in (".json", ".jsonl", ".csv", ".traj") for packed in ("", ".gz")),
    ".journal",
)


@dataclass(frozen=True, slots=True)
class Imported:
    """The sessions of files, the format that each file had, and what of them was broken and skipped."""

    sessions: list[RecordedSession]
    formats: dict[str, str]
    faults: list[str]


def reader(name: str) -> Any:
    """The module of a format. Raises ImportFault for a name that is none."""
    if name not in FORMATS:
        raise ImportFault(f"there is no trace format {name!r}; there are: {', '.join(FORMATS)}")
    return import_module(f"{__package__}.{name}")


def detect(source: Source) -> str:
    """The format of a file. Raises ImportFault if it is none that is known."""
    if not source.text.strip():
        raise ImportFault(f"{source.name}: the file is empty; expected a trace")
    for name in FORMATS:
        if reader(name).looks_like(source):
            return name
    why = source.broken_json() or f"known are: {', '.join(FORMATS)}"
    raise ImportFault(f"{source.name}: not a trace of a known format; {why}")


def read_sessions(path: str | Source, *, format: str | None = None, broken: Broken = "fail") -> Imported:
    """All sessions of a file (`-`: standard input; `.gz` too) or of the trace files of a folder, each of one format.

    A Source, which may have been looked at already, says itself what a broken line does.

    Raises ImportFault, which names file and line; OSError if a file cannot be opened.
    """
    imported = Imported([], {}, [])
    sources = [path] if isinstance(path, Source) else [Source(file, broken) for file in _files(path)]
    for source in sources:
        try:
            name = format or detect(source)
            if not source.text.strip():
                raise ImportFault(f"{source.name}: the file is empty; expected a trace")
        except ImportFault as fault:
            if len(sources) == 1 or broken == "fail":
                raise
            imported.faults.append(str(fault))  # one of many files
            continue
        imported.formats[source.name] = name
        imported.sessions.extend(_checked(source, reader(name).read(source)))
        imported.faults.extend(source.faults)
    if not imported.sessions:
        raise ImportFault(
            f"{path if isinstance(path, str) else path.name}: no session in it"
            + (f"; the first fault: {imported.faults[0]}" if imported.faults else "")
        )
    return imported


def _files(path: str) -> Iterable[str]:
    if path == "-" or not Path(path).is_dir():
        return [path]
    files = sorted(str(file) for file in Path(path).rglob("*") if file.is_file() and file.name.endswith(SUFFIXES))
    if not files:
        raise ImportFault(f"{path}: no trace file in this folder; expected names ending in {', '.join(SUFFIXES)}")
    return files


def _checked(source: Source, sessions: Iterator[tuple[int | None, RecordedSession]]) -> Iterator[RecordedSession]:
    for line, session in sessions:
        try:
            check_session(session)
        except SessionError as error:
            source.fault(str(error), line)
            continue
        # An importer says once for its format where each field comes from; a session says it of those that it has.
        present = marked_fields(session)
        marks = {name: mark for name, mark in session.provenance.items() if name in present}
        yield replace(session, provenance=marks)
