"""The pytest plug-in: `def test_my_tools(asyncfc_check): asyncfc_check(tools)` tests tools against their declarations.

pytest imports this module in every run of everybody who has the package installed. So it imports nothing of the
package before a test asks for the fixture.
"""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from asyncfc_sim.tools.tool_file import ToolFile
    from asyncfc_sim.verify.effects.findings import Report

# Functions, a file that holds some, or a module that does.
Tools = Iterable[Callable[..., Any]] | Callable[..., Any] | str | Path | ModuleType


class Check(Protocol):
    """Check tools, and fail the test if a declaration is wrong, or if a tool cannot be checked.

    `tools` are functions, a module, or a file (a path relative to pytest's root folder). There are `examples` trials
    for each pair of tools, or as many as `--asyncfc-examples` says; the same `seed` gives the same trials. `fresh` puts
    state back that cannot be seen, and `observe` returns it; a module or file may define functions of these names.
    Returns the report, for whoever wants to assert more.
    """

    def __call__(
        self,
        tools: Tools,
        *,
        examples: int | None = None,
        seed: int = 0,
        fresh: Callable[[], Any] | None = None,
        observe: Callable[[], Any] | None = None,
    ) -> Report: ...


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("asyncfc").addoption(
        "--asyncfc-examples", type=_count, metavar="N", help="trials for each pair of tools that asyncfc_check checks"
    )


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"a number from 1 on is expected, not {text!r}")
    return int(text)


@pytest.fixture
def asyncfc_check(pytestconfig: pytest.Config) -> Check:
    """Check that tools read and write what they declare: asyncfc_check([function, ...]), a module, or a path."""

    def check(
        tools: Tools,
        *,
        examples: int | None = None,
        seed: int = 0,
        fresh: Callable[[], Any] | None = None,
        observe: Callable[[], Any] | None = None,
    ) -> Report:
        from asyncfc_sim.tools.errors import MissingDependency, ToolError, ToolFileError
        from asyncfc_sim.verify.effects.check import check_tools
        from asyncfc_sim.verify.effects.search import EXAMPLES
        from asyncfc_sim.verify.effects.subject import CannotCheck

        __tracebackhide__ = True
        examples = pytestconfig.getoption("--asyncfc-examples") or examples or EXAMPLES
        try:
            found = _found(tools, pytestconfig.rootpath)
            report = check_tools(found, examples=examples, seed=seed, fresh=fresh, observe=observe)
        except (CannotCheck, MissingDependency, ToolError, ToolFileError, OSError) as error:
            told = [f"asyncfc cannot check these tools: {error}"]
        else:
            if report.clean:
                return report
            told = list(_told(report, pytestconfig.get_terminal_writer().fullwidth))
        pytest.fail("\n".join(told), pytrace=False)

    return check


def _found(tools: Tools, root: Path) -> ToolFile | Iterable[Callable[..., Any]]:
    from asyncfc_sim.tools.tool_file import load_tools, tools_of

    match tools:
        case str() | Path():
            return load_tools(root / tools)
        case ModuleType():
            return tools_of(tools)
        case _ if callable(tools):
            return [tools]
        case _:
            return tools


def _told(report: Report, width: int) -> Iterable[str]:
    from asyncfc_sim.cli.check_tools import finding_lines, verdict

    yield f"asyncfc: {verdict(report)}, in {report.trials:,} trials, seed {report.seed}"
    for finding in report.findings:
        yield ""
        yield from finding_lines(finding, width)
    for name, why in report.refused.items():
        yield f"\n{name} could not be checked: {why}"
