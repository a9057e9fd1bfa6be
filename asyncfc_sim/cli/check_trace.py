"""`asyncfc check RUN.jsonl`: which recorded runs are certified to equal the run in order of the same calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from asyncfc_sim.core.certificate import Access, Certified, NotCertified
from asyncfc_sim.report.console import results_console
from asyncfc_sim.report.evidence_text import certificate_text
from asyncfc_sim.traces.certificates import Certificate, Incomparable, certificate
from asyncfc_sim.traces.trace import Run, TraceError, read_trace

from .check_request import Request
from .errors import ExitCode
from .output import document, emit

MAX_UNCERTIFIED = 20  # shown, where no JSON is asked for
MAX_CERTIFIED = 10

MEANINGS: Final = {
    "complete log": "every access of every call is in the log, in the order in which they took effect",
    "sound footprints": "no call went beyond the footprint that it declares",
    "deterministic tools": "what a tool returns and writes follows from its arguments and from what it reads",
    "closed world": "nobody else wrote these keys during the run",
    "bound arguments": "each call was given the values that its references name",
}
CLAIM = "equal to running the same calls one by one, in issue order"
ONE_SIDED = "which is not wrong: such a run may have come to the same end all the same"


@dataclass(frozen=True, slots=True)
class Checked:
    run: Run
    certificate: Certificate


def run(request: Request) -> ExitCode:
    checked = _check(request.target)
    result = _document(request, checked)
    if request.output is not None:
        emit(result, str(request.output))
    if request.as_json:
        emit(result)
    else:
        _show(request.target, checked)
    uncertified = not all(each.certificate.certified for each in checked)
    return ExitCode.FAILED if uncertified and request.require_certified else ExitCode.OK


def _check(path: str) -> list[Checked]:
    """Every run of the file with its certificate. Raises TraceError, naming file and line."""
    try:
        return [Checked(run, certificate(run)) for run in read_trace(path)]
    except TraceError as error:
        raise TraceError(error.message, path, error.line) from None


# --------------------------------------------------------------------------------------------------------- as text


def _show(path: str, checked: Sequence[Checked]) -> None:
    certified = [each for each in checked if each.certificate.certified]
    others = [each for each in checked if not each.certificate.certified]
    _print(f"{path}: {len(certified)} of {len(checked)} run{'' if len(checked) == 1 else 's'} certified")
    _show_some(f"not certified, {ONE_SIDED}", others, MAX_UNCERTIFIED)
    if any(isinstance(each.certificate.verdict, NotCertified) for each in others):
        _print("  (at N: line N of the file)" if checked[0].run.lines else "  (at N: event N of its run)")
    _show_some(f"certified: {CLAIM}", certified, MAX_CERTIFIED)
    assumed = [name for name in MEANINGS if any(name in _assumes(each.certificate) for each in certified)]
    if assumed:
        _print("\nassumed:")
    for name in assumed:
        _print(f"  {name}: {MEANINGS[name]}")


def _show_some(title: str, checked: Sequence[Checked], most: int) -> None:
    if not checked:
        return
    _print(f"\n{title}")
    for each in checked[:most]:
        _print(f"  {each.run.header.run}: {certificate_text(each.certificate)}")
        match each.certificate.verdict:
            case NotCertified(why=why) | Incomparable(why=why):
                _print(f"    {why}")
    if len(checked) > most:
        _print(f"  and {len(checked) - most} more (--json lists them)")


def _print(line: str) -> None:
    """A line, however long: reasons are for a person to read and for `grep` to find."""
    results_console().print(line, soft_wrap=True)


def _assumes(certificate: Certificate) -> Sequence[str]:
    """What a certificate of a trace assumes: the last is what a log of accesses cannot show."""
    return (*certificate.verdict.assumes, "bound arguments") if isinstance(certificate.verdict, Certified) else ()


# --------------------------------------------------------------------------------------------------------- as JSON


def _document(request: Request, checked: Sequence[Checked]) -> dict[str, Any]:
    certified = sum(each.certificate.certified for each in checked)
    return document(
        "certificates/1",
        config={"file": request.target, "require_certified": request.require_certified},
        summary={"runs": len(checked), "certified": certified, "not_certified": len(checked) - certified},
        runs=[_row(each) for each in checked],
    )


def _row(checked: Checked) -> dict[str, Any]:
    certificate, header = checked.certificate, checked.run.header
    row: dict[str, Any] = {
        "run": header.run,
        "case": header.case,
        "policy": header.policy,
        "certified": certificate.certified,
        "assumes": list(_assumes(certificate)),
        "calls": certificate.ran,
        "accesses": certificate.accesses,
        "unlogged": list(certificate.unlogged),
        "given_up": list(certificate.given_up),
    }
    match certificate.verdict:
        case NotCertified(earlier, later, why):
            row |= {"why": why, "out_of_order": [_access(earlier), _access(later)]}
        case Incomparable(calls, why):
            row |= {"why": why, "incomparable": list(calls)}
    return row


def _access(access: Access) -> dict[str, Any]:
    return {"future": access.future, "mode": access.mode, "key": str(access.pattern)}
