"""Reading a file of recorded runs or sessions, in whatever format it is, for the verbs that take one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from .errors import ExitCode
from .output import report_faults

if TYPE_CHECKING:
    from asyncfc_sim.traces.importers.formats import Imported
    from asyncfc_sim.traces.trace import Run

OnBroken = Literal["fail", "skip"]

File = Annotated[
    str,
    typer.Argument(
        metavar="FILE", help="Runs or sessions in any known format (.gz too), or a folder; - reads standard input."
    ),
]
Format = Annotated[
    str | None, typer.Option("--format", metavar="NAME", help="The format of FILE.", show_default="detected")
]
Broken = Annotated[
    OnBroken,
    typer.Option("--on-broken", help="What a broken line does: end it all, or be told of and skipped (exit code 4)."),
]


class TraceFile:
    """A file, or a folder, that was named on the command line."""

    def __init__(self, file: str, format: str | None, broken: OnBroken) -> None:
        from asyncfc_sim.traces.importers.source import Source

        self.file, self.format, self.broken = file, format, broken
        # Kept, because standard input can be read only once.
        self._source = Source(file, broken)

    @property
    def is_native(self) -> bool:
        """Whether it holds runs in our own form."""
        if self.format is not None:
            return self.format == "trace"
        return not self._is_folder and str(self._source.first.get("schema", "")).startswith("asyncfc.trace/")

    def runs(self) -> list[Run]:
        """The runs of a trace of our own, whole: a broken line ends it, whatever was asked. Raises TraceError."""
        from asyncfc_sim.traces.trace import parse_trace, read_trace

        if self.file != "-":
            return read_trace(self.file)
        return parse_trace(self._source.text.encode().splitlines(keepends=True), self._source.name)

    def sessions(self) -> Imported:
        """The sessions, in any format; what was broken and skipped is told on stderr. Raises ImportFault."""
        from asyncfc_sim.traces.importers.formats import read_sessions

        what = self.file if self._is_folder else self._source
        imported = read_sessions(what, format=self.format, broken=self.broken)
        report_faults(imported.faults)
        return imported

    @property
    def _is_folder(self) -> bool:
        return self.file != "-" and Path(self.file).is_dir()


def end(imported: Imported) -> None:
    """End a verb that did what it could: with exit code 4 if something was skipped."""
    if imported.faults:
        raise typer.Exit(ExitCode.PARTIAL)
