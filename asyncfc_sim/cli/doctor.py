"""`asyncfc doctor`: what an endpoint can do for a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from . import agent_options as options
from .errors import ExitCode
from .output import document, emit, show
from .signals import sigterm_interrupts

if TYPE_CHECKING:
    from asyncfc_sim.live.doctor import Finding

MARKS = {"ok": "ok", "costs": "costs", "fails": "FAILS", "unknown": "-", "unreachable": "FAILS"}


def doctor(
    base_url: options.BaseUrl = None,
    model: options.ModelName = None,
    api_key: options.ApiKey = None,
    header: options.Headers = None,
    extra_body: options.ExtraBody = None,
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="S", min=0.1, help="without a byte from the server")
    ] = 60.0,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False,
) -> None:
    """Ask a served model's endpoint what it can do for a run, and say what that means.

    Is it reachable, does it stream, does it stream calls, several of them in one message, what faults have its
    streams, does it take what `asyncfc run` sends, and does it keep prefixes? About fifteen short requests. One small
    tool is offered; it is never run.

    \b
    Examples:
      asyncfc doctor --base-url http://localhost:8000/v1
      asyncfc doctor --base-url $URL --model qwen3 --json

    \b
    Exit codes: 0 all is well, 1 it works but something costs, or it cannot call tools, 3 it cannot be reached.
    """
    sigterm_interrupts()
    if not base_url:
        raise options.BadOption("nothing to examine: expected --base-url URL (or OPENAI_BASE_URL)")
    from asyncfc_sim.live.doctor import Doctor
    from asyncfc_sim.live.doctor_wire import Wire

    given = options.Endpoint(base_url, headers=tuple(header or ()), extra_body=extra_body)
    wire = Wire(base_url, api_key, given.header_fields, timeout, given.extra_fields)
    patient = Doctor(wire, model)
    findings: list[Finding] = []
    if not as_json:
        show(f"{wire.endpoint.shown}\n")
    for finding in patient.examine():
        findings.append(finding)
        if not as_json:
            show(_text(finding))
    if as_json:
        emit(
            document(
                "doctor/1",
                config={"base_url": wire.endpoint.shown},
                model=patient.model,
                replay=patient.replay,
                requests=wire.requests,
                findings=[asdict(finding) for finding in findings],
            )
        )
    raise typer.Exit(_code(findings))


def _text(finding: Finding) -> str:
    return (
        f"{MARKS[finding.verdict]:>5}  {finding.check}: {finding.means}\n"
        f"       tried: {finding.tried}\n"
        f"       came:  {finding.came}\n"
    )


def _code(findings: Sequence[Finding]) -> ExitCode:
    verdicts = {finding.verdict for finding in findings}
    if "unreachable" in verdicts:
        return ExitCode.MISSING
    return ExitCode.FAILED if verdicts & {"costs", "fails"} else ExitCode.OK
