"""What was measured, as a decoder that the simulator loads: models/decoders/NAME.toml."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

import numpy as np
from tokenizers import Tokenizer

from asyncfc_sim.core.messages import AWAIT, placeholder
from asyncfc_sim.core.policy import policy_named
from asyncfc_sim.core.references import Ref
from asyncfc_sim.simulate.decoder import Curve, Decoder
from asyncfc_sim.simulate.model_file import QUANTILES, Quantity
from asyncfc_sim.simulate.model_writer import decoder_toml
from asyncfc_sim.studies.expert_model import expert_run
from asyncfc_sim.workloads.office.expert import Calls

from .comparison import some_tasks, written
from .timing import BadStream, Cell

ITL_PROMPT: Final = 512  # tokens: the row of the grid nearest to it gives the time of a token
DIALOGUES: Final = 200
END: Final = 1  # the token that ends a message


@dataclass(frozen=True, slots=True)
class Measured:
    """Where and when: `hardware` as it calls itself, versions of the engine, the day."""

    model: str
    title: str
    hardware: str
    engine: str
    date: str

    @property
    def name(self) -> str:
        return f"{_slug(self.hardware)}-{_slug(self.model)}"


def decoder(measured: Measured, cells: Sequence[Cell], tokenizer: Path) -> Decoder:
    """The decoder of a grid. All is measured, but for the two slopes, which carry the last measured segment on.

    Raises BadStream if no time of a token could be told.
    """
    source = f"python -m benchmarks.gpu, {measured.date}"
    alone = [cell for cell in cells if cell.batch == 1]
    ttft = [(cell.prompt_tokens, _figure(cell.ttft_s, "s", source)) for cell in alone]
    row = min(alone, key=lambda cell: abs(cell.prompt_tokens - ITL_PROMPT)).prompt_tokens
    together = [cell for cell in cells if cell.prompt_tokens == row and cell.tpot_s]
    if not together:
        raise BadStream(f"no time per token at {row} prompt tokens: each answer came all at once")
    itl = [(cell.batch, _figure(cell.tpot_s, "s/token", source, f"at {row} prompt tokens; ")) for cell in together]
    return Decoder(
        name=measured.name,
        title=measured.title,
        engine=measured.engine,
        hardware=measured.hardware,
        date=measured.date,
        ttft=Curve(tuple(ttft), _slope(ttft, "s/token", source)),
        itl=Curve(tuple(itl), _slope(itl, "s/token per request", source)),
        call=None,
        prefix_cache=True,
        **_tokens(Tokenizer.from_file(str(tokenizer))),
    )


def decoder_text(measured: Measured, found: Decoder) -> str:
    """The file, which says what its figures are."""
    comments = (
        f"{measured.title}.",
        "Written by `python -m benchmarks.gpu`: medians of one run of it. TTFT and TPOT are those of a client on the",
        "same machine. Weights are random where the title says so: what a token costs does not depend on them. Tokens",
        "are those of the tokenizer of models/tiny-futures, over what an expert writes in its domain.",
    )
    return decoder_toml(found, comments)


def _figure(values: Sequence[float], unit: str, source: str, where: str = "") -> Quantity:
    low, middle, high = np.percentile(values, [10, 50, 90])
    note = f"{where}median; p10 {low:.4g}, p90 {high:.4g}"
    return Quantity(float(middle), unit, len(values), source, "measured", note)


def _slope(points: Sequence[tuple[int, Quantity]], unit: str, source: str) -> Quantity:
    if len(points) < 2:
        return Quantity(0.0, unit, 0, "no measurement", "assumed", "constant: only one point was measured")
    (before, low), (after, high) = points[-2:]
    rise = max(0.0, (high.value - low.value) / (after - before))
    n = sum(point.n for _, point in points[-2:] if isinstance(point.n, int))
    return Quantity(rise, unit, n, source, "derived", f"last segment, {before} to {after}, carried on beyond {after}")


def _tokens(tokenizer: Tokenizer) -> dict[str, Quantity]:
    """What messages take, counted over the expert's words."""

    def count(text: str) -> int:
        return len(tokenizer.encode(text, add_special_tokens=False).ids)

    calls, messages, answers = _words()
    source = f"what the expert of asyncfc_sim.workloads.office writes under asyncfc, {DIALOGUES} tasks"
    per_token = sum(map(len, calls)) / sum(map(count, calls))
    besides = [
        max(0.0, count("\n".join(map(_tagged, inside))) + END - sum(len(call) / per_token for call in inside))
        for inside in messages
    ]
    lengths = [count(answer) + END for answer in answers]
    quantiles = tuple((p, float(np.percentile(lengths, 100 * p))) for p in QUANTILES.values())
    one_await = written(Calls(((AWAIT, {"ids": [Ref(1)]}),)))
    return {
        "chars_per_token": Quantity(per_token, "characters/token", len(calls), source, "measured", "of calls"),
        "step": Quantity(median(besides), "tokens", len(besides), source, "measured", "tags; it writes no prose"),
        "answer": Quantity(dict(quantiles)[0.5], "tokens", len(lengths), source, "measured", "", quantiles),
        "await_": Quantity(count(one_await), "tokens", 1, one_await.replace("\n", " "), "measured"),
        "placeholder": Quantity(count(placeholder(3)), "tokens", 1, placeholder(3), "measured"),
    }


def _words() -> tuple[list[str], list[list[str]], list[str]]:
    """Calls as JSON, the calls of each message, and final answers."""
    messages: list[list[str]] = []
    answers: list[str] = []
    rng = np.random.default_rng(0)
    for task in some_tasks(DIALOGUES, seed=0):
        did = expert_run(task, policy_named("asyncfc"), rng)
        said = [message for message in did.run.messages if message["role"] == "assistant"]
        messages += [list(map(_call, message["tool_calls"])) for message in said if message.get("tool_calls")]
        answers += did.run.outputs
    return [call for calls in messages for call in calls], messages, answers


def _call(call: dict[str, dict[str, str]]) -> str:
    function = call["function"]
    return f'{{"name": "{function["name"]}", "arguments": {function["arguments"]}}}'


def _tagged(call: str) -> str:
    return f"<tool_call>\n{call}\n</tool_call>"


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-")
