"""Whether a server keeps the prefixes of conversations: the same long prompt twice, a few times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import SystemRandom
from statistics import median
from typing import Final

from .doctor_wire import Heard

WORDS: Final = (2500, 1000, 400)  # of a prompt; fewer if the model cannot read so many
# By chance, if nothing is kept, all of the first answers are slower than all of the second once in 252 times.
PAIRS: Final = 5
CLEAR_S: Final = 0.01
CLEAR_RATIO: Final = 1.5
# Where reading takes several times what all else does, and is not saved to any extent, nothing is kept.
READING_RATIO: Final = 3.0
SHORT_WORDS: Final = 4


@dataclass(frozen=True, slots=True)
class Prefixes:
    """Seconds to the first token of prompts that are new, and of the same once more; the tokens of the latter that the
    server says it had (None where it does not say); and seconds to the first token of short prompts."""

    cold_s: Sequence[float]
    warm_s: Sequence[float]
    cached_tokens: Sequence[int | None]
    short_s: Sequence[float] = ()

    @property
    def ratio(self) -> float:
        return median(self.cold_s) / median(self.warm_s) if median(self.warm_s) else 1.0

    @property
    def kept(self) -> bool | None:
        """Whether they are kept: as the server counts, or by time if that is clear; None if neither says it."""
        counted = [count for count in self.cached_tokens if count is not None]
        sooner = max(self.warm_s) + CLEAR_S < min(self.cold_s) and self.ratio > CLEAR_RATIO
        if counted and min(counted) > 0:
            return True
        if counted and max(counted) == 0:
            return None if sooner else False
        if counted:
            return None
        return True if sooner else False if self._read_again else None

    @property
    def _read_again(self) -> bool:
        """Whether the time to the first token is that of reading, and was the same the second time."""
        reads = bool(self.short_s) and median(self.cold_s) > READING_RATIO * max(self.short_s) + CLEAR_S
        return reads and self.ratio < 1 + (CLEAR_RATIO - 1) / 2

    def __str__(self) -> str:
        counted = [str(count) for count in self.cached_tokens if count is not None]
        told = f"cached_tokens {', '.join(counted)}" if counted else "cached tokens are not counted"
        short = f", of a short prompt {_spread(self.short_s)}" if self.short_s else ""
        return (
            f"first token after {_spread(self.cold_s)}, again {_spread(self.warm_s)} "
            f"(n = {len(self.cold_s)}, {self.ratio:.1f}x){short}; {told}"
        )


def heard_twice(ask: Callable[[str], Heard], words: int) -> Prefixes:
    """Ask PAIRS prompts of so many words, each twice, and as many short ones."""
    cold: list[float] = []
    warm: list[float] = []
    cached: list[int | None] = []
    for _ in range(PAIRS):
        prompt = _unheard_of(words)
        for times in (cold, warm):
            heard = ask(prompt)
            times.append(_first_s(heard))
        cached.append(heard.usage.cached_tokens)
    return Prefixes(cold, warm, cached, [_first_s(ask(_unheard_of(SHORT_WORDS))) for _ in range(PAIRS)])


def _first_s(heard: Heard) -> float:
    return heard.end_s if heard.first_s is None else heard.first_s


def _spread(times: Sequence[float]) -> str:
    return f"{median(times):.3f} s [{min(times):.3f}, {max(times):.3f}]"


def _unheard_of(length: int) -> str:
    """A long prompt that no server has seen: it begins with a number that is drawn anew."""
    draw = SystemRandom()
    words = ("river", "lamp", "seven", "paper", "garden", "slowly", "blue", "north", "and", "then")
    text = " ".join(draw.choice(words) for _ in range(length))
    return f"{draw.getrandbits(64):016x} {text}\nAnswer with the one word: read."
