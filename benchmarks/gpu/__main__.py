"""Measure what decoding costs on a GPU, compare sync with asyncfc there, and write what was found as decoders.

    python -m benchmarks.gpu                                the tiny model, and the largest Qwen3 that fits, on cuda:0
    python -m benchmarks.gpu --models tiny,1.7b,8b --python ENVIRONMENT/bin/python
    python -m benchmarks.gpu --device cpu --models trial --prompts 16 --batches 1,2 --tasks 2

From the root of the repository, with asyncfc-sim[live,serve] installed. `--python` names a Python that has torch and
transformers[serving], by default this one. No internet is needed: see RESULTS.md for what to bring.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from datetime import date
from math import isfinite
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Final

import httpx2

from asyncfc_sim.live.run import RunFailed

from .comparison import ARMS, Comparison, Words, compare
from .decoder_file import Measured, decoder, decoder_text
from .serving import ServerFailed, about, serving
from .sizes import SIZES, NoTokenizer, largest, make_folder, parameters
from .timing import BadStream, Cell, measure

ROOT: Final = Path(__file__).resolve().parents[2]
TINY: Final = "tiny"
FORMAT: Final = "asyncfc-gpu/1"


class BadOption(ValueError):
    """An option that does not go with the model."""


def main() -> None:
    args = _arguments()
    try:
        known = about(args.python, args.device)
        models = args.models or [TINY, largest(known["free"], args.device)]
        print(f"{known['name']}, {known['free'] / 2**30:.0f} GiB free; torch {known['torch']}", flush=True)
        documents = [_measured(model, args, known) for model in models]
        if args.json is not None:
            text = json.dumps({"format": FORMAT, **known, "device": args.device, "models": documents}, indent=1)
            args.json.write_text(f"{text}\n", encoding="utf-8")
    except (ServerFailed, NoTokenizer, BadStream, RunFailed, BadOption, httpx2.HTTPError, OSError) as error:
        notes = "\n".join(getattr(error, "__notes__", ()))
        print(f"error: {error}\n{notes}".strip(), file=sys.stderr)
        sys.exit(2 if isinstance(error, NoTokenizer | BadOption) else 3)
    except KeyboardInterrupt:
        sys.exit(130)


def _measured(model: str, args: argparse.Namespace, known: dict[str, Any]) -> dict[str, Any]:
    """Measure one model, write its decoder, print what was found, and return it as JSON."""
    with TemporaryDirectory() as made:
        folder = args.tiny if model == TINY else make_folder(Path(made), model, args.tiny, args.device)
        if model == TINY and not (folder / "model.safetensors").is_file():
            raise NoTokenizer(f"{folder}: there is no model.safetensors; expected the folder of the tiny model")
        room = json.loads((folder / "config.json").read_text())["max_position_embeddings"] - args.tokens - 64
        prompts = [length for length in args.prompts if length <= room]
        if not prompts:
            raise BadOption(f"--prompts: the model {model} reads {room} tokens at the most, beside those of the answer")
        with serving(args.python, folder, args.device, args.serve) as served:
            timing = {"tokens": args.tokens, "repeats": args.repeats}
            cells = asyncio.run(measure(served, prompts, args.batches, **timing))
            words: Words = "its own" if model == TINY else "scripted"
            compared = asyncio.run(compare(served, words, tasks=args.tasks, tool_s=args.tool_s))
    name = "tiny-futures" if model == TINY else f"qwen3-{model}-random"
    about_weights = "trained" if model == TINY else f"{parameters(model) / 1e9:.2g}B random weights"
    where = Measured(
        name,
        f"{name} ({about_weights}) on {known['name']}",
        known["name"],
        f"transformers {known['transformers']} serve --continuous-batching {' '.join(args.serve)}".strip(),
        date.today().isoformat(),
    )
    found = (
        decoder(where, cells, folder / "tokenizer.json")
        if model == TINY
        else decoder(where, cells, args.tiny / "tokenizer.json")
    )
    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / f"{where.name}.toml"
    path.write_text(decoder_text(where, found), encoding="utf-8")
    print("\n".join([f"\n{where.title}", *_grid(cells), *_comparison(compared), f"written: {path}"]), flush=True)
    grid = [cell.to_json() for cell in cells]
    return {"model": name, "decoder": str(path), "grid": grid, "comparison": compared.to_json()}


def _grid(cells: Sequence[Cell]) -> list[str]:
    """Measured, medians."""
    lines = [f"{'prompt tokens':>14}{'batch':>7}{'TTFT ms':>12}{'TPOT ms':>12}{'tokens/s':>12}"]
    for cell in cells:
        ttft, tpot = median(cell.ttft_s) * 1000, median(cell.tpot_s) * 1000 if cell.tpot_s else float("nan")
        lines.append(
            f"{cell.prompt_tokens:>14}{cell.batch:>7}{ttft:>12.2f}{tpot:>12.3f}{cell.batch * 1000 / tpot:>12.0f}"
        )
    return lines


def _comparison(found: Comparison) -> list[str]:
    tasks = len(found.conversations)
    lines = [f"{tasks} office tasks, words: {found.words}; tools take {found.tool_s:g} s on average (injected)"]
    for arm in ARMS:
        ran = found.of(arm)
        ends = f"{sum(one.completed for one in ran)} completed, {sum(one.right for one in ran)} right"
        lines.append(f"{arm:>10}: median {median(one.elapsed_s for one in ran):.3f} s, {ends}")
    if found.speedups:
        lines.append(f"{'':>10}  sync takes {median(found.speedups):.2f} times as long (median over tasks)")
    return lines


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description="What a decoder costs on a GPU.")
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--python", default=sys.executable, help="one with torch and transformers[serving]")
    parser.add_argument("--models", type=_models, help=f"of {TINY}, {', '.join(SIZES)}; default: tiny and what fits")
    parser.add_argument("--tiny", type=Path, default=ROOT / "models" / "tiny-futures", help="the tiny model's folder")
    parser.add_argument("--prompts", type=_counts, default=[128, 512, 2048, 8192], help="lengths, in tokens")
    parser.add_argument("--batches", type=_counts, default=[1, 2, 4, 8, 16, 32], help="requests at once; 1 first")
    parser.add_argument("--tokens", type=_at_least(2), default=64, help="of each answer")
    parser.add_argument("--repeats", type=_at_least(1), default=5, help="rounds of each cell that count")
    parser.add_argument("--tasks", type=_at_least(1), default=20, help="of the comparison")
    parser.add_argument("--tool-s", type=_seconds, default=0.5, help="mean of the injected times of tools")
    parser.add_argument("--serve", type=str.split, default=[], help="further options of transformers serve, one string")
    parser.add_argument("--out", type=Path, default=ROOT / "models" / "decoders")
    parser.add_argument("--json", type=Path, help="write all that was measured there")
    args = parser.parse_args()
    if args.batches[0] != 1:
        parser.error("--batches must begin with 1: TTFT is that of a request alone")
    # Now, and not when all is measured.
    if args.json is not None and (args.json.is_dir() or not args.json.parent.is_dir()):
        parser.error(f"--json {args.json}: expected a file in a folder that is there")
    try:
        args.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        parser.error(f"--out {args.out}: {error.strerror}")
    return args


def _counts(text: str) -> list[int]:
    counts = [int(word) for word in text.split(",")]
    if counts != sorted(set(counts)) or counts[0] < 1:
        raise argparse.ArgumentTypeError(f"{text}: expected whole numbers above zero, rising")
    return counts


def _at_least(least: int) -> Callable[[str], int]:
    def count(text: str) -> int:
        if int(text) < least:
            raise argparse.ArgumentTypeError(f"{text}: expected {least} or more")
        return int(text)

    return count


def _seconds(text: str) -> float:
    if not (float(text) >= 0 and isfinite(float(text))):
        raise argparse.ArgumentTypeError(f"{text}: expected seconds, 0 or more")
    return float(text)


def _models(text: str) -> list[str]:
    models = text.split(",")
    for model in models:
        if model not in (TINY, *SIZES):
            raise argparse.ArgumentTypeError(f"{model!r}; expected {TINY}, {', '.join(SIZES)}")
    return models


if __name__ == "__main__":
    main()
