"""Tables of results: one row per policy, units in the headers, the assumptions below."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from .notes import Notes


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """The results of one policy. Times are seconds; None stands for what does not apply."""

    policy: str
    n: int
    mean_s: float
    p50_s: float
    p99_s: float
    speedup: float | None = None  # times the baseline's, with its 95 % confidence interval
    speedup_low: float | None = None
    speedup_high: float | None = None
    tool_tool_s: float | None = None  # d_F||F, mean per case
    decode_tool_s: float | None = None  # d_D||E, mean per case
    alpha: float | None = None  # decoding beyond the baseline's, as a fraction of it
    bound: float | None = None  # R, the speed-up that Eq. 1 allows
    failed: int = 0  # cases without a result

    @property
    def gap(self) -> float | None:
        """How far the speed-up stays below Eq. 1's bound, as a fraction of the bound."""
        return None if self.speedup is None or not self.bound else 1 - self.speedup / self.bound


def policy_table(
    rows: Sequence[PolicyRow], *, title: str | None = None, footnotes: Sequence[str] = ()
) -> RenderableType:
    """The table of a study. Where it is too wide, parts of it stand one above the other."""
    return _PolicyTable(tuple(rows), title, tuple(footnotes))


@dataclass(frozen=True, slots=True)
class _Column:
    header: str
    below: str  # the second line of the header: the unit, and what else must not widen the column
    cells: Callable[[Sequence[PolicyRow]], list[str]]


def _seconds(of: Callable[[PolicyRow], float | None]) -> Callable[[Sequence[PolicyRow]], list[str]]:
    """Format a column of seconds with as many decimals as its largest value needs, the same in every row."""

    def cells(rows: Sequence[PolicyRow]) -> list[str]:
        values = [of(row) for row in rows]
        largest = max((abs(value) for value in values if value is not None), default=0.0)
        decimals = 3 if largest < 1 else 2 if largest < 100 else 1 if largest < 10_000 else 0
        # Rounded, then plus zero: what rounds to nothing must not show as -0.00.
        return ["-" if value is None else f"{round(value, decimals) + 0.0:.{decimals}f}" for value in values]

    return cells


def _each(cell: Callable[[PolicyRow], str]) -> Callable[[Sequence[PolicyRow]], list[str]]:
    return lambda rows: [cell(row) for row in rows]


def _speedups(rows: Sequence[PolicyRow]) -> list[str]:
    """`1.27 [1.22, 1.31]`, the points below one another even where there is no interval."""
    speedups = ["-" if row.speedup is None else f"{row.speedup:.2f}" for row in rows]
    intervals = [
        "" if None in (row.speedup_low, row.speedup_high) else f" [{row.speedup_low:.2f}, {row.speedup_high:.2f}]"
        for row in rows
    ]
    width = max(map(len, intervals), default=0)
    return [speedup + interval.ljust(width) for speedup, interval in zip(speedups, intervals, strict=True)]


def _percent(fraction: float | None) -> str:
    return "-" if fraction is None else str(round(100 * fraction))


_LATENCY = (
    _Column("mean", "s", _seconds(lambda row: row.mean_s)),
    _Column("p50", "s", _seconds(lambda row: row.p50_s)),
    _Column("p99", "s", _seconds(lambda row: row.p99_s)),
    _Column("speed-up x", "[95 % CI]", _speedups),
)
_SAVING = (
    _Column("tool||", "tool s", _seconds(lambda row: row.tool_tool_s)),
    _Column("decode||", "tool s", _seconds(lambda row: row.decode_tool_s)),
    _Column("alpha", "%", _each(lambda row: _percent(row.alpha))),
    _Column("R x", "Eq. 1", _each(lambda row: "-" if row.bound is None else f"{row.bound:.2f}")),
    _Column("gap", "%", _each(lambda row: _percent(row.gap))),
)
_LEGEND = (
    "tool||tool, decode||tool: time that calls ran beside other calls, and beside decoding (mean per case); alpha: "
    "decoding beyond the baseline's; R: the speed-up that Eq. 1 of the AsyncFC paper allows (references that replace "
    "long values can beat it); gap: how far below R"
)
_FAILED = _Column("failed", "n", _each(lambda row: str(row.failed)))
_N = _Column("n", "", _each(lambda row: str(row.n)))


@dataclass(frozen=True, slots=True)
class _PolicyTable:
    rows: tuple[PolicyRow, ...]
    title: str | None
    footnotes: tuple[str, ...]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if not self.rows:
            yield Text("no results")
            return
        first = (_N, *_LATENCY) if len({row.n for row in self.rows}) > 1 else _LATENCY
        if any(row.failed for row in self.rows):
            first = (_FAILED, *first)
        groups = [(*first, *_SAVING)]
        if not self._fits(groups[0], console, options):
            groups = [part for group in (first, _SAVING) for part in self._parts(group, console, options)]
        if self.title:
            yield Text(self.title, style="bold")
        for number, columns in enumerate(groups):
            yield from ([Text()] if number else [])
            yield self._table(columns)
        yield Notes(self._notes())

    def _fits(self, columns: Sequence[_Column], console: Console, options: ConsoleOptions) -> bool:
        unbounded = options.update(max_width=10_000)
        return Measurement.get(console, unbounded, self._table(columns)).maximum <= options.max_width

    def _parts(
        self, columns: Sequence[_Column], console: Console, options: ConsoleOptions
    ) -> list[tuple[_Column, ...]]:
        """As few groups as possible, each of which fits; figures are never cut to make them fit."""
        parts: list[tuple[_Column, ...]] = [()]
        for column in columns:
            if parts[-1] and not self._fits((*parts[-1], column), console, options):
                parts.append(())
            parts[-1] = (*parts[-1], column)
        return parts

    def _notes(self) -> list[str]:
        same = {row.n for row in self.rows}
        return [*([f"n = {same.pop()} for each policy"] if len(same) == 1 else []), *self.footnotes, _LEGEND]

    def _table(self, columns: Sequence[_Column]) -> Table:
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
        table.add_column(Text("\npolicy"), overflow="fold", min_width=6)
        for column in columns:
            header = Text(f"{column.header}\n{column.below}")
            table.add_column(header, justify="right", no_wrap=True, overflow="ellipsis")
        formatted = [column.cells(self.rows) for column in columns]
        for number, row in enumerate(self.rows):
            table.add_row(Text(row.policy), *(Text(cells[number]) for cells in formatted))
        return table
