"""Names that nobody has learnt by heart: of people, cities and rooms; and amounts and times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

_BEGIN: tuple[str, ...] = (*"bcdfghjklmnprstvwyz", "br", "ch", "dr", "gl", "kr", "pl", "sh", "st", "th", "tr")
_MIDDLE: tuple[str, ...] = (*"aeiou", "ai", "ea", "io")
_END: tuple[str, ...] = ("", *"nrlskmtdx", "ng", "ck")
_PEOPLE = """
Ada Alan Alice Anna Ben Bob Carl Clara David Dora Emma Eric Eva Felix Frank Grace Hanna Hugo Ida Ines Ivan Jack Jane
John Julia Karl Kim Laura Lena Leo Lisa Lucas Maria Mark Max Mia Nina Noah Olga Oscar Paul Peter Rita Rosa Ruth Sam Sara
Sofia Tom Uma Vera Victor Walter Yuki Zoe
"""
_CITIES = """
Accra Athens Berlin Bern Boston Bremen Cairo Chicago Dakar Delhi Dublin Essen Geneva Hanoi Istanbul Kyiv Kyoto Lagos
Lima Lisbon London Lyon Madrid Manila Milan Nairobi Naples Osaka Oslo Paris Prague Quito Riga Rome Seoul Sofia Tokyo
Toronto Turin Utrecht Vienna Warsaw Zagreb Zurich
"""
_KNOWN = 0.2  # one in so many names is one of those above

T = TypeVar("T")


def one_of(rng: np.random.Generator, choices: Sequence[T]) -> T:
    return choices[int(rng.integers(len(choices)))]


def a_word(rng: np.random.Generator) -> str:
    syllables = [one_of(rng, _BEGIN) + one_of(rng, _MIDDLE) for _ in range(one_of(rng, (1, 2, 2, 3)))]
    if rng.random() < 0.15:
        syllables.insert(0, one_of(rng, _MIDDLE) + one_of(rng, _END))
    return "".join(syllables) + one_of(rng, _END)


def a_name(rng: np.random.Generator) -> str:
    """A person's: one word or two."""
    first = one_of(rng, _PEOPLE.split()) if rng.random() < _KNOWN else a_word(rng).capitalize()
    return first if rng.random() < 0.7 else f"{first} {a_word(rng).capitalize()}"


def a_city(rng: np.random.Generator) -> str:
    return one_of(rng, _CITIES.split()) if rng.random() < _KNOWN else a_word(rng).capitalize()


def a_room(rng: np.random.Generator) -> str:
    return one_of(rng, "ABCDEFGH") + str(rng.integers(1, 400))


def a_time(rng: np.random.Generator) -> str:
    return f"{rng.integers(8, 19)}:{one_of(rng, ('00', '15', '30', '45'))}"


def an_amount(rng: np.random.Generator) -> int:
    return int(rng.integers(2, 10_000))
