"""What recorded sessions are made of, as tables: distributions, calls per step, tools, and what futures could hide."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich.console import RenderableType
from rich.text import Text

from asyncfc_sim.traces.sessions import Provenance
from asyncfc_sim.traces.statistics import PERCENTILES, Distribution, Figure, OverlapFigures, SessionStatistics

from .notes import Notes
from .plain_table import plain_table

QUANTILES = tuple(f"p{percent}" for percent in PERCENTILES)
BARS = 40  # columns of the longest bar
TOOLS = 20  # kinds shown


def session_tables(statistics: SessionStatistics, notes: Sequence[str] = ()) -> Iterator[RenderableType]:
    """The tables, one below the other."""
    counted = (
        (statistics.sessions, "session"),
        (statistics.turns, "turn"),
        (statistics.steps, "step"),
        (statistics.calls, "call"),
    )
    yield Text(", ".join(f"{n} {word}{'' if n == 1 else 's'}" for n, word in counted), style="bold")
    if statistics.models:
        yield Text("models by steps: " + ", ".join(f"{name} {n}" for name, n in statistics.models.items()))
    yield Text()
    yield _table("figure", statistics.figures, statistics.sessions)
    if statistics.calls:
        yield Text("\ncalls of a step", style="bold")
        yield from _histogram(statistics.calls_per_step)
        yield Text("\nseconds of a tool, by kind", style="bold")
        yield _table("kind", statistics.tools[:TOOLS], statistics.sessions)
        if len(statistics.tools) > TOOLS:
            yield Text(f"and {len(statistics.tools) - TOOLS} more (--json has all)", style="dim")
        yield Text("\nwhat futures could hide, by session", style="bold")
        yield _overlap(statistics.overlap)
    yield Text()
    yield Notes([*_notes(statistics), *notes])


def _table(name: str, figures: Iterable[Figure], sessions: int) -> RenderableType:
    header = (name, "unit", "n", "of", *QUANTILES, "from", "lacking")
    rows = [
        (
            figure.name,
            figure.unit,
            str(0 if figure.distribution is None else figure.distribution.n),
            str(figure.of),
            *_cells(figure.distribution),
            _origins(figure.provenance),
            str(figure.lacking) if figure.lacking < sessions else "all",
        )
        for figure in figures
    ]
    return plain_table(header, rows, numbers=("n", "of", *QUANTILES, "lacking"))


def _cells(found: Distribution | None) -> tuple[str, ...]:
    if found is None:
        return ("-",) * len(QUANTILES)
    return tuple(_figures(value) for value in (found.p10, found.p50, found.p90, found.p99))


def _figures(value: float) -> str:
    """Three digits that count, never with an exponent; whole numbers whole."""
    if value == 0 or value >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}" if value >= 1e-4 else f"{value:.6f}"


def _origins(provenance: Mapping[Provenance, int]) -> str:
    """`measured`, or `measured 5, derived 2` (sessions) where they are not all alike."""
    if len(provenance) < 2:
        return next(iter(provenance), "-")
    return ", ".join(f"{mark} {n}" for mark, n in sorted(provenance.items(), key=lambda item: -item[1]))


def _histogram(counts: Mapping[int, int]) -> Iterator[Text]:
    largest = max(counts.values(), default=1)
    total = sum(counts.values())
    for width, count in counts.items():
        bar = "=" * round(BARS * count / largest) or "."
        yield Text(f"{width:5d}  {count:8d}  {100 * count / total:5.1f} %  {bar}")


def _overlap(found: OverlapFigures) -> RenderableType:
    rows = [
        ("share of tools in tool + decoding time", found.tool_share),
        ("R of Eq. 1, calls wait where value flow is known", found.bound_flow),
        ("R of Eq. 1, messages wait for all earlier calls", found.bound_steps),
    ]
    cells = [(name, "0" if each is None else str(each.n), *_cells(each)) for name, each in rows]
    return plain_table(("", "n", *QUANTILES), cells, numbers=("n", *QUANTILES))


def _notes(statistics: SessionStatistics) -> Iterator[str]:
    yield (
        "n of: how many of the turns, steps or calls have the figure; from: measured, derived or sampled, as the file "
        "says, a figure of several fields by the weakest; lacking: the sessions in which it is missing somewhere; "
        "decode_rate: out_tokens / (llm_s - ttft_s); overall_rate: out_tokens / llm_s"
    )
    if statistics.sub_agents:
        yield f"{statistics.sub_agents} of the sessions are of sub-agents"
    found = statistics.overlap
    if not statistics.calls:
        yield "no calls: nothing can overlap with decoding"
        return
    yield (
        "R: the speed-up over one call at a time that Eq. 1 of the AsyncFC paper allows, (T_LLM + T_tool) over the sum "
        "of max(T_LLM, T_cp) of the turns, or of the steps where messages wait; a bound, not a prediction (asyncfc "
        "simulate predicts)"
    )
    if found.unknown_flow:
        yield (
            f"of {found.unknown_flow} of {found.calls} calls nothing says whose results they needed: by value flow "
            "they wait for none, which makes that R too large"
        )
    if found.lacking:
        yield f"{found.lacking} sessions with calls lack the time of a message or call, and are in none of these"
