"""Which of the runs or sessions of a file are meant: by name, by case, by number, or by pattern."""

from __future__ import annotations

from collections.abc import Sequence

import typer

Names = Sequence[tuple[str, str | None]]  # of each run: its own, and that of its case


def named(names: Names, wanted: Sequence[str], what: str) -> list[int]:
    """The places of those that these names, numbers and patterns choose, in the order of the file.

    `what` says what they are ("run or case"). Raises typer.BadParameter for a name that fits none.
    """
    chosen: set[int] = set()
    for text in wanted:
        found = _matches(names, text)
        if not found:
            raise typer.BadParameter(_no_such(names, text, what), param_hint="'--run'")
        chosen.update(found)
    return sorted(chosen)


def _matches(names: Names, text: str) -> list[int]:
    """Those of this name; or else of this case; or else the one of this number; or those that fit the pattern."""
    from fnmatch import fnmatchcase

    for column in (0, 1):
        if found := [index for index, name in enumerate(names) if name[column] == text]:
            return found
    if text.isdecimal():
        return [int(text) - 1] if 1 <= int(text) <= len(names) else []
    return [index for index, (run, case) in enumerate(names) if fnmatchcase(run, text) or fnmatchcase(case or "", text)]


def _no_such(names: Names, text: str, what: str) -> str:
    from difflib import get_close_matches

    runs = list(dict.fromkeys(run for run, _ in names))
    cases = [case for _, case in names if case is not None]
    close = get_close_matches(text, list(dict.fromkeys([*runs, *cases])), n=3)
    hint = f"did you mean {' or '.join(close)}?" if close else f"it holds {some(runs)}"
    return f"no {what} {text!r} among the {len(names)} of this file; {hint}"


def some(names: Sequence[str]) -> str:
    """The first of many names, and how many more there are."""
    rest = len(names) - 5
    return ", ".join(names[:5]) + (f" and {rest} more" if rest > 0 else "")
