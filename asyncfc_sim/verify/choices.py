"""A schedule that fits every program: which of the moves possible to make, one number for each choice.

`schedules.py` writes down the moves of one program, which no other program has. A `Schedule` can be drawn before
anything is known of the program, and shrinks on its own: fewer choices and lower ones are nearer to the simplest
schedule, in which the decoder goes on while it can, and then the lowest call.
"""

from __future__ import annotations

from dataclasses import dataclass

from .configuration import Configuration
from .moves import Move
from .setting import Ending, Setting
from .walk import Choose


@dataclass(frozen=True, slots=True)
class Schedule:
    """Where several moves are possible, the next of `choices` takes one: 0 the decoder's or the lowest call's, and on.

    Larger numbers go round. Beyond the last choice it is the first move possible. So any numbers from 0 on are a
    legal schedule of any program.
    """

    choices: tuple[int, ...] = ()

    def chooser(self) -> Choose:
        """What `walk` takes as `choose`, for one run."""
        left = iter(self.choices)
        return lambda possible: next(left, 0) % possible if possible > 1 else 0

    def run(self, setting: Setting) -> Ending:
        """Run a program under this schedule; `setting.in_order()` is what it must come to.

        Raises Stuck if nothing can happen before the run is over.
        """
        run, _ = self._follow(setting)
        return Ending(run.outcome(), run.world.state())

    def moves(self, setting: Setting) -> tuple[Move, ...]:
        """The moves that it makes there: what `replay`, `counterexample` and `format_schedule` take."""
        return self._follow(setting)[1]

    def _follow(self, setting: Setting) -> tuple[Configuration, tuple[Move, ...]]:
        run, choose = setting.start(), self.chooser()
        made: list[Move] = []
        while not run.over():
            moves = run.moves()
            made.append(moves[choose(len(moves))])
            run.make(made[-1])
        return run, tuple(made)
