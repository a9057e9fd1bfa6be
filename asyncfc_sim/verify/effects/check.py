"""Do tools keep to what they declare? Plain functions, the tools of a file, or anything else that is a subject."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from asyncfc_sim.tools.tool_file import ToolFile

from .explain import Explain
from .findings import Report
from .function_subject import function_subject
from .search import ALL, EXAMPLES, Check, Search
from .subject import Subject


def check_tools(
    tools: ToolFile | Iterable[Any],
    *,
    examples: int = EXAMPLES,
    seed: int = 0,
    fresh: Callable[[], Any] | None = None,
    observe: Callable[[], Any] | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> Report:
    """Check the tools of a file, or plain functions, with so many trials for each pair of tools.

    `fresh` puts state back that cannot be seen here, and `observe` returns it; in a file of tools they are functions
    with these names. Raises CannotCheck if the state can neither be seen nor put back, and ToolError for what is no
    tool.
    """
    with function_subject(tools, fresh=fresh, observe=observe) as subject:
        return check_subject(subject, examples=examples, seed=seed, advance=advance)


def check_subject(
    subject: Subject,
    *,
    examples: int = EXAMPLES,
    seed: int = 0,
    checks: frozenset[Check] = ALL,
    advance: Callable[[int], None] = lambda _: None,
) -> Report:
    """The same for anything that is a subject. `advance` is told of every trial."""
    search = Search(subject, seed, checks)
    search.run(examples, advance)
    return Explain(search).report()
