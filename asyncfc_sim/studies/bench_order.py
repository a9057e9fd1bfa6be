"""In which order the arms of a benchmark run, so that whatever drifts, or is left behind, hits all alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Block:
    """Prompts, by their places, that run under one arm with nothing else beside them."""

    arm: str
    repeat: int
    prompts: tuple[int, ...]


def balanced_orders(n: int) -> list[tuple[int, ...]]:
    """Orders of n things: each stands at each place equally often, and right after each other one equally often.

    So no arm always finds the prefix cache that the same other one has warmed (Williams 1949).
    """
    first = [(place + 1) // 2 if place % 2 else (n - place // 2) % n for place in range(n)]
    orders = [tuple((item + shift) % n for item in first) for shift in range(n)]
    return orders if n % 2 == 0 else orders + [order[::-1] for order in orders]


def blocks(arms: Sequence[str], prompts: int, repeats: int, *, alone: bool) -> Iterator[Block]:
    """All blocks of a benchmark. `alone`: each prompt is a block, and the arms take turns at every prompt; else all
    prompts are one, for an arm must meet its own load and no other's."""
    groups = [(prompt,) for prompt in range(prompts)] if alone else [tuple(range(prompts))]
    orders = balanced_orders(len(arms))
    for repeat in range(repeats):
        for number, group in enumerate(groups):
            for arm in orders[(number + repeat) % len(orders)]:
                yield Block(arms[arm], repeat, group)
