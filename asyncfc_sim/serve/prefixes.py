"""What was read for earlier prompts is kept for a while, so that a further turn costs only what is new in it."""

from __future__ import annotations

from threading import Lock
from typing import Final

from .engine import Cache
from .model_config import ModelConfig

MEMORY: Final = 64 * 2**20  # bytes


class Prefixes:
    """Keys and values of earlier sequences, the longest unused given up first where more than `memory` bytes are kept.

    May be used from several threads: what is kept never changes.
    """

    def __init__(self, config: ModelConfig, memory: int = MEMORY) -> None:
        self._config = config
        self._room = memory // config.cache_bytes  # tokens
        self._kept: list[Cache] = []  # the latest used comes last
        self._lock = Lock()

    @property
    def tokens(self) -> int:
        """How many tokens are kept."""
        return sum(len(cache.tokens) for cache in self._kept)

    def start(self, cache: Cache, prompt: list[int]) -> int:
        """Begin an empty cache with what is known of a prompt; how many of its tokens, at most all but the last."""
        with self._lock:
            best, length = None, 0
            for kept in self._kept:
                shared = min(_shared(kept.tokens, prompt), len(prompt) - 1)
                if shared > length:
                    best, length = kept, shared
            if best is None:
                return 0
            self._kept.remove(best)
            self._kept.append(best)
        cache.start_as(best, length)
        return length

    def keep(self, cache: Cache) -> None:
        """Keep a copy of what was read, in place of all that it begins with."""
        length = len(cache.tokens)
        if not 0 < length <= self._room:
            return
        copy = Cache(self._config, length)
        copy.start_as(cache, length)
        with self._lock:
            others = [kept for kept in self._kept if _shared(kept.tokens, copy.tokens) < len(kept.tokens)]
            self._kept = [*others, copy]
            while self.tokens > self._room:
                del self._kept[0]


def _shared(first: list[int], second: list[int]) -> int:
    """With how many equal tokens two sequences begin."""
    length = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        length += 1
    return length
