"""The results of `asyncfc bench` on a screen: failures first, then latency, what it took, and what was compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from asyncfc_sim.report.console import results_console
from asyncfc_sim.report.notes import Notes
from asyncfc_sim.report.plain_table import plain_table
from asyncfc_sim.simulate.metrics import Speedup
from asyncfc_sim.studies.bench_compare import Comparison
from asyncfc_sim.studies.bench_measures import DEFINITIONS, Metric
from asyncfc_sim.studies.bench_rows import ArmRow
from asyncfc_sim.studies.proportion import Share

from .bench_document import Results

SHOWN_REASONS = 5
OF_CONVERSATIONS: tuple[Metric, ...] = ("e2el", "wait")
OF_MESSAGES: tuple[Metric, ...] = ("ttft", "tpot")


def show(results: Results) -> None:
    """Print all that there is."""
    console = results_console()
    for line in (*_first_lines(results), _title(results), ""):
        console.print(line, soft_wrap=True)
    for table in (_latency(results), _cost(results)):
        header, cells = table
        console.print(plain_table(header, cells, numbers=header[1:]))
        console.print()
    for comparison in results.comparisons:
        for line in _claims(results, comparison):
            console.print(line, soft_wrap=True)
    console.print(Notes(_notes(results)))


def _first_lines(results: Results) -> Iterator[str]:
    """What did not go as it should."""
    planned, tried, failed = results.plan.size, len(results.found.outcomes), len(results.failed)
    if results.interrupted:
        yield f"INTERRUPTED: {tried} of {planned} conversations are over; the figures are of these"
    if failed:
        yield f"FAILED: {failed} of {tried} conversations"
        for reason, count, arms in results.failures[:SHOWN_REASONS]:
            yield f"  {count} x {reason} ({', '.join(arms)})"
        if (more := len(results.failures) - SHOWN_REASONS) > 0:
            yield f"  and {more} other reasons"
    if results.found.stopped is not None:
        yield f"the other {planned - tried} conversations were not tried"


def _title(results: Results) -> str:
    plan = results.plan
    model, endpoint = results.served
    at_once = "one at a time" if plan.alone else f"at once: {plan.max_concurrency or 'no limit'}"
    rate = "" if plan.request_rate == float("inf") else f", {plan.request_rate:g} a second"
    return f"{results.name}: {model} at {endpoint}; {len(plan.prompts)} prompts x {plan.repeats}, {at_once}{rate}"


def _latency(results: Results) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    speedups = {one.arm: one.speedup for one in results.comparisons if one.part != "model"}
    over = "over blind" if results.request.arms is not None else f"over {results.plan.arms[0]}"
    header = ["policy", "n"]
    for metric in OF_CONVERSATIONS:
        if metric in results.shown:
            header += [f"{metric}\nmean s", *(f"p{p:g}\ns" for p in results.wanted.percentiles)]
    header.append(f"speed-up x {over}\n[95 % CI]")
    good = results.wanted.goodput_s is not None
    rows = [
        (
            row.arm,
            str(row.completed),
            *(cell for metric in OF_CONVERSATIONS if metric in results.shown for cell in _spread(results, row, metric)),
            _speedup(speedups.get(row.arm)),
            *([_percent(row.good, row.completed + row.failed)] if good else []),
        )
        for row in results.rows
    ]
    return (*header, *(["good\n%"] if good else [])), rows


def _spread(results: Results, row: ArmRow, metric: Metric) -> list[str]:
    spread = row.spreads[metric]
    if spread is None:
        return ["-"] * (1 + len(results.wanted.percentiles))
    return [f"{value:.3f}" for value in (spread.mean, *spread.percentiles.values())]


def _cost(results: Results) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    compared = {one.arm: one for one in results.comparisons}
    judged = any(row.correct is not None for row in results.rows)
    of_messages = [metric for metric in OF_MESSAGES if metric in results.shown]
    header = (
        "policy",
        *(f"{metric}\np50 ms" for metric in of_messages),
        "turns",
        "extra\nturns",
        "tokens\nin + out",
        "alpha\n%",
        "tool||\ntool s",
        "decode||\ntool s",
        "certified",
        *(["correct %\n[95 % CI]"] if judged else []),
    )
    rows = [
        (
            row.arm,
            *("-" if (of := row.spreads[metric]) is None else f"{1000 * of.median:.1f}" for metric in of_messages),
            _figure(row.requests, ".1f"),
            _figure(one.extra_requests if (one := compared.get(row.arm)) else None, "+.1f"),
            _tokens(row),
            _figure(100 * one.alpha if one and one.alpha is not None else None, "+.0f"),
            _figure(row.tool_tool_s, ".3f"),
            _figure(row.decode_tool_s, ".3f"),
            f"{row.certified} of {row.completed}",
            *([_share(row.correct)] if judged else []),
        )
        for row in results.rows
    ]
    return header, rows


def _tokens(row: ArmRow) -> str:
    """In the mean, of a conversation."""
    if row.prompt_tokens is None or row.completion_tokens is None or not row.completed:
        return "-"
    return f"{row.prompt_tokens / row.completed:,.0f} + {row.completion_tokens / row.completed:,.0f}"


def _claims(results: Results, one: Comparison) -> Iterator[str]:
    """What a comparison says, the two claims apart."""
    pair = f"{one.base} -> {one.arm}"
    if one.part != "executor" and one.accuracy is not None:
        by = one.accuracy
        interval = "" if by.low is None or by.high is None else f" [{100 * by.low:+.1f}, {100 * by.high:+.1f}]"
        yield (
            f"model, {pair}: right answers {100 * by.mean:+.1f}{interval} points; {by.better} prompts better, "
            f"{by.worse} worse, of {by.n} (exact sign test: p = {by.p:.2g})"
        )
    if one.part is not None and one.agreement is not None:
        same = f"; same transcript {_share(one.same_transcript)} %" if one.part == "executor" else ""
        yield f"{one.part}, {pair}: same answer in {_share(one.agreement)} % of {one.pairs} pairs{same}"
    if one.part == "executor" and one.speedup is not None:
        yield f"executor, {pair}: {_speedup(one.speedup)} times as fast"


def _notes(results: Results) -> Iterator[str]:
    plan = results.plan
    yield from (f"warning: {warning}" for warning in results.warnings)
    for row in results.rows:
        if any(row.guards.values()):
            counts = ", ".join(f"{count} x {name.replace('_', ' ')}" for name, count in row.guards.items() if count)
            yield f"{row.arm}: the model did what futures do not gain from: {counts}"
        if row.in_doubt:
            yield f"{row.arm}: {row.in_doubt} calls were given up and may have gone on acting, in later runs too"
    yield from (f"{note} ({count} runs)" for note, count in results.notes)
    if any(row.cached_tokens for row in results.rows):
        yield "the server answers from a prefix cache, which prompts that are asked again find warm"
    yield "; ".join(f"{metric}: {DEFINITIONS[metric]}" for metric in ("e2el", *_others(results)))
    if results.comparisons:
        base = "the arm before" if results.request.arms is not None else plan.arms[0]
        cases = results.comparisons[0].cases
        yield (
            f"speed-up: total e2el of {base} over that of the policy, on the pairs that both answered; interval by "
            f"bootstrap over {cases}. turns: requests to the model, a conversation; alpha: decoding time beyond that "
            f"of {base}"
        )
    yield (
        "two claims, never mixed: latency is the executor's matter, and holds for any answers; accuracy is the "
        "model's" + ("" if results.request.arms else " (--arms sync,blind,async measures it apart)")
    )


def _others(results: Results) -> Sequence[Metric]:
    return [metric for metric in results.shown if metric != "e2el"]


def _speedup(speedup: Speedup | None) -> str:
    if speedup is None:
        return "-"
    interval = "" if speedup.low is None else f" [{speedup.low:.2f}, {speedup.high:.2f}]"
    return f"{speedup.ratio:.2f}{interval}"


def _share(share: Share | None) -> str:
    return "-" if share is None else f"{100 * share.value:.0f} [{100 * share.low:.0f}, {100 * share.high:.0f}]"


def _percent(count: int | None, n: int) -> str:
    return "-" if count is None or not n else f"{100 * count / n:.0f}"


def _figure(value: float | None, form: str) -> str:
    return "-" if value is None else f"{round(value, 6) + 0.0:{form}}"  # plus zero: no minus before nothing
