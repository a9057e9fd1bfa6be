"""A live run as text or as a JSON document: the answer, what ran when, what it saved, what is proved of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from .output import document, emit, show

if TYPE_CHECKING:
    from asyncfc_sim.live.resume import Doubtful
    from asyncfc_sim.live.run import AgentRun


def show_run(run: AgentRun, reason: str | None, *, as_json: bool, quiet: bool, streamed: str = "") -> None:
    """Print a run; `reason` says why it has no answer, `streamed` what of its text was printed already."""
    if as_json:
        emit(_document(run, reason))
        return
    if run.output and not (streamed and streamed.endswith(run.output)):
        show(f"{run.output}\n")
    elif streamed:
        show("\n")
    if not quiet or reason is not None:
        _show_rest(run, reason, quiet=quiet)


def show_undecided(calls: Sequence[Doubtful], reason: str | None) -> None:
    """The document of a run that did not begin: nobody has said what to do about these calls."""
    from dataclasses import asdict

    emit(document("run/1", output="", outputs=[], reason=reason, undecided=[asdict(call) for call in calls]))


def _show_rest(run: AgentRun, reason: str | None, *, quiet: bool) -> None:
    from asyncfc_sim.report.console import messages_console, results_console
    from asyncfc_sim.report.timeline_view import render_timelines

    if reason is not None:
        messages_console().print(f"no answer: {reason}", soft_wrap=True)
    if quiet or (reason is not None and not run.timeline.calls):
        return
    console = results_console()
    console.print()
    console.print(render_timelines([run.trace]))
    console.print()
    for line in _lines(run):
        console.print(line, soft_wrap=True)


def _lines(run: AgentRun) -> Iterator[str]:
    from asyncfc_sim.report.evidence_text import certificate_line, saving_line

    calls = run.timeline.calls
    tokens = [
        f"{count} {name}"
        for name, count in (("in", run.usage.prompt_tokens), ("out", run.usage.completion_tokens))
        if count is not None
    ]
    told = f", tokens {', '.join(tokens)}" if tokens else ""
    yield f"measured: {run.elapsed_s:.2f} s, {_count(run.requests, 'request')}, {_count(len(calls), 'call')}{told}"
    yield saving_line(run.saved)
    yield certificate_line(run.certificate)
    for name, count in run.guards.items():
        if count:
            yield f"the model: {count} x {name.replace('_', ' ')}"
    if run.in_doubt:
        named = ", ".join(f"$f{future}" for future in run.in_doubt)
        yield f"in doubt: {named} was given up and may still be acting"
    for note in run.notes:
        yield f"note: {note}"


def _document(run: AgentRun, reason: str | None) -> dict[str, Any]:
    from dataclasses import asdict

    saved, certificate = run.saved, run.certificate
    return document(
        "run/1",
        config=dict(run.trace.header.inputs),
        run=run.trace.header.run,
        policy=run.trace.header.policy,
        output=run.output,
        outputs=list(run.outputs),
        reason=reason,
        elapsed_s=run.elapsed_s,
        requests=run.requests,
        usage=asdict(run.usage),
        saved={
            "saving_s": saved.saving_s,
            "decode_tool_s": saved.decode_tool_s,
            "tool_tool_s": saved.tool_tool_s,
            "decode_s": saved.decode_s,
            "calls_s": saved.calls_s,
        },
        certificate={
            "certified": certificate.certified,
            "calls": certificate.ran,
            "why": getattr(certificate.verdict, "why", None),
        },
        guards=dict(run.guards),
        in_doubt=list(run.in_doubt),
        notes=list(run.notes),
        calls=[asdict(call) for call in run.timeline.calls],
    )


def _count(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"
