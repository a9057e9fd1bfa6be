"""The results of `asyncfc bench` on a screen: failures first, then latency, what it took, and what was compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from asyncfc_sim.report.console import results_console
from asyncfc_sim.report.notes import Notes
from asyncfc_sim.report.plain_table import plain_table
from asyncfc_sim.simulate.metrics import Speedup
from asyncfc_sim.studies.bench_compare import Comparison
from asyncfc_sim.studies.bench_measures import DEFINITIONS, Metric
from asyncfc_sim.studies.bench_order import balanced_orders
from asyncfc_sim.studies.proportion import Share

from .bench_document import Results

SHOWN_REASONS = 5
OF_MESSAGES: tuple[Metric, ...] = ("ttft", "tpot")

Cells = tuple[Sequence[str], Sequence[Sequence[str]]]  # a header, and rows


def show(results: Results) -> None:
    """Print all that there is."""
    console = results_console()
    for line in (*_first_lines(results), *_title(results), ""):
        console.print(line, soft_wrap=True)
    for header, cells in (_latency(results), _cost(results), _accuracy(results)):
        if cells:
            console.print(plain_table(header, cells, numbers=header[1:]))
            console.print()
    for comparison in results.comparisons:
        for line in _part(comparison):
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


def _title(results: Results) -> Iterator[str]:
    plan = results.plan
    model, endpoint = results.served
    at_once = "one at a time" if plan.alone else f"at once: {plan.max_concurrency or 'no limit'}"
    rate = "" if plan.request_rate == float("inf") else f", {plan.request_rate:g} a second"
    yield f"{results.name}: {model} at {endpoint}; prompts: {len(plan.prompts)} x {plan.repeats}, {at_once}{rate}"
    if results.injected is not None:
        yield f"latencies of tools were injected: {results.injected}"


def _latency(results: Results) -> Cells:
    """How long conversations took, and how long in them the model had to wait."""
    speedups = {one.arm: one.speedup for one in results.comparisons if one.part != "model"}
    good = results.wanted.goodput_s is not None
    header = [
        "policy",
        "n",
        *(["e2el\nmean s", *(f"p{p:g}\ns" for p in results.wanted.percentiles)] if "e2el" in results.shown else []),
        *(["wait\nmean s"] if "wait" in results.shown else []),
        "speed-up x\n[95 % CI]",
        *([] if results.plan.alone else ["answered\nper s"]),
        *(["good\n%"] if good else []),
    ]
    rows = []
    for row in results.rows:
        e2el, wait = row.spreads["e2el"], row.spreads["wait"]
        e2els = (
            [None] * (1 + len(results.wanted.percentiles)) if e2el is None else [e2el.mean, *e2el.percentiles.values()]
        )
        rows.append(
            (
                row.arm,
                str(row.completed),
                *([_figure(value, ".3f") for value in e2els] if "e2el" in results.shown else []),
                *([_figure(None if wait is None else wait.mean, ".3f")] if "wait" in results.shown else []),
                _speedup(speedups.get(row.arm)),
                *([] if results.plan.alone else [_figure(row.throughput, ".2f")]),
                *([_percent(row.good, row.completed + row.failed)] if good else []),
            )
        )
    return header, rows


def _cost(results: Results) -> Cells:
    """What the model and the server did for it, and what ran beside what."""
    compared = {one.arm: one for one in results.comparisons}
    of_messages = [metric for metric in OF_MESSAGES if metric in results.shown]
    header = [
        "policy",
        *(f"{metric}\np50 ms" for metric in of_messages),
        "turns",
        "extra\nturns",
        "tokens\nin",
        "\nout",
        "alpha\n%",
        "tool||\ntool s",
        "decode||\ntool s",
        "certi-\nfied",
    ]
    rows = []
    for row in results.rows:
        one = compared.get(row.arm)
        spreads = [row.spreads[metric] for metric in of_messages]
        tokens = [count / row.completed if count else None for count in (row.prompt_tokens, row.completion_tokens)]
        rows.append(
            (
                row.arm,
                *(_figure(None if of is None else 1000 * of.median, ".1f") for of in spreads),
                _figure(row.requests, ".1f"),
                _figure(None if one is None else one.extra_requests, "+.1f"),
                *(_figure(mean, ",.0f") for mean in tokens),
                _figure(None if one is None or one.alpha is None else 100 * one.alpha, "+.0f"),
                _figure(row.tool_tool_s, ".3f"),
                _figure(row.decode_tool_s, ".3f"),
                f"{row.certified}/{row.completed}",
            )
        )
    return header, rows


def _accuracy(results: Results) -> Cells:
    """Whether the answers were right, where something was expected: the model's part."""
    compared = {one.arm: one for one in results.comparisons}
    header = ["policy", "judged", "right %\n[95 % CI]", "against", "points\n[95 % CI]", "better", "worse", "p"]
    rows = []
    for row in results.rows:
        if row.correct is None:
            continue
        one = compared.get(row.arm)
        by = one and one.accuracy
        against = ["-"] * 5
        if one and by:
            interval = "" if by.low is None or by.high is None else f" [{100 * by.low:+.1f}, {100 * by.high:+.1f}]"
            points = f"{100 * by.mean:+.1f}{interval}"
            against = [one.base, points, str(by.better), str(by.worse), f"{by.p:.2g}"]
        rows.append((row.arm, str(row.correct.n), _share(row.correct), *against))
    return header, rows


def _part(one: Comparison) -> Iterator[str]:
    """What a comparison of an accuracy experiment says, of the model or of the executor."""
    if one.part is None or one.agreement is None:
        return
    said = (
        f"{one.part}'s part, {one.base} -> {one.arm}: the same answer in {_share(one.agreement)} % of {one.pairs} pairs"
    )
    if one.part == "executor":
        said += f", the same transcript in {_share(one.same_transcript)} %; {_speedup(one.speedup)} times as fast"
    yield said


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
    again = [f"{row.arm} {_share(row.steady)} %" for row in results.rows if row.steady is not None]
    if again:
        yield f"asked again under the same policy, the model gave the same answer: {', '.join(again)}"
    balanced = len(balanced_orders(len(plan.arms)))
    if not plan.alone and plan.repeats % balanced:
        yield f"policies ran one after the other, in orders that are balanced only after --repeats {balanced}"
    if any(row.cached_tokens for row in results.rows):
        yield "the server answers from a prefix cache, which prompts that are asked again find warm"
    yield "; ".join(f"{metric}: {DEFINITIONS[metric]}" for metric in results.shown)
    experiment = results.request.arms is not None
    if results.comparisons:
        base = "the arm above" if experiment else plan.arms[0]
        yield (
            f"speed-up: total e2el of {base} over the policy's, on the pairs that both answered, interval by bootstrap "
            f"over {results.comparisons[0].cases}; turns: requests of a conversation; alpha: decoding time beyond that "
            f"of {base}; tool||tool, decode||tool: time that calls ran beside calls, and beside decoding"
        )
    if any(row.correct is not None for row in results.rows):
        yield (
            "right: of all conversations, those that failed too, with an interval that takes them as independent; "
            "better, worse: prompts; p: exact sign test over them"
        )
    yield (
        "two claims, never mixed: latency is the executor's, whatever the answers; accuracy is the model's"
        + ("" if experiment else " (--arms sync,blind,async measures them apart)")
    )


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
