"""What `asyncfc fit` does: read, fit, and put into words what the files say at their top."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from asyncfc_sim.simulate.decoder import Decoder
from asyncfc_sim.simulate.durations import call_rng
from asyncfc_sim.simulate.fit_decoder import DecoderFit, equation, fit_decoder
from asyncfc_sim.simulate.fit_samples import FitError
from asyncfc_sim.simulate.fit_tools import ToolFits, fit_tools
from asyncfc_sim.simulate.model_writer import decoder_toml, durations_toml
from asyncfc_sim.simulate.perf_table import chosen_rows, is_perf_table, read_perf_table, table_decoder
from asyncfc_sim.traces.importers.formats import read_sessions
from asyncfc_sim.traces.importers.source import Broken, Source
from asyncfc_sim.traces.trace import package_version


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked: the options of the verb. `decoder` and `tools` are the names of the models wanted, if any."""

    traces: str
    decoder: str | None
    tools: str | None
    model: str | None
    hardware: str | None
    tensor_parallel: int | None
    min_r2: float
    constant_ttft: bool
    whole: bool
    seed: int
    format: str | None
    broken: Broken


@dataclass(frozen=True, slots=True)
class Fitted:
    """What came of it; `fit` is None where the decoder is a table. The files are texts, for whoever writes them."""

    source: str
    faults: list[str]
    decoder: Decoder | None
    fit: DecoderFit | None
    tools: ToolFits | None
    decoder_file: str | None
    tools_file: str | None


def run(request: Request) -> Fitted:
    """Fit what was asked. Raises FitError, ImportFault, OSError."""
    source = Source(request.traces, request.broken)
    folder = request.traces != "-" and Path(request.traces).is_dir()
    if not folder and request.format is None and is_perf_table(source):
        return _of_table(request, source)
    return _of_sessions(request, request.traces if folder else source)


def _of_table(request: Request, source: Source) -> Fitted:
    if request.tools is not None:
        raise FitError(f"{source.name}: a table of a model's times says nothing of tools; --tools needs sessions")
    rows = chosen_rows(read_perf_table(source), request.model, request.hardware, request.tensor_parallel)
    origin = Path(request.traces).name
    decoder = table_decoder(rows, name=request.decoder or "fitted", source=origin)
    comments = [
        _opening(f"{len(rows)} distinct rows of {origin}: {rows[0].system}"),
        "The file measures a served model, not an agent: what is written around a call is assumed.",
    ]
    return Fitted(origin, source.faults, decoder, None, None, decoder_toml(decoder, comments), None)


def _of_sessions(request: Request, what: str | Source) -> Fitted:
    if request.hardware is not None or request.tensor_parallel is not None:
        raise FitError("--hardware and --tensor-parallel choose from a table of times; sessions do not say either")
    imported = read_sessions(what, format=request.format, broken=request.broken)
    formats = ", ".join(sorted(set(imported.formats.values())))
    origin = f"{formats}: {Path(request.traces).name}"
    fit, tools = None, None
    if request.decoder is not None:
        fit = fit_decoder(
            imported.sessions,
            name=request.decoder,
            source=origin,
            model=request.model,
            min_r2=request.min_r2,
            constant_ttft=request.constant_ttft,
            whole=request.whole,
        )
    if request.tools is not None:
        tools = fit_tools(imported.sessions, call_rng(request.seed, "fit", 0), name=request.tools, source=origin)
    return Fitted(
        origin,
        imported.faults,
        None if fit is None else fit.decoder,
        fit,
        tools,
        None if fit is None else decoder_toml(fit.decoder, _about_decoder(fit, origin)),
        None if tools is None else durations_toml(tools.profile, _about_tools(tools, origin)),
    )


def _opening(what: str) -> str:
    return f"Written by asyncfc fit (asyncfc-sim {package_version()}), from {what}."


def _about_decoder(fit: DecoderFit, origin: str) -> Iterator[str]:
    yield _opening(origin)
    yield equation(fit.decoder)
    yield from facts(fit)


def facts(fit: DecoderFit) -> Iterator[str]:
    """What a fit says of itself, one fact a line."""
    low, middle, high = fit.residuals_s
    cut = f", after the slowest 1 % and what lacks a figure were cut ({fit.cut})" if fit.cut else ""
    yield f"n = {fit.n} messages{cut}; R2 {fit.r2:.3f} of llm_s"
    if fit.ttft_r2 is not None:
        yield f"R2 {fit.ttft_r2:.3f} of ttft_s alone"
    yield f"residuals of llm_s: {low:.3g} / {middle:.3g} / {high:.3g} s at p10 / p50 / p90"
    yield from fit.notes


def _about_tools(tools: ToolFits, origin: str) -> Iterator[str]:
    yield _opening(origin)
    yield "Quantiles of the recorded durations; the families fitted to them stand in the notes."
    yield from tools.notes
    for kind in tools.kinds:
        if kind.left_out:
            yield f"left out: {kind.kind}: {kind.left_out}"
