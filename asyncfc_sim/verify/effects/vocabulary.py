"""Which key stands for which place, inferred from what calls declare and what they touch.

A store belongs to the word (`file` of `file:{path}`) that is declared by the tools which touch it, and by no others,
with the name of the item behind it, if there are items. A store that no declaration speaks of gets a word of its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from asyncfc_sim.core.footprint import Footprint, Key, Pattern, parse_pattern
from asyncfc_sim.core.values import JSON, canonical

from .access import FILES, Access, Location, key_of, store_of
from .monitor import Watched

_FORMS: Final[Mapping[str, Callable[[str], str]]] = {
    "": lambda text: text,
    ".lower()": str.lower,
    ".upper()": str.upper,
    ".strip()": str.strip,
}


@dataclass(frozen=True, slots=True, order=True)
class Word:
    """The segments that stand for a store; with `keyed`, the names of items come behind."""

    keyed: bool
    prefix: Key

    def pattern(self, name: Hashable | None) -> Pattern:
        if not self.keyed:
            return Pattern(self.prefix)
        return Pattern(self.prefix, below=True) if name is None else Pattern((*self.prefix, *segments(name)))


class Vocabulary:
    """The words for the places that some calls touched."""

    def __init__(self, calls: Iterable[Watched]) -> None:
        self._touching: dict[Location, list[tuple[Watched, Access]]] = defaultdict(list)
        self._declaring: dict[Word, set[str]] = defaultdict(set)
        calls = list(calls)
        writes = {access.where for watched in calls for access in watched.accesses if access.writes}
        self._written = writes | set(map(store_of, writes))
        self._rebound = {where for where in writes if where == store_of(where)}
        for watched in calls:
            for access in filter(self.matters, watched.accesses):
                self._touching[store_of(access.where)].append((watched, access))
            for word in _words(watched.footprint):
                self._declaring[word].add(watched.call.tool)
        self._words = {store: self._word(store) for store in self._touching}

    def matters(self, access: Access) -> bool:
        """Whether some call writes what this one touched. Looking up a variable that always holds the same dict is
        no reading of the dict.
        """
        store = store_of(access.where)
        if access.where == store and access.kind == "r" and not access.below:
            return store in self._rebound
        return store in self._written

    def key(self, where: Location) -> Pattern:
        """The key that stands for a place."""
        return self.word(store_of(where)).pattern(key_of(where))

    def word(self, store: Location) -> Word:
        found = self._words.get(store)
        if found is not None:
            return found
        keyed = any(key_of(access.where) is not None for _, access in self._touching.get(store, ()))
        return Word(keyed, (_name(store),))

    def template(self, tool: str, where: Location) -> tuple[str, str]:
        """The key of a place in terms of a tool's parameters, and a remark on what no template can say."""
        store = store_of(where)
        word, key = self.word(store), self.key(where)
        if key_of(where) is None or not word.keyed:
            return str(key), ""
        used = [
            (watched.call.args, name)
            for watched, access in self._touching[store]
            if watched.call.tool == tool and (name := key_of(access.where)) is not None
        ]
        whole = word.pattern(None)
        head = str(whole).removesuffix("*")
        for parameter in dict.fromkeys(name for args, _ in used for name in args):
            for form, change in _FORMS.items():
                if all(_is(args.get(parameter), name, change) for args, name in used):
                    if not form:
                        return f"{head}{{{parameter}}}", ""
                    return str(whole), f'or, narrower, lambda args: ["{head}" + args["{parameter}"]{form}]'
        return str(key if len({segments(name) for _, name in used}) == 1 else whole), ""

    def _word(self, store: Location) -> Word | None:
        touching: dict[str, list[tuple[Watched, Access]]] = defaultdict(list)
        for watched, access in self._touching[store]:
            if access.kind != "add" and access.certain:  # what adds an item also writes it
                touching[watched.call.tool].append((watched, access))
        candidates = {word for calls in touching.values() for watched, _ in calls for word in _words(watched.footprint)}
        ranked = []
        for word in candidates:
            fitting = sum(all(_fits(word, *each) for each in calls) for calls in touching.values())
            if fitting:
                concerned = touching.keys() | self._declaring[word]
                ranked.append((fitting / len(concerned), len(word.prefix), word))
        return max(ranked, default=(0, 0, None))[2]


def _words(footprint: Footprint) -> Iterable[Word]:
    for pattern in footprint.reads + footprint.writes:
        if pattern.below and pattern.key:
            yield Word(True, pattern.key)
        elif not pattern.below:
            yield Word(False, pattern.key)
            if len(pattern.key) > 1:
                yield Word(True, pattern.key[:-1])


def _fits(word: Word, watched: Watched, access: Access) -> bool:
    footprint = watched.footprint
    permitted = footprint.writes if access.writes else footprint.reads + footprint.writes
    needed = word.pattern(key_of(access.where))
    return any(pattern.covers(needed) and pattern.key[: len(word.prefix)] == word.prefix for pattern in permitted)


def _is(value: JSON, name: Hashable, change: Callable[[str], str]) -> bool:
    if isinstance(value, str):
        return segments(change(value)) == segments(name)
    return value is not None and not isinstance(value, list | dict) and segments(canonical(value)) == segments(name)


def segments(name: Hashable) -> Key:
    """An item's name as the end of a key, as a template would insert it."""
    text = name if isinstance(name, str) else canonical(name) if isinstance(name, int | float) else str(name)
    try:
        return parse_pattern(f"x:{text}").key[1:]
    except ValueError:
        return (text,)


def _name(store: Location) -> str:
    """A word for a store that has none: its variable in lower case, its table, or `file`."""
    if store[0] == FILES[0]:
        table = next((str(name) for kind, name in store if kind == "table"), None)
        return table or "file"
    words = [str(name) for kind, name in store if kind in ("", ".", "<", "(") and name]
    clean = [word.strip("_()").lower().replace("*", "").replace("/", "-").replace(":", "-") for word in words]
    return "-".join(filter(None, clean)) or "state"
