"""`asyncfc tools FILE.py --suggest`: what its tools should declare, as far as watching them tells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import Any

from asyncfc_sim.report.console import progress, results_console
from asyncfc_sim.report.notes import Notes
from asyncfc_sim.tools.tool_file import load_tools
from asyncfc_sim.verify.effects.function_subject import function_subject
from asyncfc_sim.verify.effects.suggest import Suggestion, suggest

from .config import overridden
from .output import document, emit

ORIGINS = {
    "developer": "as declared; nothing else was observed",
    "observed": "observed",
    "rule": "a rule, by its name",
    "nothing": "nothing known, so everything",
}


def run(path: str, name: str | None, *, calls: int, seed: int, as_json: bool) -> None:
    """Watch the tools, and print what to declare."""
    tools = overridden(load_tools(path, name))
    with (
        progress("watching calls", calls * len(tools.tools), quiet=as_json) as advance,
        function_subject(tools) as subject,
    ):
        suggestions = suggest(subject, calls=calls, seed=seed, advance=advance)
    if as_json:
        config = {"file": path, "name": name, "calls": calls}
        emit(document("tools-suggest/1", seed=seed, config=config, tools=[_json(each) for each in suggestions]))
        return
    console = results_console()
    for suggestion in suggestions:
        for line in _lines(suggestion, console.width):
            console.print(line, soft_wrap=True)
        console.print()
    console.print(Notes(_notes(suggestions, seed)))


def _lines(suggestion: Suggestion, width: int) -> Iterator[str]:
    seen = suggestion.observed
    yield suggestion.decorator
    yield f"def {suggestion.tool}"
    sure = (
        f"{seen.calls} calls watched, {seen.succeeded} succeeded, from {seen.states} ways to a state; "
        f"{seen.keys} keys touched; anything else happens in less than {100 * seen.unseen:.0f} % of calls that succeed"
    )
    rows = [("origin", ORIGINS[suggestion.origin]), ("declared", suggestion.declared), ("how sure", sure)]
    rows += [("but", remark) for remark in suggestion.remarks]
    for label, text in rows:
        yield from wrap(text, width - 1, initial_indent=f"    {label:<10}", subsequent_indent=" " * 14)


def _notes(suggestions: Sequence[Suggestion], seed: int) -> Iterator[str]:
    yield (
        f"seed {seed}; arguments were made up; each call came from a state that earlier calls had led to, from that "
        "which importing the file leaves (or fresh() makes); the share is a 95 % bound (rule of three)"
    )
    yield "a suggestion is to be read, not to be pasted: what only other arguments or other states lead to was not seen"
    if any(suggestion.origin == "observed" for suggestion in suggestions):
        yield "what no tool writes is no resource, and is left out; asyncfc check tests what you declare"


def _json(suggestion: Suggestion) -> dict[str, Any]:
    seen = suggestion.observed
    return {
        "name": suggestion.tool,
        "declared": suggestion.declared,
        "reads": list(suggestion.reads),
        "writes": list(suggestion.writes),
        "origin": suggestion.origin,
        "observed": {
            "calls": seen.calls,
            "succeeded": seen.succeeded,
            "states": seen.states,
            "keys": seen.keys,
            "unseen_at_most": seen.unseen,
        },
        "remarks": list(suggestion.remarks),
    }
