"""The request of `asyncfc fidelity`: what its options mean, found wrong before the first run if they are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .agent_options import AgentRequest, BadOption, check_writable, live_policies
from .task_options import prompts_of

if TYPE_CHECKING:
    from asyncfc_sim.studies.fidelity import Study
    from asyncfc_sim.studies.staged import Staged


@dataclass(frozen=True, slots=True, kw_only=True)
class FidelityRequest(AgentRequest):
    """The command line, as given (see the help texts in fidelity.py)."""

    prompts: Path | None
    tasks: str | None
    num_prompts: int | None
    rounds: int
    repeats: int
    num_warmups: int
    alpha: float | None
    min_r2: float
    seed: int
    require_goals: bool
    output: Path | None
    plot: Path | None
    overwrite: bool


def study_of(request: FidelityRequest, stages: Staged | None) -> Study:
    """What is to be done. Raises BadOption, PromptsError, BenchError, OSError."""
    from asyncfc_sim.core.policy import policy_named
    from asyncfc_sim.live.agent import LIVE_GUARDS
    from asyncfc_sim.studies.fidelity import SYNC, Study

    names = list(dict.fromkeys(word.strip() for word in request.policy.split(",") if word.strip()))
    known = [name for name in live_policies() if name != SYNC]
    if unknown := [name for name in names if name not in known]:
        raise BadOption(f"--policy: {', '.join(map(repr, unknown))}: expected one or more of {', '.join(known)}")
    policies = {name: policy_named(name, **{**LIVE_GUARDS, **request.options.changes(name)}) for name in (SYNC, *names)}
    return Study(
        prompts=prompts_of(request.prompts, stages, request.num_prompts),
        sync=policies.pop(SYNC),
        policies=policies,
        rounds=request.rounds,
        repeats=request.repeats,
        warmups=request.num_warmups,
        alpha=request.alpha,
        min_r2=request.min_r2,
        seed=request.seed,
    )


def check_files(request: FidelityRequest) -> None:
    """What cannot be written, or must not be, is found before the work. Raises BadOption, PlotError, ImportError."""
    if request.trace is not None and not request.trace.name.removesuffix(".gz").endswith(".jsonl"):
        raise BadOption(f"--trace {request.trace}: expected a name ending in .jsonl or .jsonl.gz")
    if request.plot is not None:
        from asyncfc_sim.report.plots import check_plot

        check_plot(request.plot)
    given = [("--trace", request.trace), ("--output-file", request.output), ("--plot", request.plot)]
    for option, path in given:
        check_writable(option, path)
        if path is not None and path.is_file() and not request.overwrite:
            raise BadOption(f"{option} {path}: it is there already; --overwrite replaces it")
    paths = [path.resolve() for _, path in given if path is not None]
    if len(set(paths)) < len(paths):
        raise BadOption("--trace, --output-file and --plot: expected a file of its own for each")
