"""Which formats recorded sessions can be written in, and writing them: a file, whole or not at all, or stdout."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Final

from asyncfc_sim.traces.files import atomic_write
from asyncfc_sim.traces.sessions import RecordedSession

from . import llmservingsim, otlp, workload
from .fault import ExportFault
from .otlp_json import content_is_wanted

FORMS: Final[dict[str, str]] = {
    "workload": "sessions one a line, our own form: nothing is lost",
    "otlp": "OTLP-JSON with GenAI spans (OpenTelemetry), a line a session",
    "llmservingsim": "agentic sessions of LLMServingSim: a strict chain of requests and waits",
}


def write_sessions(
    path: str, sessions: Sequence[RecordedSession], form: str = "workload", *, content: bool | None = None
) -> list[str]:
    """Write sessions to a file (`-`: standard output; gzip if it ends in `.gz`); what of them was lost, in words.

    `content` says whether prompts, arguments and results go into spans; if it is not given, the environment does, as
    OpenTelemetry has it (OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT), and by default they do not.

    Raises ExportFault for sessions that the form cannot hold, OSError if the file cannot be written.
    """
    content = content_is_wanted() if content is None else content
    written = _lines(sessions, form, content)
    if path == "-":
        sys.stdout.writelines(line + "\n" for line in written)
    else:
        with atomic_write(path) as out:
            out.writelines(line.encode() + b"\n" for line in written)
    return lost(sessions, form, content=content)


def lost(sessions: Sequence[RecordedSession], form: str, *, content: bool = False) -> list[str]:
    """What of these sessions a form does not hold, in words."""
    match form:
        case "otlp":
            return otlp.lost(sessions, content=content)
        case "llmservingsim":
            return llmservingsim.lost(sessions)
        case _:
            return []


def _lines(sessions: Sequence[RecordedSession], form: str, content: bool) -> Iterator[str]:
    match form:
        case "workload":
            return workload.workload_lines(sessions)
        case "otlp":
            return otlp.otlp_lines(sessions, content=content)
        case "llmservingsim":
            return llmservingsim.llmservingsim_lines(sessions)
        case _:
            raise ExportFault(f"there is no form {form!r} to write; there are: {', '.join(FORMS)}")
