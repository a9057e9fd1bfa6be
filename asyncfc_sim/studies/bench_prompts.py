"""The prompts of a benchmark: a text file of one a line, or JSON lines that may also say what the answer must be.

{"prompt": "How many people live in Berlin and Paris?", "id": "two-cities", "expected": 5748000}

A prompt may be a list of texts: what the user says, one after the other, each once the one before was answered.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asyncfc_sim.core.values import JSON

KEYS = ("prompt", "id", "expected")
UNUSED = ("output_tokens",)  # datasets of vLLM's serving benchmark have it


class PromptsError(ValueError):
    """A file of prompts that is none: where, and what was expected."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the user says, and `later` once that was answered. `expected` is what the last answer must hold (see
    `bench_expected`), None if nobody judges it."""

    id: str
    text: str
    expected: JSON = None
    later: tuple[str, ...] = ()

    @property
    def texts(self) -> tuple[str, ...]:
        """All that the user says."""
        return (self.text, *self.later)


def read_prompts(path: Path, n: int | None = None) -> list[Prompt]:
    """The first `n` prompts of a file, or all; empty lines are skipped. JSON lines are known by `.jsonl`, or by a first
    line that is an object with a prompt. Raises PromptsError, OSError."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise PromptsError(f"{path}: not UTF-8, byte {error.start + 1}") from None
    numbered = [(number, line.strip()) for number, line in enumerate(lines, 1) if line.strip()]
    if not numbered:
        raise PromptsError(f"{path}: no prompt in it; expected one a line, or JSON lines with a prompt each")
    as_json = path.suffix == ".jsonl" or _is_object(numbered[0][1])
    prompts = [_from_json(f"{path}:{at}", at, line) if as_json else Prompt(str(at), line) for at, line in numbered]
    seen: set[str] = set()
    for (at, _), prompt in zip(numbered, prompts, strict=True):
        if prompt.id in seen:
            raise PromptsError(f"{path}:{at}: two prompts have the id {prompt.id!r}")
        seen.add(prompt.id)
    if n is not None and n > len(prompts):
        raise PromptsError(f"{path}: {len(prompts)} prompts, not {n}; --repeats asks each of them several times")
    return prompts[:n]


def _is_object(line: str) -> bool:
    try:
        found = json.loads(line)
    except ValueError:
        return False
    return isinstance(found, dict) and "prompt" in found


def _from_json(where: str, number: int, line: str) -> Prompt:
    try:
        found: Any = json.loads(line)
    except ValueError as error:
        raise PromptsError(f"{where}: broken JSON: {error}") from None
    if not isinstance(found, dict):
        raise PromptsError(f"{where}: expected a JSON object")
    if unknown := found.keys() - {*KEYS, *UNUSED}:
        # A misspelt `expected` would leave an answer unjudged, and nobody would see it.
        raise PromptsError(f"{where}: {', '.join(sorted(unknown))}: expected only {', '.join(KEYS)}")
    given = found.get("prompt")
    texts: list[Any] = given if isinstance(given, list) and given else [given]
    if not all(isinstance(text, str) and text.strip() for text in texts):
        raise PromptsError(f"{where}: prompt: expected a text that is not empty, or a list of such texts")
    return Prompt(str(found.get("id", number)), texts[0], found.get("expected"), tuple(texts[1:]))
