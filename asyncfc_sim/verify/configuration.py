"""One state of a run under exploration: the real scheduler, the decoder, the world, and the tools under way.

This is the explorer's driver. It says which moves are possible, makes one, and can be copied and compared; which
moves to make is the business of a strategy (exhaust, walk, replay). Nothing here decides when a call may start.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import cast

from asyncfc_sim.core.certificate import Access
from asyncfc_sim.core.events import Action, Deliver, Drained, End, Event, Fail, Finish, Running, Start
from asyncfc_sim.core.interpreter import Interpreter, Outcome
from asyncfc_sim.core.scheduler import Failure, Scheduler
from asyncfc_sim.core.syntax import Program
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import ErrorValue, Value
from asyncfc_sim.workloads.key_world import Accessed, SteppedWorld
from asyncfc_sim.workloads.workload import World

from .moves import DECODE, Environment, Granularity, Move, UnderWay, legal, place

UNCAPPED = 1_000_000
# Told of every event, access and action, in order.
Observer = Callable[[Event | Access | Action], None]
MakeScheduler = Callable[..., Scheduler]


class Stuck(AssertionError):
    """No move is possible, though the run is not over: the progress theorem (formal.md T3) rules this out."""


class Configuration:
    """A run of `program` at one moment. `make` may be a broken scheduler; `environment` are moves it may meet."""

    def __init__(
        self,
        program: Program,
        tools: Mapping[str, Tool],
        world: World,
        *,
        granularity: Granularity = "atomic",
        failure: Failure = "poison",
        workers: int = UNCAPPED,
        per_tool: int = UNCAPPED,
        make: MakeScheduler = Scheduler,
        environment: Sequence[Environment] = (),
        observer: Observer | None = None,
    ) -> None:
        self.scheduler = make(tools, failure=failure, max_running=workers, max_running_per_tool=per_tool)
        self.decoder = Interpreter(program)
        self.world = world
        self.granularity = granularity
        self.under_way: dict[int, UnderWay] = {}
        self.environment = tuple(environment)
        self.interferes = bool(environment)  # also once all its moves are made: a call in doubt may end at any time
        self.observer = observer

    def over(self) -> bool:
        return self.decoder.ended and not self.under_way

    def moves(self) -> list[Move]:
        """All that may happen next. Raises Stuck if nothing can, and the run is not over."""
        moves: list[Move] = [DECODE] if self.decoder.ready else []
        moves += sorted(self.under_way)
        if self.interferes:
            moves += [move for move in self.environment if self._may_interfere(move)]
            moves += [End(future) for future in self.under_way if not self._is_running(future)]
        if not moves and not self.over():
            raise Stuck(f"nothing can happen any more: {self.scheduler.futures}")
        return moves

    def make(self, move: Move) -> None:
        """Make one of `moves`."""
        match move:
            case 0:
                event = self.decoder.next_event()
                assert event is not None
                self._feed(event)
            case int():
                self._act(self.under_way[move])
            case End(future):
                del self.under_way[future]
                self._feed(move)
            case _:
                self.environment = tuple(each for each in self.environment if each != move)
                self._feed(move)
                if isinstance(move, Deliver):
                    self.decoder.hand_over({future: self.scheduler.values[future] for future in move.futures})

    def peek(self, future: int) -> Access | None:
        """What the next step of a tool would touch; None if it would return. For worlds that can be stepped."""
        running = self.under_way[future]
        world = cast(SteppedWorld, self.world)
        return world.peek(future, running.start.tool, running.start.args, running.history)

    def outcome(self) -> Outcome:
        return self.decoder.outcome(self.scheduler.values)

    def fork(self) -> Configuration:
        twin = Configuration.__new__(Configuration)
        twin.__dict__.update(self.__dict__)
        twin.scheduler = self.scheduler.fork()
        twin.decoder = self.decoder.fork()
        twin.world = self.world.copy()
        twin.under_way = dict(self.under_way)
        return twin

    def key(self) -> tuple[object, ...]:
        """Configurations of one exploration with equal keys behave alike.

        What the decoder has seen is here without the values: those are the futures', in the scheduler's key.
        """
        histories = tuple(sorted((future, each.text) for future, each in self.under_way.items() if each.history))
        seen = tuple((each.after, each.future) for each in self.decoder.seen)
        where = (*place(self.decoder.cursor), self.decoder.ended)
        return (self.scheduler.key(), where, seen, self.world.state(), histories, self.environment)

    # --------------------------------------------------------------------------------------------------- the moves

    def _act(self, running: UnderWay) -> None:
        """The next step of a tool; all of them, if tools are atomic."""
        future, tool, args = running.start.future, running.start.tool, running.start.args
        if self.granularity == "atomic" and (self.observer is None or not hasattr(self.world, "step")):
            self._return(future, self.world.call(future, tool, args))
            return
        world = cast(SteppedWorld, self.world)
        while isinstance(step := world.step(future, tool, args, running.history), Accessed):
            self._observe(step.access)
            running = running.after(step.answer)
            if self.granularity == "steps":
                self.under_way[future] = running
                return
        self._return(future, step.value)

    def _return(self, future: int, value: Value) -> None:
        del self.under_way[future]
        if not self._is_running(future):  # settled or cut off before: its value is dropped
            self._feed(End(future))
        else:
            self._feed(Fail(future, value) if isinstance(value, ErrorValue) else Finish(future, value))

    def _feed(self, event: Event) -> None:
        self._observe(event)
        answers = []
        for action in self.scheduler.feed(event):
            self._observe(action)
            match action:
                case Start(future):
                    self.under_way[future] = UnderWay(action)
                case Drained():
                    self.under_way.clear()  # the process ends here: what a broken scheduler left under way is lost
            answers.append(self.decoder.receive(action))
        for answer in answers:
            if answer is not None:
                self._feed(answer)

    def _observe(self, happened: Event | Access | Action) -> None:
        if self.observer is not None:
            self.observer(happened)

    def _may_interfere(self, move: Environment) -> bool:
        too_late = isinstance(move, Deliver) and (self.decoder.answered or self.decoder.ended)
        return not too_late and legal(move, self.scheduler)

    def _is_running(self, future: int) -> bool:
        return isinstance(self.scheduler.futures.get(future), Running)
