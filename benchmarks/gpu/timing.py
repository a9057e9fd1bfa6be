"""TTFT and TPOT of a server against prompt length and batch, from outside: what a client sees.

Each prompt is a row of random digits, each answer a scripted one; a digit is one token and one character, so tokens can
be counted in a stream whatever its chunks are. No two prompts begin alike: nothing comes from a prefix cache.

TTFT  from sending the request to the first character of the answer (HTTP, template and tokenizer included)
TPOT  of requests that decode together: from when the last of them has its first token to when the first of them ends,
      time over tokens, each request on its own
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

import httpx2
import numpy as np

from .serving import Served

_TIMEOUT_S: Final = 600.0


class BadStream(RuntimeError):
    """An answer that is not what was asked for."""


@dataclass(frozen=True, slots=True)
class Stream:
    """One answer: when it was asked for, and after each chunk, how many tokens there were by then."""

    asked_s: float
    chunks: tuple[tuple[float, int], ...]
    prompt_tokens: int

    @property
    def ttft_s(self) -> float:
        return self.chunks[0][0] - self.asked_s

    def within(self, begin_s: float, end_s: float) -> float | None:
        """Seconds per token between the first chunk at or after `begin_s` and the last one up to `end_s`."""
        inside = [(at_s, count) for at_s, count in self.chunks if begin_s <= at_s <= end_s]
        if len(inside) < 2 or inside[-1][1] == inside[0][1]:
            return None
        return (inside[-1][0] - inside[0][0]) / (inside[-1][1] - inside[0][1])


@dataclass(frozen=True, slots=True)
class Cell:
    """So many prompt tokens, so many requests at once: each request's TTFT, and its TPOT where that could be told."""

    prompt_tokens: int
    batch: int
    ttft_s: tuple[float, ...]
    tpot_s: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        return {
            "prompt_tokens": self.prompt_tokens,
            "batch": self.batch,
            "ttft_s": list(self.ttft_s),
            "tpot_s": list(self.tpot_s),
        }


async def measure(
    served: Served, prompts: Sequence[int], batches: Sequence[int], *, tokens: int, repeats: int, seed: int = 0
) -> list[Cell]:
    """A cell for each length of a prompt (tokens besides the template's) and each batch, after a round that does not
    count. Raises BadStream, or httpx2.HTTPError."""
    rng = np.random.default_rng(seed)
    cells = []
    async with httpx2.AsyncClient(timeout=_TIMEOUT_S, limits=httpx2.Limits(max_connections=None)) as client:
        for length in prompts:
            for batch in batches:
                rounds = []
                for _ in range(repeats + 1):
                    texts = [_digits(rng, length) for _ in range(batch)]
                    answers = [_answer(client, served, text, _digits(rng, tokens)) for text in texts]
                    rounds.append(await asyncio.gather(*answers))
                cells.append(_cell(rounds[1:], batch))
    return cells


def _cell(rounds: Sequence[Sequence[Stream]], batch: int) -> Cell:
    ttft_s = tuple(stream.ttft_s for streams in rounds for stream in streams)
    tpot_s = tuple(found for streams in rounds for found in together(streams))
    prompt_tokens = round(median(stream.prompt_tokens for streams in rounds for stream in streams))
    return Cell(prompt_tokens, batch, ttft_s, tpot_s)


def together(streams: Sequence[Stream]) -> Iterator[float]:
    """The TPOT of each stream while all of them decode; nothing if there is no such time."""
    begin_s = max(stream.chunks[0][0] for stream in streams)
    end_s = min(stream.chunks[-1][0] for stream in streams)
    for stream in streams:
        found = stream.within(begin_s, end_s)
        if found is not None:
            yield found


def _digits(rng: np.random.Generator, count: int) -> str:
    return "".join(map(str, rng.integers(0, 10, count)))


async def _answer(client: httpx2.AsyncClient, served: Served, prompt: str, words: str) -> Stream:
    body = {
        "model": served.model,
        "messages": [{"role": "user", "content": prompt}],
        "stream": True,
        "max_tokens": len(words),
        "scripted": words,
    }
    asked_s = time.perf_counter()
    chunks: list[tuple[float, int]] = []
    text, prompt_tokens = "", 0
    async with client.stream("POST", f"{served.base_url}/chat/completions", json=body) as response:
        if response.is_error:
            said = (await response.aread()).decode(errors="replace")
            raise BadStream(f"{response.status_code}: {said[:300]}")
        async for line in response.aiter_lines():
            if not line.startswith("data: {"):
                continue
            now_s, chunk = time.perf_counter(), json.loads(line.removeprefix("data: "))
            if "error" in chunk:
                raise BadStream(str(chunk["error"])[:300])
            for choice in chunk["choices"]:
                if content := choice["delta"].get("content"):
                    text += content
                    chunks.append((now_s, len(text)))
            prompt_tokens = (chunk.get("usage") or {}).get("prompt_tokens", prompt_tokens)
    if text != words or not prompt_tokens:
        raise BadStream(f"the answer was not what the script says: {len(text)} of {len(words)} characters")
    return Stream(asked_s, tuple(chunks), prompt_tokens)
