"""The consoles: results go to stdout, progress to stderr, and a closed pipe ends the program quietly.

Colours are rich's business: none when the output is no terminal, and none if NO_COLOR is set.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

WIDTH = 100  # columns, where there is no terminal to ask
BROKEN_PIPE_EXIT = 141  # what a shell reports for a program that SIGPIPE ended


class _PipeSafeConsole(Console):
    def on_broken_pipe(self) -> None:
        """The reader (`head`, a pager) has gone: there is nobody to tell."""
        self.quiet = True
        _leave_pipe()


def results_console(file: TextIO | None = None, *, width: int | None = None) -> Console:
    """The console for results: stdout, plain text, no highlighting of things that look like numbers."""
    return _console(sys.stdout if file is None else file, width)


def messages_console(*, quiet: bool = False) -> Console:
    """The console for progress and remarks: stderr; silent with `quiet`."""
    return _console(sys.stderr, None, quiet=quiet)


def _console(file: TextIO | None, width: int | None, *, quiet: bool = False) -> Console:
    if file is None:  # closed before the program began: nobody reads
        file = io.StringIO()
    if hasattr(file, "reconfigure") and not _encoding(file).startswith("utf"):
        file.reconfigure(errors="replace")  # a name that this terminal cannot show must not end the program
    if width is None and not file.isatty() and "COLUMNS" not in os.environ:
        width = WIDTH
    return _PipeSafeConsole(file=file, width=width, quiet=quiet, markup=False, emoji=False, highlight=False)


def _encoding(file: TextIO) -> str:
    return (file.encoding or "utf-8").lower()


@contextmanager
def progress(what: str, total: int, *, quiet: bool = False) -> Iterator[Callable[[], None]]:
    """Show progress on stderr; the function it yields counts one more. Nothing is shown unless a person watches."""
    shown = sys.stderr is not None and sys.stderr.isatty() and not quiet and "CI" not in os.environ
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=messages_console(quiet=quiet), transient=True, disable=not shown) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)


@contextmanager
def pipe_safe() -> Iterator[None]:
    """Around a whole command: if the reader of stdout goes away, end without a traceback."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        _leave_pipe()


def _leave_pipe() -> NoReturn:
    # The interpreter flushes stdout once more at exit; that must not fail either.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise SystemExit(BROKEN_PIPE_EXIT) from None
