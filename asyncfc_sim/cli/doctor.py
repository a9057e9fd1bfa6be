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
    from asyncfc_sim.live.doctor_exam import Exam
    from asyncfc_sim.live.doctor_finding import Finding

MARKS = {"ok": "ok", "costs": "costs", "fails": "FAILS", "unknown": "-", "unreachable": "FAILS"}


def doctor(
    base_url: options.BaseUrl = None,
    model: options.ModelName = None,
    api_key: options.ApiKey = None,
    header: options.Headers = None,
    extra_body: options.ExtraBody = None,
    tools: Annotated[
        str | None,
        typer.Option(
            "--tools", metavar="FILE.py[:NAME]", help="offer these instead of a small tool of ours; none is run"
        ),
    ] = None,
    prompt: Annotated[
        str | None,
        typer.Option("--prompt", metavar="TEXT", help="with --tools: what makes the model call some of them"),
    ] = None,
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="S", min=0.1, help="without a byte from the server")
    ] = 60.0,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document")] = False,
) -> None:
    """Ask a served model's endpoint what it can do for a run, and say what that means.

    Is it reachable, does it stream, does it stream calls, several of them in one message, what faults have its
    streams, does it take what `asyncfc run` sends, does it keep prefixes, and does it write several messages at once?
    About thirty requests, most of them short. One small tool is offered, or those of --tools; none is run.

    \b
    Examples:
      asyncfc doctor --base-url http://localhost:8000/v1
      asyncfc doctor --base-url $URL --model qwen3 --json
      asyncfc doctor --base-url $URL --tools travel.py --prompt "Compare the weather in Oslo and Rome."

    \b
    Exit codes: 0 all is well, 1 it works but something costs, or it cannot call tools, 3 it cannot be reached.
    """
    sigterm_interrupts()
    if not base_url:
        raise options.BadOption("nothing to examine: expected --base-url URL (or OPENAI_BASE_URL)")
    exam = _exam(tools, prompt)
    from asyncfc_sim.live.doctor import Doctor
    from asyncfc_sim.live.doctor_wire import Wire

    given = options.Endpoint(base_url, headers=tuple(header or ()), extra_body=extra_body)
    wire = Wire(base_url, api_key, given.header_fields, timeout, given.extra_fields)
    examination = Doctor(wire, model, exam)
    findings: list[Finding] = []
    if not as_json:
        show(f"{wire.endpoint.shown}\n")
    for finding in examination.examine():
        findings.append(finding)
        if not as_json:
            show(_text(finding))
    if as_json:
        emit(
            document(
                "doctor/1",
                config={"base_url": wire.endpoint.shown},
                model=examination.patient.model,
                replay=examination.patient.replay,
                requests=wire.requests,
                findings=[asdict(finding) for finding in findings],
            )
        )
    raise typer.Exit(_code(findings))


def _exam(tools: str | None, prompt: str | None) -> Exam:
    """What is asked, and offered. Raises BadOption, ToolFileError, OSError."""
    from asyncfc_sim.live.doctor_exam import SMALL, own
    from asyncfc_sim.tools.tool_file import ToolFile

    if (tools is None) != (prompt is None):
        raise options.BadOption("--tools and --prompt go together: which tools, and what makes the model call them")
    if tools is None or prompt is None:
        return SMALL
    (given,) = options.given_tools([tools])
    if not isinstance(given, ToolFile):
        raise options.BadOption(f"--tools {tools!r}: expected FILE.py or FILE.py:NAME")
    return own(given.tools.values(), prompt)


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
