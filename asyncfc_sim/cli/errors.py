"""What an exception means to the person at the shell: a message in words on stderr, and an exit code.

An error of the input says what is wrong and where. An error that is none of those below is a bug: it keeps its
traceback, and a code of its own, so that no script takes it for a property that failed.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

import typer

PACKAGE = __name__.partition(".")[0]


class ExitCode(IntEnum):
    """With what a verb ends: `raise typer.Exit(ExitCode.FAILED)`."""

    OK = 0
    FAILED = 1  # a property or a threshold
    BAD_INPUT = 2  # or wrong usage
    MISSING = 3  # a file, a package or an endpoint that is not there, or cannot be used
    PARTIAL = 4  # done, but for failures that were reported
    BUG = 70  # EX_SOFTWARE of sysexits.h
    INTERRUPTED = 130


@contextmanager
def reported() -> Iterator[None]:
    """Around a verb: what it raises is explained on stderr, and it ends with the exit code that belongs to it."""
    try:
        yield
        if sys.stdout is not None:  # None: it was closed
            sys.stdout.flush()  # a full disk or a closed pipe shows here, and not while the interpreter shuts down
    except BrokenPipeError:
        from asyncfc_sim.report.console import pipe_safe

        with pipe_safe():
            raise
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        raise typer.Exit(ExitCode.INTERRUPTED) from None
    except (typer.TyperException, typer.Exit, typer.Abort):  # wrong usage, and the ends that verbs choose
        raise
    except Exception as error:
        code, message = explained(error)
        if code is ExitCode.BUG:
            traceback.print_exc()
        print(message, file=sys.stderr)
        _drop_output()
        raise typer.Exit(code) from None


def _drop_output() -> None:
    """Give up what could not be written: the interpreter would try once more, fail, and change the exit code."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def explained(error: Exception) -> tuple[ExitCode, str]:
    """The exit code of an exception, and the message that stands for it."""
    from asyncfc_sim.language.errors import LanguageError

    match error:
        case LanguageError():
            return ExitCode.BAD_INPUT, str(error)  # opens with file:line:column, as editors like it
        case ValueError() if _is_ours(type(error).__module__):
            return ExitCode.BAD_INPUT, f"Error: {error}"
        case IsADirectoryError():
            return ExitCode.BAD_INPUT, f"Error: {error.filename}: a file is expected, and this is a folder"
        case OSError():
            reason = error.strerror or str(error) or type(error).__name__
            what = f"{error.filename}: " if error.filename is not None else ""
            return ExitCode.MISSING, f"Error: {what}{reason}"
        case ImportError(name=str(name)) if not _is_ours(name):
            message = f"the Python package {name!r} is not installed" if type(error) is ModuleNotFoundError else error
            return ExitCode.MISSING, f"Error: {message}"
        case _:
            return ExitCode.BUG, "Error: this is a bug in asyncfc-sim, not in what you gave it"


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] == PACKAGE
