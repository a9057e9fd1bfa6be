"""What `asyncfc fit` shows: the terms with their intervals, the tools with the families that fit them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from asyncfc_sim.report.notes import Notes
from asyncfc_sim.report.plain_table import plain_table
from asyncfc_sim.simulate.decoder import Decoder
from asyncfc_sim.simulate.fit_decoder import DecoderFit
from asyncfc_sim.simulate.fit_tools import ToolFit, ToolFits
from asyncfc_sim.simulate.model_file import Quantity

from .fit_run import Fitted, facts


def view(fitted: Fitted) -> Iterator[RenderableType]:
    """The parts to print, one below the other."""
    if fitted.decoder is not None:
        yield Text(f"decoder {fitted.decoder.name}: {fitted.decoder.title}", style="bold")
        if fitted.fit is not None:
            yield _terms(fitted.fit)
        yield Text()
        yield _figures(fitted.decoder)
        if fitted.fit is not None:
            yield Notes(facts(fitted.fit))
    if fitted.tools is not None:
        yield from [Text()] if fitted.decoder is not None else []
        yield from _tools(fitted.tools)


def _terms(fit: DecoderFit) -> RenderableType:
    header = ("term", "value", "95 % CI", "unit", "")
    rows = [
        (term.name, f"{term.value:.4g}", "-" if term.set_to else f"{term.low:.4g} to {term.high:.4g}", term.unit)
        for term in fit.terms
    ]
    return plain_table(header[:4], rows, numbers=("value",))


def _figures(decoder: Decoder) -> RenderableType:
    names = ("value", "p10", "p90", "p99")
    rows = [
        (name, *_values(quantity), quantity.unit, str(quantity.n), quantity.provenance)
        for name, quantity in decoder.quantities().items()
    ]
    return plain_table(("figure", *names, "unit", "n", "from"), rows, numbers=(*names, "n"))


def _values(quantity: Quantity) -> tuple[str, ...]:
    known = dict(quantity.quantiles)
    return f"{quantity.value:.4g}", *(f"{known[p]:.4g}" if p in known else "-" for p in (0.10, 0.90, 0.99))


def _tools(tools: ToolFits) -> Iterator[RenderableType]:
    yield Text(f"tools {tools.profile.name}, in seconds", style="bold")
    header = ("kind", "n", "value", "p10", "p90", "p99", "better by AIC", "then")
    rows = [
        (kind.kind, str(kind.n), *_values(kind.quantity), *_families(kind))
        for kind in tools.kinds
        if kind.quantity is not None
    ]
    yield plain_table(header, rows, numbers=header[1:6])
    left_out = [f"left out: {kind.kind}: {kind.left_out}" for kind in tools.kinds if kind.left_out]
    p = "p: parametric bootstrap of the Kolmogorov-Smirnov distance, since the parameters are fitted (Lilliefors 1967)"
    yield Notes(["value: the median", p, *tools.notes, *left_out])


def _families(kind: ToolFit) -> tuple[str, str]:
    return (str(kind.fits[0]), str(kind.fits[1])) if kind.fits else ("all equal", "")


def tool_document(kind: ToolFit) -> dict[str, Any]:
    """A kind of tool as data, with AIC and in the words of the file."""
    fits = [{**asdict(fit), "aic": fit.aic, "words": str(fit)} for fit in kind.fits]
    return {**asdict(kind), "fits": fits}
