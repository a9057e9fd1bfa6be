"""What `asyncfc simulate` can run: BFCL, a program of your own, or recorded sessions; and the models that suit each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from asyncfc_sim.simulate.decoder import Decoder, load_decoder
from asyncfc_sim.simulate.durations import load_durations
from asyncfc_sim.simulate.faults import with_faults
from asyncfc_sim.simulate.models import Models
from asyncfc_sim.simulate.parallel import LoadTasks
from asyncfc_sim.simulate.recorded_decoder import recorded_decoder
from asyncfc_sim.simulate.script import Messages
from asyncfc_sim.simulate.study import StudyError
from asyncfc_sim.tools.overrides import Overrides
from asyncfc_sim.workloads import bfcl
from asyncfc_sim.workloads.workload import Task

from .config import current

PROGRAM_RUNS = 100
DECODER = "gpt-oss-120b-vllm"
RECORDED = "recorded"


@dataclass(frozen=True, slots=True)
class Workload:
    """The tasks, how a process loads them anew, and what they come with.

    `messages` is how calls become messages unless asked otherwise; `notes` are what the tasks rest on; `faults` what
    was broken in their file and skipped.
    """

    tasks: Sequence[Task]
    load: LoadTasks
    durations: str
    messages: tuple[Messages, ...] = ("call", "turn")
    notes: tuple[str, ...] = ()
    faults: tuple[str, ...] = field(default=())

    @property
    def recorded(self) -> bool:
        """Whether it comes with times of its own."""
        return any(task.recorded is not None for task in self.tasks)

    def failing(self, rate: float, seed: int) -> Workload:
        """The same tasks, with each call failing at this rate."""
        load = partial(_failing, self.load, rate, seed)
        note = f"each call fails with chance {rate:g}, without effect (assumed)"
        return replace(
            self, tasks=[with_faults(task, rate, seed) for task in self.tasks], load=load, notes=(*self.notes, note)
        )

    def models(self, decoder: str | None, durations: str | None, *, await_thinking: bool) -> Models:
        """The models that were asked for. What is not asked for is as recorded, where there is a recording."""
        replay_decoding = self.recorded and decoder in (None, RECORDED)
        if decoder == RECORDED and not self.recorded:
            raise StudyError("--decoder recorded: this workload was not recorded; name a decoder")
        return Models(
            self._decoder(decoder, replay=replay_decoding),
            load_durations(durations or self.durations),
            await_thinking=await_thinking,
            replay_decoding=replay_decoding,
            replay_tools=durations is None,
        )

    def _decoder(self, name: str | None, *, replay: bool) -> Decoder:
        return recorded_decoder(self.tasks, load_decoder(DECODER)) if replay else load_decoder(name or DECODER)


def workload(name: str, n: int | None, tools: Path | None, *, skip: bool = False) -> Workload:
    """The workload that is meant by `name`. Raises StudyError, and what reading it raises."""
    kind, colon, split = name.partition(":")
    file = None if tools is None else str(tools)
    if kind == "bfcl":
        if tools is not None:
            raise StudyError(
                "--tools declares the tools of a program or of recorded sessions; those of BFCL are its own"
            )
        return _loaded(partial(bfcl.load, split if colon else "all", n), "bfcl-agent")
    if name.endswith(".fc"):
        load = partial(_repeated, name, file, PROGRAM_RUNS if n is None else n, current().overrides)
        return _loaded(load, "default")
    if name != "-" and not Path(name).exists():
        raise StudyError(
            f"{name!r} is no workload: expected bfcl, bfcl:SPLIT, a program FILE.fc, or a file or folder of traces"
        )
    return _recorded(name, n, file, skip=skip)


def _loaded(load: LoadTasks, durations: str) -> Workload:
    return Workload(load(), load, durations)


def _repeated(path: str, tools: str | None, n: int, overrides: Overrides) -> list[Task]:
    """A program as `n` cases, which differ in the durations drawn for them."""
    from asyncfc_sim.workloads.program_file import load_program

    task = load_program(path, tools, overrides)
    return [replace(task, name=f"{task.name}#{number}") for number in range(1, n + 1)]


def _recorded(path: str, n: int | None, tools: str | None, *, skip: bool) -> Workload:
    from asyncfc_sim.workloads.recorded import load_recorded, load_recorded_tasks

    loaded = load_recorded(path, n, tools=tools, skip=skip)
    load: LoadTasks = (
        partial(_given, loaded.tasks) if path == "-" else partial(load_recorded_tasks, path, n, tools, skip)
    )
    return Workload(loaded.tasks, load, "default", ("step",), tuple(loaded.notes), tuple(loaded.imported.faults))


def _failing(load: LoadTasks, rate: float, seed: int) -> list[Task]:
    return [with_faults(task, rate, seed) for task in load()]


def _given(tasks: Sequence[Task]) -> Sequence[Task]:
    """Tasks that came by a pipe, which cannot be read again."""
    return tasks
