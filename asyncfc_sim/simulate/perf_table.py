"""A table of measured times of a served model, in the form of splitwise-sim's data/perf_model.csv, as a decoder.

    model, hardware, prompt_size, batch_size, token_size, ..., prompt_time, token_time, e2e_time, tensor_parallel

Times are milliseconds. TTFT is the mean prompt_time at batch 1 by prompt size; the time per token is the mean
token_time by batch size, at the prompt and output size of which most batch sizes were measured. A row that stands in
the file several times counts once. Beyond the last point the last segment is carried on.
"""

from __future__ import annotations

import csv
import io
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

from asyncfc_sim.traces.importers.source import Source

from .decoder import Curve, Decoder
from .fit_samples import FitError
from .fit_tokens import assumed_tokens
from .model_file import Quantity

COUNTS: Final = ("prompt_size", "batch_size", "token_size", "tensor_parallel")
TIMES: Final = ("prompt_time", "token_time", "e2e_time")
COLUMNS: Final = ("model", "hardware", *COUNTS, *TIMES)
FASTEST_MS: Final = 0.1  # 10,000 tokens/s for one request: a time per token below is no millisecond
# Where requests were preempted, e2e_time is up to 17 times what its parts make; where units differ, 1000 times.
APART: Final = 100.0
LEAST_PROMPT: Final = 0.1  # of a token's time: a prompt takes at least one pass through the model


@dataclass(frozen=True, slots=True)
class PerfRow:
    """One measured point. Times in seconds."""

    model: str
    hardware: str
    prompt_size: int
    batch_size: int
    token_size: int
    tensor_parallel: int
    prompt_s: float
    token_s: float

    @property
    def system(self) -> str:
        """What was measured."""
        return f"{self.model} on {self.hardware}, tensor parallel {self.tensor_parallel}"


def is_perf_table(source: Source) -> bool:
    """Whether the file is a table of this form: its header names the times of a prompt and of a token."""
    return {"prompt_time", "token_time"} <= set(next(csv.reader(io.StringIO(source.text[:2000])), []))


def read_perf_table(source: Source) -> list[PerfRow]:
    """The distinct rows of a table. Raises FitError, which names file and line: a missing column, a value that is none,
    or units that contradict one another. What the source says of broken lines is done.
    """
    reader = csv.DictReader(io.StringIO(source.text))
    if missing := [column for column in COLUMNS if column not in (reader.fieldnames or ())]:
        raise FitError(f"{source.name}:1: no column {', '.join(missing)}; a table of times has {', '.join(COLUMNS)}")
    rows: dict[tuple[tuple[str, str], ...], PerfRow] = {}
    for record in reader:
        key = tuple((name, value) for name, value in record.items() if name is not None)
        if key not in rows:
            try:
                rows[key] = _row(record)
            except FitError as error:
                source.fault(str(error), reader.line_num)
    if not rows:
        raise FitError(f"{source.name}: no row in it; expected measured times")
    return list(rows.values())


def _row(record: Mapping[str, str | None]) -> PerfRow:
    counts = {name: _number(record, name) for name in COUNTS}
    for name, count in counts.items():
        if count < 1 or count != int(count):
            raise FitError(f"{name} is {count:g}; expected a whole number above 0")
    prompt_ms, token_ms, e2e_ms = (_number(record, name) for name in TIMES)
    expected_ms = prompt_ms + token_ms * counts["token_size"]
    if token_ms < FASTEST_MS:
        raise FitError(f"mixed units: token_time is {token_ms:g}, expected milliseconds (these look like seconds)")
    if max(prompt_ms, token_ms) > e2e_ms or e2e_ms > APART * expected_ms or prompt_ms < LEAST_PROMPT * token_ms:
        raise FitError(
            f"mixed units: prompt_time {prompt_ms:g} and {counts['token_size']:g} x token_time {token_ms:g} do not "
            f"make e2e_time {e2e_ms:g}; expected all three in milliseconds"
        )
    return PerfRow(
        record["model"] or "",
        record["hardware"] or "",
        prompt_size=int(counts["prompt_size"]),
        batch_size=int(counts["batch_size"]),
        token_size=int(counts["token_size"]),
        tensor_parallel=int(counts["tensor_parallel"]),
        prompt_s=prompt_ms / 1000,
        token_s=token_ms / 1000,
    )


def _number(record: Mapping[str, str | None], name: str) -> float:
    try:
        value = float(record[name] or "")
    except ValueError:
        raise FitError(f"{name} is {record[name]!r}; expected a number") from None
    if not 0 <= value < math.inf:
        raise FitError(f"{name} is {value:g}; expected a number that is not negative")
    return value


def chosen_rows(
    rows: Sequence[PerfRow], model: str | None, hardware: str | None, tensor_parallel: int | None
) -> list[PerfRow]:
    """The rows of one system. Raises FitError if they are of several, or of none."""
    found = [
        row
        for row in rows
        if model in (None, row.model)
        and hardware in (None, row.hardware)
        and tensor_parallel in (None, row.tensor_parallel)
    ]
    systems = sorted({row.system for row in found})
    if len(systems) != 1:
        there = "; ".join(systems or sorted({row.system for row in rows}))
        what = "the table has several systems" if systems else "the table has no such system"
        raise FitError(f"{what}; choose one by --model, --hardware and --tensor-parallel: {there}")
    return found


def table_decoder(rows: Sequence[PerfRow], *, name: str, source: str) -> Decoder:
    """The decoder of one system's rows. Raises FitError if nothing was measured at batch 1."""
    prompts: dict[int, list[float]] = defaultdict(list)
    for row in rows:
        if row.batch_size == 1:
            prompts[row.prompt_size].append(row.prompt_s)
    if not prompts:
        raise FitError(f"{rows[0].system}: nothing was measured at batch 1, which TTFT is read at")
    prompt_size, token_size = _sizes(rows)
    batches: dict[int, list[float]] = defaultdict(list)
    for row in rows:
        if (row.prompt_size, row.token_size) == (prompt_size, token_size):
            batches[row.batch_size].append(row.token_s)
    at = f"token_time at prompt {prompt_size}, {token_size} output tokens"
    constants = assumed_tokens()
    return Decoder(
        name=name,
        title=f"{rows[0].model} on {rows[0].hardware}, a table of measured times",
        engine="not stated in the file",
        hardware=f"{rows[0].hardware}, tensor parallel {rows[0].tensor_parallel}",
        date="not stated in the file",
        ttft=_curve(prompts, "s", "s/token", source, "prompt_time at batch 1"),
        itl=_curve(batches, "s/token", "s/token per request", source, at),
        chars_per_token=constants.chars_per_token,
        call=None,
        step=constants.step,
        answer=constants.answer,
        await_=constants.await_,
        placeholder=constants.placeholder,
    )


def _sizes(rows: Iterable[PerfRow]) -> tuple[int, int]:
    """The prompt and output size of which most batch sizes were measured, of those with batch 1; then the smaller."""
    batches: dict[tuple[int, int], set[int]] = defaultdict(set)
    for row in rows:
        batches[row.prompt_size, row.token_size].add(row.batch_size)
    return min((sizes for sizes in batches if 1 in batches[sizes]), key=lambda sizes: (-len(batches[sizes]), sizes))


def _curve(values: Mapping[int, Sequence[float]], unit: str, per: str, source: str, what: str) -> Curve:
    points = tuple(
        (count, Quantity(fmean(values[count]), unit, len(values[count]), source, "measured", f"mean of {what}"))
        for count in sorted(values)
    )
    if len(points) < 2:
        return Curve(points, Quantity(0.0, per, 0, "no measurement", "assumed", "constant: one point was measured"))
    (before, lower), (after, upper) = points[-2:]
    slope = (upper.value - lower.value) / (after - before)
    n = len(values[before]) + len(values[after])
    if slope < 0:
        return Curve(
            points, Quantity(0.0, per, n, source, "derived", f"set to 0: the last segment falls ({slope:.3g})")
        )
    note = f"last segment, {before} to {after}, carried on beyond {after}"
    return Curve(points, Quantity(slope, per, n, source, "derived", note))
