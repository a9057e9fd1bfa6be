"""The figure of `asyncfc fidelity`: predicted against measured, a panel for each of the two predictions."""

from __future__ import annotations

from pathlib import Path

from asyncfc_sim.report.plots import save
from asyncfc_sim.report.scatter_plot import Cloud, Clouds, plot_clouds

from .fidelity_document import Results


def draw(path: Path, results: Results) -> None:
    """Draw what was found to `path`. Raises PlotError, OSError."""
    conditional, forecast = [], []
    for policy in results.policies:
        runs = results.runs(policy)
        given = [(one.measured_s, one.conditional.answered_s) for one in runs if one.conditional is not None]
        conditional.append(Cloud(policy, tuple(given)))
        forecast.append(Cloud(policy, tuple((one.measured_s, one.forecast.answered_s) for one in runs)))
    injected = "" if results.injected is None else f" Latencies of tools were injected: {results.injected}."
    figure = plot_clouds(
        [Clouds("conditional", tuple(conditional)), Clouds("forecast", tuple(forecast))],
        "measured s",
        "predicted s",
        title="Predicted against measured makespan, one point a run",
        footnote=f"Conditional: given what the model wrote. Forecast: from synchronous runs alone.{injected}",
    )
    save(figure, path)
