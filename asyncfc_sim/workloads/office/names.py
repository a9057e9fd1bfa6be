"""Names that nobody has learnt by heart: of people, cities and rooms; and amounts and times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

_BEGIN: tuple[str, ...] = (*"bdfghklmnprstvz", "br", "dr", "kr", "st", "tr", "sh", "ch")
_MIDDLE: tuple[str, ...] = (*"aeiou", "ai", "ea")
_END: tuple[str, ...] = ("", *"nrlskmt")

T = TypeVar("T")


def one_of(rng: np.random.Generator, choices: Sequence[T]) -> T:
    return choices[int(rng.integers(len(choices)))]


def a_word(rng: np.random.Generator) -> str:
    syllables = one_of(rng, (1, 2, 2, 3))
    return "".join([one_of(rng, _BEGIN) + one_of(rng, _MIDDLE) for _ in range(syllables)]) + one_of(rng, _END)


def a_name(rng: np.random.Generator) -> str:
    """A person's: one word or two."""
    first = a_word(rng).capitalize()
    return first if rng.random() < 0.7 else f"{first} {a_word(rng).capitalize()}"


def a_city(rng: np.random.Generator) -> str:
    return a_word(rng).capitalize()


def a_room(rng: np.random.Generator) -> str:
    return one_of(rng, "ABCDEFGH") + str(rng.integers(1, 400))


def a_time(rng: np.random.Generator) -> str:
    return f"{rng.integers(8, 19)}:{one_of(rng, ('00', '15', '30', '45'))}"


def an_amount(rng: np.random.Generator) -> int:
    return int(rng.integers(2, 10_000))
