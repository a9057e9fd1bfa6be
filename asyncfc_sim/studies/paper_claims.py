"""The figures that papers claim, read from `papers/NAME/claims.toml`: each with where it stands and how we know it.

The form of the file is described at the top of papers/asyncfc/claims.toml.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from asyncfc_sim.tools.toml_table import Table

_CLAIM_KEYS: Final = (
    *("id", "paper", "benchmark", "setting", "quantity", "value", "unit", "where", "evidence", "second_hand"),
    *("derived_from", "conflicts", "remark", "kind", "reproducible_by_simulation", "reason"),
)


class PaperError(ValueError):
    """A file about a paper that cannot be used, or a paper that is not there: which, where in it, what was expected."""


class PaperTable(Table):
    """A table of such a file."""

    fault = PaperError


@dataclass(frozen=True, slots=True)
class Claim:
    """One figure of a paper. `conflicts` are other readings of it, in words; `reason` says why a simulation of time can
    produce it, or why not."""

    id: str
    benchmark: str
    setting: str
    quantity: str
    value: float | str
    unit: str
    where: str
    evidence: str
    second_hand: bool
    conflicts: tuple[str, ...]
    remark: str
    kind: str
    reproducible: bool
    reason: str

    @property
    def figure(self) -> str:
        """The figure as the paper gives it."""
        value = self.value if isinstance(self.value, str) else f"{self.value:g}"
        if self.unit == "word":
            return f'"{value}"'
        return f"{value}{self.unit}" if self.unit in ("x", "%") else f"{value} {self.unit}"


def read_table(path: Path) -> PaperTable:
    """A TOML file. Raises OSError or PaperError."""
    try:
        return PaperTable(str(path), "", tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PaperError(f"{path}: not TOML: {error}") from None


def parse_claims(top: PaperTable) -> tuple[Claim, ...]:
    """The claims of a claims.toml. Raises PaperError."""
    top.only("claim", "formula", "limit")
    top.needs("claim")
    claims = tuple(map(_claim, top.tables("claim")))
    ids = [claim.id for claim in claims]
    for twice in {each for each in ids if ids.count(each) > 1}:
        raise top.error("claim", f"two claims have the id {twice!r}")
    for table in top.tables("claim"):
        for other in table.texts("derived_from"):
            if other not in ids:
                raise table.error("derived_from", f"there is no claim {other!r}")
    return claims


def _claim(table: PaperTable) -> Claim:
    table.only(*_CLAIM_KEYS)
    table.needs(*_CLAIM_KEYS)
    value = table.values["value"]
    return Claim(
        **{key: table.text(key) for key in ("id", "benchmark", "setting", "quantity", "unit", "where", "evidence")},
        value=value if isinstance(value, str) else table.number("value"),
        second_hand=table.flag("second_hand"),
        conflicts=tuple(map(_conflict, table.tables("conflicts"))),
        remark=table.text("remark") if table.values["remark"] else "",
        kind=table.text("kind"),
        reproducible=table.flag("reproducible_by_simulation"),
        reason=table.text("reason"),
    )


def _conflict(table: PaperTable) -> str:
    table.only("value", "remark")
    table.needs("value", "remark")
    return f"{table.number('value'):g} ({table.text('remark')})"
