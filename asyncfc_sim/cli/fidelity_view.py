"""The results of `asyncfc fidelity` on a screen: the noise, the errors of both predictions, their causes, the goals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from asyncfc_sim.report.console import results_console
from asyncfc_sim.report.notes import Notes
from asyncfc_sim.report.plain_table import plain_table
from asyncfc_sim.simulate.fit_decoder import equation
from asyncfc_sim.studies.fidelity_conditional import CAUSES, CONDITIONAL
from asyncfc_sim.studies.fidelity_errors import Goal, Ranking, Spread

from .fidelity_document import Results

SHOWN_REASONS = 5

Cells = tuple[Sequence[str], Sequence[Sequence[str]]]  # a header, and rows


def show(results: Results) -> None:
    """Print all that there is."""
    console = results_console()
    for line in (*_first_lines(results), *_title(results), *_fit(results), ""):
        console.print(line, soft_wrap=True)
    for header, rows in (_errors(results), _causes(results)):
        if rows:
            console.print(plain_table(header, rows, numbers=header[1:]))
            console.print()
    for line in (*_order(results), *map(_goal, results.goals if results.rows else ()), ""):
        console.print(line, soft_wrap=True)
    console.print(Notes([*(_of_the_tables(results) if results.rows else ()), *_of_the_runs(results)]))


def _first_lines(results: Results) -> Iterator[str]:
    """What did not go as it should."""
    outcomes = results.found.outcomes
    if results.interrupted:
        yield f"INTERRUPTED: {len(outcomes)} of {results.asked.size} conversations are over; the figures are of these"
    if results.failures:
        yield f"FAILED: {sum(count for _, count in results.failures)} of {len(outcomes)} conversations"
        for reason, count in results.failures[:SHOWN_REASONS]:
            yield f"  {count} x {reason}"
    if results.found.stopped is not None:
        left = results.asked.size - len(outcomes)
        yield f"STOPPED: {results.found.stopped}; the other {left} conversations were not tried"


def _title(results: Results) -> Iterator[str]:
    asked, inputs = results.asked, results.header_inputs
    model, endpoint = inputs.get("model") or "the first model", inputs.get("endpoint") or "the default endpoint"
    what = results.request.tasks or results.request.prompts
    yield (
        f"{results.name}: {model} at {endpoint}; {what}: {len(asked.prompts)} tasks, one at a time, "
        f"{asked.rounds} rounds of sync, then {asked.repeats} of each policy"
    )
    if results.injected is not None:
        yield f"latencies of tools were injected: {results.injected}"


def _fit(results: Results) -> Iterator[str]:
    noise, drift = results.noise, results.drift
    if noise is not None:
        late = "" if drift is None else f"; beside the other policies it took {_signed(drift.bias)} % (drift)"
        yield (
            f"noise: sync differs from itself by {_percent(noise.median)} % (median over {noise.n} pairs of runs), "
            f"{_percent(noise.p90)} % (p90){late}"
        )
    if results.found.learnt is not None:
        fit = results.found.learnt.fit
        yield f"fitted to {fit.n} messages of sync: {equation(fit.decoder)}, R2 {fit.r2:.3f}"


def _errors(results: Results) -> Cells:
    header = [
        "policy",
        "n",
        "measured\nmean s",
        "condi-\ntional s",
        "median\n%",
        "p90\n%",
        "bias\n%",
        "fore-\ncast s",
        "median\n %",
        "p90\n %",
        "bias\n %",
    ]
    rows = [
        (
            row.policy,
            str(row.n),
            f"{row.measured_s:.3f}",
            "-" if row.conditional_s is None else f"{row.conditional_s:.3f}",
            *_spread(row.conditional),
            f"{row.forecast_s:.3f}",
            *_spread(row.forecast),
        )
        for row in results.rows
    ]
    return header, rows


def _spread(one: Spread | None) -> tuple[str, ...]:
    return ("-", "-", "-") if one is None else (_percent(one.median), _percent(one.p90), _signed(one.bias))


def _causes(results: Results) -> Cells:
    """What measured less forecast is made of, in per cent of what was measured: with its sign, and in size."""
    header = ["measured less\nforecast, %", *CAUSES]
    rows = [
        (
            row.policy,
            *(_part(row.parts_s[cause] / row.measured_s, row.parts_abs_s[cause] / row.measured_s) for cause in CAUSES),
        )
        for row in results.rows
        if row.parts_s and row.measured_s
    ]
    return header, rows


def _order(results: Results) -> Iterator[str]:
    for kind, order in results.rankings.items():
        if order is not None:
            yield f"order, {kind}: {_ranked(order)}"


def _ranked(order: Ranking) -> str:
    measured = " < ".join(order.measured)
    wrong = [f"{pair.quicker} < {pair.slower}" for pair in order.pairs if pair.resolved and not pair.predicted]
    resolved = sum(pair.resolved for pair in order.pairs)
    told = f"{resolved} of {len(order.pairs)} pairs can be told apart"
    if order.same:
        return f"right, {measured} ({told})"
    if wrong:
        return f"WRONG: {', '.join(wrong)} was not predicted (measured: {measured}; {told})"
    return (
        f"right but for what cannot be told apart: measured {measured}, predicted {' < '.join(order.predicted)}; {told}"
    )


def _goal(goal: Goal) -> str:
    verdict = {True: "met", False: "MISSED", None: "not known"}[goal.met]
    if goal.limit is None:
        return f"goal: {goal.what}: {verdict}"
    found = "-" if goal.found is None else f"{_percent(goal.found)} %"
    return f"goal: {goal.what} at most {_percent(goal.limit)} %: {found}, {verdict}"


def _of_the_tables(results: Results) -> Iterator[str]:
    """What their columns mean."""
    alpha = results.asked.alpha
    yield (
        "measured: seconds from the first message of the user to the last answer; errors are predicted / measured - 1, "
        "task by task, of the mean of its runs: the median and p90 of their sizes, and the median with its sign (bias)"
    )
    yield (
        "conditional: given what the model wrote and how long its tools ran; predicted is when it happens, by the "
        f"timing model fitted to sync and the simulated schedule. Its error is that of {', '.join(CONDITIONAL)}"
    )
    yield (
        "forecast: from the synchronous runs alone, and "
        + (
            f"alpha = {alpha:g}: with futures all decoding takes {1 + alpha:g} times as long, awaits included"
            if alpha is not None
            else "with futures: all calls of a turn in one message as far as no value must be seen; what was looked up "
            "and is copied nowhere is awaited before the next message, and the rest before the answer"
        )
    )
    yield "goals are of the policy that is furthest from each" + (
        ""
        if results.fewest_runs == 1
        else f"; of the noise of one run the mean of {results.fewest_runs} has 1/sqrt({results.fewest_runs})"
    )
    turns = [f"{row.policy} {row.requests:.2f} ({row.forecast_requests:.2f})" for row in results.rows]
    yield f"requests to the model a run, measured (forecast): {', '.join(turns)}"
    for cause, words in CAUSES.items():
        yield f"{cause}: {words}; the mean over runs, in brackets that of its size"


def _of_the_runs(results: Results) -> Iterator[str]:
    for policy, (right, n) in results.right.items():
        yield f"{policy}: {right} of {n} runs were judged right"
    for reason, count in results.unpredicted:
        yield f"no conditional prediction of {count} runs: {reason}"
    for row in results.rows:
        if row.extra_requests or row.left_out:
            yield (
                f"{row.policy}: the simulated session asked {row.extra_requests} times more than was written, and left "
                f"{row.left_out} messages out"
            )
    for note, count in results.notes:
        yield f"{note} ({count} runs)"


def _part(signed: float, size: float) -> str:
    return f"{100 * signed:+.1f} ({100 * size:.1f})"


def _percent(value: float) -> str:
    return f"{100 * value:.2f}"


def _signed(value: float) -> str:
    return f"{100 * value:+.2f}"
