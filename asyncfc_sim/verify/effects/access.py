"""What a call touches, and where: parts of objects, files and tables, named by the way that leads to them.

A location is a path of segments: `STORE['a'].size` is the variable, the item, the attribute. `KEYS` below a location
stands for which items it has (for a list: how many, and in which order). So a loop over a dict meets a call that adds
an item, and two calls that add different items do not meet.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Final, Literal

# What a segment leads to: "" a variable, "[" an item of a dict or a set, "#" one of a list, "." an attribute, "(" a
# parameter's default, "<" a variable of an enclosing function, "/" a file or folder, "table" and "row" of a database.
Segment = tuple[str, Hashable]
Location = tuple[Segment, ...]

KEYS: Final[Segment] = ("keys", None)
FILES: Final[Location] = (("files", None),)
_PARTS: Final = ("[", "#", "keys", "row", "/")


@dataclass(frozen=True, slots=True)
class Access:
    """Reading (`r`), writing (`w`), or adding to and taking from (`add`, of `KEYS`) what is at a location.

    `below`: and everything below it. An access that is not `certain` may have touched the place, or another part of
    the same thing: a query reads rows of a table, and only the database knows which.
    """

    kind: Literal["r", "w", "add"]
    where: Location
    below: bool = False
    certain: bool = True

    @property
    def writes(self) -> bool:
        return self.kind != "r"


def conflict(left: Access, right: Access) -> bool:
    """Whether both touch one place, and the order matters: not for two reads, nor for two that only add."""
    if left.kind == right.kind != "w":
        return False
    if len(left.where) > len(right.where):
        left, right = right, left
    return left.where == right.where or (left.below and right.where[: len(left.where)] == left.where)


def store_of(where: Location) -> Location:
    """The thing that a location is a part of: a variable, an attribute, the working folder, a table."""
    kinds = [kind for kind, _ in where]
    if "table" in kinds:
        return where[: kinds.index("table") + 1]
    return where[: next((depth for depth, kind in enumerate(kinds) if kind in _PARTS), len(where))]


def key_of(where: Location) -> Hashable | None:
    """Which item of its store a location is, or is in; None for the whole store, and for places in a list."""
    depth = len(store_of(where))
    if depth == len(where) or where[depth][0] in ("keys", "#"):
        return None
    return path_of(where[depth:]) if where[depth][0] == "/" else where[depth][1]


def outermost(accesses: Iterable[Access]) -> list[Access]:
    """Without those that another of the same kind covers."""
    whole = {(access.kind, access.where) for access in accesses if access.below}
    return [
        access
        for access in dict.fromkeys(accesses)
        if not any((access.kind, access.where[:depth]) in whole for depth in range(len(access.where)))
    ]


def told(where: Location) -> str:
    """A location as a person would write it: `STORE['a'].size`, `the keys of STORE`, `file 'a.txt'`."""
    if where[-1:] == (KEYS,):
        return f"the names in {_folder(where[:-1])}" if where[0] == FILES[0] else f"the keys of {told(where[:-1])}"
    if where[0] == FILES[0]:
        return _told_file(where)
    return "".join(_told_segment(kind, name) for kind, name in where)


def _told_segment(kind: str, name: Hashable) -> str:
    match kind:
        case "[" | "#":
            return f"[{name!r}]"
        case ".":
            return f".{name}"
        case "(":
            return f"({name}=...)"
        case "<":
            return f".<{name}>"
        case _:
            return str(name)


def path_of(where: Location) -> str:
    """The path of a file or folder, relative to the working folder."""
    return "/".join(str(name) for kind, name in where if kind == "/")


def _folder(where: Location) -> str:
    return f"folder {path_of(where) or '.'!r}"


def _told_file(where: Location) -> str:
    names = {"table": "table", "row": "row", "#": "row number"}
    rest = [f"{names[kind]} {name!r}" for kind, name in where if kind in names]
    file = f"file {path_of(where)!r}" if path_of(where) else "the working folder"
    return " of ".join([*reversed(rest), file])
