"""The work behind `asyncfc papers reproduce`: run papers, then write their RESULTS.md or hold them against the disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path

from asyncfc_sim.report.console import progress, results_console
from asyncfc_sim.studies.paper_claims import PaperError
from asyncfc_sim.studies.paper_files import Paper, load_paper, paper_names
from asyncfc_sim.studies.paper_run import SEED, points
from asyncfc_sim.studies.paper_text import render
from asyncfc_sim.studies.papers import Result, reproduce
from asyncfc_sim.traces.files import atomic_write

from .output import document, emit

RESULTS = "RESULTS.md"
SHOWN_LINES = 20  # of a difference


@dataclass(frozen=True, slots=True)
class _Written:
    """The text of a paper and where it belongs. `same`: it is there already."""

    result: Result
    path: Path
    text: str
    before: bytes

    @property
    def same(self) -> bool:
        return self.text.encode() == self.before


def run(
    names: Sequence[str], *, check: bool, output: Path | None, workers: int | None, as_json: bool, quiet: bool
) -> int:
    """Do it; returns the exit code: 1 if `check` finds a RESULTS.md that is not what would be written, or if some run
    differs from running in order."""
    papers = [load_paper(name) for name in dict.fromkeys(names) or paper_names()]
    if output is not None and not output.is_dir():
        raise PaperError(f"--output-folder {output}: there is no such folder")
    if output is None and not check and any("_data" in paper.folder.parts for paper in papers):
        raise PaperError(
            "these papers belong to an installed package: say with -o in which folder to write the results"
        )
    written = []
    for paper in papers:
        written.append(_written(paper, output, workers, quiet or as_json))
        if not check:
            _write(written[-1])
        if not as_json:
            _show(written[-1], check=check)
    if as_json:
        results = [{**each.result.to_json(), "file": str(each.path), "same": each.same} for each in written]
        emit(document("papers/1", seed=SEED, config={"check": check}, papers=results))
    stale = check and not all(each.same for each in written)
    return int(stale or any(each.result.different for each in written))


def _written(paper: Paper, output: Path | None, workers: int | None, quiet: bool) -> _Written:
    with progress(f"{paper.name}: simulating", points(paper), quiet=quiet) as advance:
        result = reproduce(paper, workers, advance)
    path = (paper.folder if output is None else output / paper.name) / RESULTS
    before = path.read_bytes() if path.is_file() else b""
    return _Written(result, path, render(result), before)


def _write(each: _Written) -> None:
    if each.same:
        return
    each.path.parent.mkdir(exist_ok=True)
    with atomic_write(each.path) as out:
        out.write(each.text.encode())


def _show(each: _Written, *, check: bool) -> None:
    console = results_console()
    verdicts = [outcome.verdict for outcome in each.result.outcomes]
    counts = ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in dict.fromkeys(verdicts))
    state = "as on disk" if each.same else "DIFFERS from what is on disk" if check else "written"
    console.print(f"{each.path}: {state}; {len(verdicts)} reproductions: {counts}", soft_wrap=True)
    if check and not each.same:
        before = each.before.decode("utf-8", "backslashreplace").split("\n")
        lines = list(unified_diff(before, each.text.split("\n"), "on disk", "generated", lineterm="", n=0))
        for line in lines[:SHOWN_LINES]:
            console.print(line, soft_wrap=True)
        if len(lines) > SHOWN_LINES:
            console.print(f"... {len(lines) - SHOWN_LINES} more lines")
