"""The prefix cache of a server: what of a conversation's prompt need not be read again."""

from __future__ import annotations

from collections import OrderedDict
from math import inf


class PrefixCache:
    """Tokens kept by conversation, at most `capacity` in all; the conversation that was away longest goes first.

    A conversation is kept whole or not at all (real caches drop blocks from its end: finer, the same in the mean).
    """

    def __init__(self, capacity: float = inf) -> None:
        self.capacity = capacity
        self.hits = self.asked = 0  # tokens
        self._kept: OrderedDict[str, int] = OrderedDict()
        self._seen: set[str] = set()
        self._total = 0

    def lookup(self, conversation: str, prompt_tokens: int, reusable: int) -> int:
        """How many tokens of a prompt are there, of those that stand as they stood before (`reusable`).

        The first prompt of a conversation finds what is `reusable` of it: a system prompt that all share.
        """
        self.asked += prompt_tokens
        found = reusable if conversation not in self._seen else min(reusable, self._kept.get(conversation, 0))
        self.hits += found
        return found

    def keep(self, conversation: str, tokens: int) -> None:
        """The conversation has so many tokens now, and was the last to be here."""
        self._seen.add(conversation)
        self._total += tokens - self._kept.pop(conversation, 0)
        self._kept[conversation] = tokens
        while self._total > self.capacity and self._kept:
            _, dropped = self._kept.popitem(last=False)
            self._total -= dropped

    @property
    def hit_rate(self) -> float:
        """The share of all prompt tokens that were found."""
        return self.hits / self.asked if self.asked else 0.0
