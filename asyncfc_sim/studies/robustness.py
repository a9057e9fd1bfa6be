"""Label robustness: what wrong and missing labels of tools cost in wrong results, and what in time.

The AsyncFC paper asks the same ("Annotation Robustness"); how it makes its bad labels is not known to us. A timing
model shows no wrong value, so every run calls the real tools of BFCL, in a world of its own, and is compared with
running the calls in order. Three questions are asked of a labelling; yes to the first is yes to all:

wrong    did some value, or the final world, come out otherwise in the simulated run? Its times decide that.
raced    did calls that conflict, by the true labels, act in another order than that of issue?
could    is there a schedule of some turn that comes to another end? (races.py) It depends on no time at all.

All runs meet the same durations, and the tools hit at a rate are among those hit at any higher one (labels.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial

from asyncfc_sim.core.policy import POLICIES, Grace
from asyncfc_sim.core.syntax import calls_in
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import canonical
from asyncfc_sim.simulate.decoder import load_decoder
from asyncfc_sim.simulate.durations import load_durations
from asyncfc_sim.simulate.experiment import Arm
from asyncfc_sim.simulate.models import Models
from asyncfc_sim.simulate.reference import Reference, difference, run_reference
from asyncfc_sim.simulate.script import Messages
from asyncfc_sim.simulate.study import Study, StudyError
from asyncfc_sim.workloads import bfcl
from asyncfc_sim.workloads.processes import in_processes
from asyncfc_sim.workloads.workload import Task

from .acting import Acting
from .labels import FAULTS, NONE, TRUE, Fault, Labelling
from .races import Explorer, Judged

CHUNK = 5  # conversations of one job
USES_LABELS = ("sync_parallel", "early_start", "asyncfc")


@dataclass(frozen=True, slots=True)
class Robustness:
    """What to run. `rates` are chances that a tool is hit; each is tried with `replications` draws of who is hit.

    `policies` are compared with sync, which runs one call at a time and so needs no labels.
    """

    split: str = "base"
    n: int | None = None
    faults: tuple[Fault, ...] = FAULTS
    rates: tuple[float, ...] = (0.0, 0.05, 0.1, 0.2, 0.5, 1.0)
    replications: int = 3
    policies: tuple[str, ...] = ("asyncfc", "sync_parallel", "early_start")
    grace: Grace = 0.0  # of asyncfc
    messages: Messages = "turn"
    decoder: str = "gpt-oss-120b-vllm"
    durations: str = "bfcl-agent"
    seed: int = 0

    def check(self) -> None:
        """Raises StudyError if it cannot be run."""
        for what, given in (("kind of fault", self.faults), ("rate", self.rates), ("policy", self.policies)):
            if not given:
                raise StudyError(f"no {what} is named: expected at least one")
        for fault in self.faults:
            if fault not in FAULTS:
                raise StudyError(f"there is no kind of fault {fault!r}; there are: {', '.join(FAULTS)}")
        for rate in self.rates:
            if not 0 <= rate <= 1:
                raise StudyError(f"rate {rate}: expected a share of the tools, between 0 and 1")
        for policy in self.policies:
            if policy not in USES_LABELS:
                uses = "uses no labels" if policy in POLICIES else "is not known"
                raise StudyError(f"policy {policy!r} {uses}; expected some of {', '.join(USES_LABELS)}")
        if self.replications < 1:
            raise StudyError(f"{self.replications} replications: expected at least one")

    @property
    def faulty_rates(self) -> tuple[float, ...]:
        """The rates at which some tool may be hit, in order."""
        return tuple(sorted(set(self.rates) - {0.0}))

    def labellings(self) -> list[Labelling]:
        """All labellings, the true one and that without labels first; at rate 0 all are true."""
        drawn = [
            Labelling(fault, rate, self.seed, replication)
            for fault in self.faults
            for rate in self.faulty_rates
            for replication in range(self.replications)
        ]
        return [TRUE, NONE, *drawn]

    def arms(self) -> list[Arm]:
        """sync, then the policies; only value flow makes the model wait."""
        return Study(self.policies, (self.grace,), messages=(self.messages,), dependence=("values",)).arms()

    def models(self) -> Models:
        return Models(load_decoder(self.decoder), load_durations(self.durations))


@dataclass(frozen=True, slots=True)
class Outcome:
    """One conversation under one policy, with tools labelled in one way."""

    makespan_s: float
    wrong: bool
    wrong_calls: int  # calls that have another value, or none
    raced: bool


@dataclass(frozen=True, slots=True)
class Conversation:
    """One conversation under all labellings: for each, an outcome per policy, and what may happen."""

    name: str
    calls: int
    sync_s: float
    outcomes: tuple[tuple[Outcome, ...], ...]
    judged: tuple[Judged, ...]


def run_study(
    study: Robustness, *, workers: int | None = None, advance: Callable[[], None] = lambda: None
) -> list[Conversation]:
    """Run it, by default on one process per CPU; `advance` is called after each conversation.

    The results do not depend on the number of workers. Raises StudyError, UnknownSplit, MissingBfcl, ModelFileError.
    """
    study.check()
    study.models()  # a name that is none is told here, not by a worker
    n = len(_tasks(study.split, study.n))
    jobs = [partial(_run_chunk, study, first) for first in range(0, n, CHUNK)]
    found = []
    for part in in_processes(jobs, workers):
        for conversation in part:
            found.append(conversation)
            advance()
    return found


def tasks_of(study: Robustness) -> Sequence[Task]:
    """The conversations of a study."""
    return _tasks(study.split, study.n)


@cache
def _tasks(split: str, n: int | None) -> Sequence[Task]:
    """`n` of the conversations, spread evenly: those of one tool class stand together in the data."""
    tasks = bfcl.load(split)
    n = min(n or len(tasks), len(tasks))
    return [tasks[number * len(tasks) // n] for number in range(n)]


def _run_chunk(study: Robustness, first: int) -> list[Conversation]:
    tasks = tasks_of(study)[first : first + CHUNK]
    return [run_conversation(task, study) for task in tasks]


def run_conversation(task: Task, study: Robustness) -> Conversation:
    """One conversation under all labellings of a study.

    Labellings that label the tools it calls alike give the same run, which is made once.
    """
    models, explorer = study.models(), Explorer(task, study.seed)
    reference = run_reference(task)
    sync, *arms = study.arms()
    baseline = Acting(task, task.tools, sync, models, study.seed).run()
    runs: dict[tuple[Tool, ...], tuple[Outcome, ...]] = {}
    outcomes, judged = [], []
    for labelling in study.labellings():
        labelled = _labelled(task, labelling)
        key = tuple(labelled[name] for name in called_tools(task))
        if key not in runs:
            made = (Acting(task, labelled, arm, models, study.seed) for arm in arms)
            runs[key] = tuple(_outcome(run, reference) for run in made)
        outcomes.append(runs[key])
        judged.append(explorer.judge(labelled))
    return Conversation(task.name, len(reference.values), baseline.makespan_s, tuple(outcomes), tuple(judged))


def called_tools(task: Task) -> Iterator[str]:
    """The tools that a conversation calls, in the order of their names."""
    called = {call.tool for turn in task.turns for call in calls_in(turn.program.body)}
    yield from sorted(called & task.tools.keys())


def _labelled(task: Task, labelling: Labelling) -> Mapping[str, Tool]:
    called = {name: labelling.label(task.kinds[name], task.tools[name]) for name in called_tools(task)}
    return {**task.tools, **called}


def _outcome(run: Acting, reference: Reference) -> Outcome:
    run.run()
    values, expected = run.values(), reference.values
    wrong_calls = sum(
        future not in values or canonical(values[future]) != canonical(value) for future, value in expected.items()
    )
    wrong = difference(reference, values, run.world.state()) is not None or run.gave_up is not None
    return Outcome(run.makespan_s, wrong, wrong_calls, not run.certified)
