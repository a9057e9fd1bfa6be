"""`asyncfc check` of a program."""

from __future__ import annotations

from .check_request import Request
from .errors import ExitCode


def run(request: Request) -> ExitCode:
    raise NotImplementedError(request)
