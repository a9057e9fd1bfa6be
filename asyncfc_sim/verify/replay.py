"""The strategy `replay`: the one schedule that was asked for."""

from __future__ import annotations

from collections.abc import Sequence

from .configuration import Configuration, Observer
from .moves import Move
from .schedules import ScheduleError, format_move
from .setting import Setting


def replay(setting: Setting, schedule: Sequence[Move], observer: Observer | None = None) -> Configuration:
    """Make these moves, and return what they lead to.

    A schedule that ends before the run does goes on with the first move possible: the decoder's, or else that of the
    lowest call. `observer` is told what happens.

    Raises ScheduleError if a move is not possible where it stands, and Stuck if nothing is.
    """
    run = setting.start()
    run.observer = observer
    for number, move in enumerate(schedule, 1):
        possible = [] if run.over() else run.moves()
        if move not in possible:
            now = f"possible here: {', '.join(map(format_move, possible))}" if possible else "the run is over here"
            raise ScheduleError(f"schedule, move {number}: {format_move(move)} is not possible; {now}")
        run.make(move)
    while not run.over():
        run.make(run.moves()[0])
    return run
