"""How a served model makes calls, and how its server passes them on. Nothing that it calls is executed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from asyncfc_sim.core.messages import AWAIT, assistant_message, placeholder, tool_message
from asyncfc_sim.core.policy import ASYNCFC
from asyncfc_sim.core.values import JSON

from .doctor_finding import AT_ONCE, AT_THE_END, Finding, Verdict, counted, short, times
from .doctor_patient import Patient
from .doctor_wire import Heard
from .model import CallPart, ModelError
from .prompt import instructions, tool_schemas

ROUNDS: Final = 3  # a message that came all at once may have waited for this machine


def call(patient: Patient) -> Finding:
    """Raises ModelError."""
    exam = patient.exam

    def asked() -> Heard:
        return patient.ask(exam.call, tools=exam.schemas, tool_choice="auto")

    try:
        heard = patient.again(asked)
    except ModelError as error:
        if error.unreachable:
            raise
        patient.stream = False  # some servers have calls only in whole messages
        heard = asked()
        patient.notes[f"calls are not streamed: {error.reason}"] = None
    finding = _judged(patient, "calls", f"{exam.what}, tool_choice auto", heard, "no run can use tools")
    if finding.verdict in ("ok", "costs"):
        patient.calls = heard.calls
    return finding


def forced(patient: Patient) -> Finding:
    """Raises ModelError."""
    heard = patient.ask(patient.exam.unforced, tools=patient.exam.schemas, tool_choice="required")
    tried = f"{patient.exam.what}, tool_choice required"
    finding = _judged(patient, "forced calls", tried, heard, "a run never forces a call")
    return finding if finding.verdict == "ok" else replace(finding, verdict="unknown")


def choice(patient: Patient) -> Finding:
    """Whether tool_choice is heeded: there is to be no call where else there is one. Raises ModelError."""
    name, tried = "tool_choice", f"{patient.exam.what}, tool_choice none"
    if not patient.calls:
        return Finding(name, "unknown", "nothing", "no call without it either", "not clear from this")
    asked = [{"role": "user", "content": patient.exam.call}]
    # Not noted: what it writes now may well look like a call that came as text.
    wire, body = patient.wire, {"tools": patient.exam.schemas, "tool_choice": "none"}
    heard = wire.chat(asked, stream=patient.stream, model=patient.model, **body)
    if heard.calls:
        came = f"{counted(len(heard.calls), 'call')} all the same"
        return Finding(name, "ok", tried, came, "tool_choice is not heeded; a run leaves the choice to the model")
    return Finding(name, "ok", tried, f"no call, text {short(heard.text)}", "tool_choice is heeded")


def parallel(patient: Patient) -> Finding:
    """Raises ModelError."""
    tried, lead_s = "two calls in one message", 0.0
    for _ in range(ROUNDS):
        heard = patient.ask(patient.exam.several, tools=patient.exam.schemas, parallel_tool_calls=True)
        lead_s = heard.end_s - heard.closed_s[0] if heard.closed_s else 0.0
        if len(heard.calls) < 2 or lead_s >= AT_ONCE * heard.end_s:
            break
    measured = {**times(heard), "calls": len(heard.calls), "closed_s": list(heard.closed_s)}
    if len(heard.calls) < 2:
        means = "each call is a message of its own: futures overlap tools with further messages"
        return Finding("parallel calls", "unknown", tried, counted(len(heard.calls), "call"), means, measured)
    came = f"{len(heard.calls)} calls; the first complete {lead_s:.2f} s before the message ended"
    if lead_s < AT_ONCE * heard.end_s:
        return Finding("parallel calls", "costs", tried, came, AT_THE_END, measured)
    return Finding("parallel calls", "ok", tried, came, "a call runs while the next is written", measured)


def pending(patient: Patient) -> Finding:
    """A conversation as a run has it: widened schemas, the protocol's own tools, a placeholder for a result.

    Raises ModelError.
    """
    exam, tried = patient.exam, "widened schemas (anyOf, $ref), and a call answered with its future"
    made = [exam.first] if exam.first else list(map(_written, patient.calls))
    if not made:
        return Finding("futures", "unknown", "nothing", "no call to answer", "a run is not known to work")
    transcript = [
        {"role": "system", "content": instructions(ASYNCFC, None)},
        {"role": "user", "content": exam.pending},
        assistant_message(None, [(f"call_{number}", *each) for number, each in enumerate(made, 1)]),
        *(tool_message(f"call_{number}", placeholder(number)) for number in range(1, len(made) + 1)),
    ]
    heard = patient.send(transcript, tools=tool_schemas(exam.tools, ASYNCFC), tool_choice="auto")
    measured: dict[str, JSON] = {**times(heard), "calls": len(heard.calls)}
    if not heard.calls:
        means = "the model did not go on; it may not know what to do with futures (bench --policy sync,blind says)"
        return Finding("futures", "unknown", tried, f"text: {short(heard.text)}", means, measured)
    came = "; ".join(f"{each.tool}({short(each.arguments)})" for each in heard.calls[:3])
    referring = [each for each in heard.calls if "$f" in str(each.arguments)]
    if referring:
        awaits = referring[0].tool == AWAIT
        means = "the model awaits the result" if awaits else "the model passes on what is still pending"
        return Finding("futures", "ok", tried, came, means, measured)
    means = "it is understood by the server, but the model did not refer to the pending result here"
    return Finding("futures", "unknown", tried, came, means, measured)


def _judged(patient: Patient, check: str, tried: str, heard: Heard, without: str) -> Finding:
    measured: dict[str, JSON] = {**times(heard), "calls": len(heard.calls), "fragments": heard.fragments}
    measured["name_alone"] = heard.name_alone
    if not heard.calls:
        came = f"no call, finish_reason {heard.finish_reason}, text {short(heard.text)}"
        return Finding(check, "fails", tried, came, without, measured)
    first = heard.calls[0]
    came = f"{first.tool}({short(first.arguments)}), {_shape(heard)}"
    verdict: Verdict = "ok" if heard.streamed else "costs"
    if first.tool not in patient.exam.names:
        return Finding(check, "fails", tried, f"{came}: not a tool that was offered", without, measured)
    if not _is_object(first.arguments):
        return Finding(check, "fails", tried, f"{came}: its arguments are no JSON object", without, measured)
    means = "a call starts when it is complete" if heard.streamed else AT_THE_END
    return Finding(check, verdict, tried, came, means, measured)


def _shape(heard: Heard) -> str:
    """How calls came, in words."""
    if not heard.streamed:
        return "not streamed"
    if heard.fragments <= len(heard.calls):
        return "whole" if not heard.name_alone else "its name first, then its arguments whole"
    how = "its name first, then" if heard.name_alone else "its name with the first of"
    of = f" of {len(heard.calls)} calls" if len(heard.calls) > 1 else ""
    return f"{how} {heard.fragments} fragments{of}"


def _written(call: CallPart) -> tuple[str, str]:
    """The call, with its arguments as text."""
    arguments = call.arguments
    return call.tool, arguments if isinstance(arguments, str) else json.dumps(arguments)


def _is_object(arguments: object) -> bool:
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except (ValueError, RecursionError):
            return False
    return isinstance(arguments, Mapping)
