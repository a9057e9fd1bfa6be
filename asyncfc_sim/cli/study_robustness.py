"""The work behind `asyncfc study robustness`: read the request, run the study, show and write what came out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asyncfc_sim.report.console import progress
from asyncfc_sim.report.plots import check_plot
from asyncfc_sim.simulate.script import Messages
from asyncfc_sim.simulate.study import StudyError, parse_graces
from asyncfc_sim.studies.robustness import Conversation, Robustness, run_study, tasks_of
from asyncfc_sim.studies.robustness_rows import Row, rows, safe

from . import robustness_view as view
from .errors import ExitCode
from .output import document, emit, emit_csv

CONVERSATIONS = 50


@dataclass(frozen=True, slots=True)
class Request:
    """The command line, as given."""

    workload: str
    rates: str
    kinds: str
    policy: str
    grace: str
    messages: str
    replications: int
    decoder: str
    durations: str
    n: int | None
    seed: int
    workers: int | None
    output: Path | None
    plot: Path | None
    as_json: bool
    quiet: bool


def run(request: Request) -> ExitCode:
    """Do it; FAILED if labels that are true, or only missing, give a wrong result."""
    _check_outputs(request)
    study = _study(request)
    study.check()
    tasks = tasks_of(study)
    quiet = request.quiet or request.as_json
    with progress(f"simulating and exploring {len(tasks)} conversations", len(tasks), quiet=quiet) as advance:
        found = run_study(study, workers=request.workers, advance=advance)
    result = rows(study, found)
    if request.output is not None:
        table = [view.flat(row) for row in result]
        emit_csv(request.output, list(table[0]), (list(row.values()) for row in table))
    if request.plot is not None:
        view.draw(request.plot, study, result, found)
    if request.as_json:
        emit(_json(request, study, result, found))
    else:
        view.show(study, result, found)
    harm = any(row.wrong.count or row.raced.count or row.could.count for row in result if safe(row))
    return ExitCode.FAILED if harm else ExitCode.OK


def _check_outputs(request: Request) -> None:
    """What cannot be written is found before the work, not after it."""
    if request.output is not None and request.output.suffix != ".csv":
        raise StudyError(f"--output-file {request.output}: expected a name ending in .csv")
    for option, path in (("--output-file", request.output), ("--plot", request.plot)):
        if path is not None and not path.parent.is_dir():
            raise StudyError(f"{option} {path}: there is no folder {path.parent}")
    if request.plot is not None:
        check_plot(request.plot)


def _study(request: Request) -> Robustness:
    kind, _, split = request.workload.partition(":")
    if kind != "bfcl":
        raise StudyError(f"{request.workload!r}: only tools that really run can go wrong: expected bfcl[:SPLIT]")
    graces = parse_graces(request.grace)
    if len(graces) > 1:
        raise StudyError(f"--grace {request.grace}: expected one")
    if request.messages not in ("call", "turn"):
        raise StudyError(f"--messages {request.messages!r}: expected call or turn")
    messages: Messages = request.messages  # type: ignore[assignment]
    return Robustness(
        split=split or "all",
        n=request.n or CONVERSATIONS,
        faults=_words(request.kinds),  # type: ignore[arg-type]  # `check` tells those that are none
        rates=_rates(request.rates),
        replications=request.replications,
        policies=_words(request.policy),
        grace=graces[0],
        messages=messages,
        decoder=request.decoder,
        durations=request.durations,
        seed=request.seed,
    )


def _words(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))


def _rates(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(word) for word in _words(text))
    except ValueError:
        raise StudyError(f"--rates {text!r}: expected numbers between 0 and 1, comma-separated") from None


def _json(request: Request, study: Robustness, result: Sequence[Row], found: Sequence[Conversation]) -> dict[str, Any]:
    config = {
        "workload": request.workload,
        "conversations": len(found),
        "calls": sum(each.calls for each in found),
        "kinds": list(study.faults),
        "rates": list(study.rates),
        "replications": study.replications,
        "grace_s": str(study.grace),
        "messages": study.messages,
        "decoder": study.decoder,
        "durations": study.durations,
    }
    notes, table = view.notes(study, found), [row.to_json() for row in result]
    return document("study-robustness/1", seed=study.seed, config=config, assumptions=notes, rows=table)
