"""The declaration that would be right: what to add to which tool, so that two calls no longer count as independent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from asyncfc_sim.core.footprint import BadFootprint, Footprint, indep

from .access import Access, Location, key_of, store_of
from .declared import Declared
from .monitor import Watched
from .vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class Fix:
    """What to add to a tool's declaration; `remark` says what no template can."""

    tool: str
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    remark: str = ""

    def __str__(self) -> str:
        parts = [f"{kind}=[{_quoted(keys)}]" for kind, keys in (("reads", self.reads), ("writes", self.writes)) if keys]
        return f"{self.tool}: add {', '.join(parts)}" + (f" ({self.remark})" if self.remark else "")


def fixes(
    declared: Declared, vocabulary: Vocabulary, pair: Sequence[Watched], places: Sequence[Location]
) -> tuple[Fix, ...]:
    """What would make the two calls conflict, given the places in which they meet. It does: that is tried here."""
    for where in places:
        found = [fix for watched in pair if (fix := _fix(vocabulary, watched, where)) is not None]
        if would_conflict(declared, pair, found):
            return tuple(dict.fromkeys(found))
    tools = sorted({watched.call.tool for watched in pair})
    whole = str(vocabulary.word(store_of(places[0])).pattern(None)) if places else f"state:{'-'.join(tools)}"
    return tuple(Fix(tool, writes=(whole,)) for tool in tools)


def order_fixes(vocabulary: Vocabulary, pair: Sequence[Watched], where: Location, probe: str) -> tuple[Fix, ...]:
    """What would make two calls conflict that leave the keys of one dict in another order, as `probe` shows."""
    word = ":".join(vocabulary.word(store_of(where)).prefix) + "-order"
    tools = sorted({watched.call.tool for watched in pair})
    return tuple(Fix(tool, writes=(word,), remark=f"or let {probe} sort what it shows") for tool in tools)


def would_conflict(declared: Declared, pair: Sequence[Watched], added: Iterable[Fix]) -> bool:
    """Whether the calls conflict once the fixes are applied."""
    added = tuple(added)
    try:
        left, right = (_with(declared, watched, added) for watched in pair)
    except BadFootprint:
        return False
    return not indep(left, right)


def _with(declared: Declared, watched: Watched, added: Iterable[Fix]) -> Footprint:
    footprint = watched.footprint
    effects = declared.tools[watched.call.tool].effects
    for fix in added:
        if fix.tool == watched.call.tool and effects is not None:
            # Of the same kind of declaration: it knows the defaults, and how values become segments.
            only = replace(effects, reads=fix.reads, writes=fix.writes, bound_reads=None, bound_writes=None)
            more = only.footprint(watched.call.args)
            footprint = Footprint(footprint.reads + more.reads, footprint.writes + more.writes)
    return footprint


def _fix(vocabulary: Vocabulary, watched: Watched, where: Location) -> Fix | None:
    """What a call's declaration lacks for a place; None if it is complete."""
    touching = [access for access in watched.accesses if _touches(access, where)]
    if not touching:
        return None
    if all(access.kind == "add" for access in touching):  # it is enough to have declared the item that is added
        store = store_of(where)
        items = [each.where for each in watched.accesses if each.kind == "w" and store_of(each.where) == store]
        where = next((item for item in items if key_of(item) is not None), where)
    writes = any(access.writes for access in touching)
    footprint = watched.footprint
    permitted = footprint.writes if writes else footprint.reads + footprint.writes
    if any(pattern.covers(vocabulary.key(where)) for pattern in permitted):
        return None
    template, remark = vocabulary.template(watched.call.tool, where)
    return Fix(watched.call.tool, () if writes else (template,), (template,) if writes else (), remark)


def _touches(access: Access, where: Location) -> bool:
    shorter = min(len(access.where), len(where))
    return access.where[:shorter] == where[:shorter] and (len(access.where) >= len(where) or access.below)


def _quoted(keys: Sequence[str]) -> str:
    return ", ".join(f'"{key}"' for key in keys)
