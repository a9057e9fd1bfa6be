"""JSON schemas as far as a context-free grammar can hold a model to them.

A `Shape` says what a value may be: of each kind of value one way, or none. That is what keeps a grammar of it free of
two readings. What a schema asks beyond that is left open, and said in a note: a shape allows more than its schema, but
for members of an object that the schema does not name.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from asyncfc_sim.core.values import JSON

Part = TypeVar("Part", "Array", "Object")
MOST: int = 10**19 - 1  # the largest integer that the grammar writes: 19 digits, as INTEGER of hermes.lark


@dataclass(frozen=True, slots=True)
class Integers:
    """The integers from `low` to `high`."""

    low: int = -MOST
    high: int = MOST

    def __contains__(self, value: JSON) -> bool:
        return isinstance(value, int) and self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Array:
    """These items and no more (`fixed`), or `low` to `high` times `items`; without `high`, any number."""

    items: Shape
    low: int = 0
    high: int | None = None
    fixed: tuple[Shape, ...] = ()


@dataclass(frozen=True, slots=True)
class Member:
    name: str
    shape: Shape
    required: bool


@dataclass(frozen=True, slots=True)
class Object:
    """These members, in this order; or where there are none, members of any name that are `others`."""

    members: tuple[Member, ...] = ()
    others: Shape | None = None


@dataclass(frozen=True, slots=True)
class Shape:
    """What a value may be: one of the scalars in `fixed`, any string (`text`), a number, an integer, an array, an
    object; or whatever there is (`anything`)."""

    fixed: tuple[JSON, ...] = field(default=(), compare=False)
    text: bool = False
    number: bool = False
    integers: Integers | None = None
    array: Array | None = None
    object: Object | None = None
    anything: bool = False
    # Shapes are compared by this: to Python 1, 1.0 and true are the same, and in a grammar they are three.
    _written: tuple[str, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_written", tuple(map(json.dumps, self.fixed)))

    def holds(self, value: JSON) -> bool:
        """Whether a scalar fits."""
        return any(same(value, each) for each in self.fixed) or self.holds_free(value)

    def holds_free(self, value: JSON) -> bool:
        """Whether a scalar fits, and not only because it is one of those that are written out."""
        if self.anything or isinstance(value, str):
            return self.anything or self.text
        return _is_number(value) and (self.number or (self.integers is not None and value in self.integers))


ANYTHING = Shape(anything=True)
NOTHING = Shape()
FREE_ARRAY, FREE_OBJECT = Array(ANYTHING), Object(others=ANYTHING)


def same(left: JSON, right: JSON) -> bool:
    """JSON equality of scalars, and of how they are written: 1 and 1.0 are two, as 1 and true are."""
    return json.dumps(left) == json.dumps(right)


def scalars(values: Iterable[JSON]) -> Shape:
    """One of these values; of arrays and objects, any."""
    given = list(values)
    fixed = [value for value in given if not isinstance(value, list | dict)]
    return Shape(
        fixed=_distinct(fixed),
        array=FREE_ARRAY if any(isinstance(value, list) for value in given) else None,
        object=FREE_OBJECT if any(isinstance(value, dict) for value in given) else None,
    )


def meet(left: Shape, right: Shape) -> tuple[Shape, bool]:
    """What fits both, or more; and whether it is more."""
    if left.anything or right.anything:
        return (right if left.anything else left), False
    array, wider_array = _narrower(left.array, right.array, FREE_ARRAY)
    members, wider_object = _narrower(left.object, right.object, FREE_OBJECT)
    integers = None
    if left.integers and right.integers:
        low, high = max(left.integers.low, right.integers.low), min(left.integers.high, right.integers.high)
        integers = Integers(low, high) if low <= high else None
    elif (left.integers and right.number) or (left.number and right.integers):
        integers = left.integers or right.integers
    shape = Shape(
        fixed=_distinct([value for value in (*left.fixed, *right.fixed) if left.holds(value) and right.holds(value)]),
        text=left.text and right.text,
        number=left.number and right.number,
        integers=integers,
        array=array,
        object=members,
    )
    return _normal(shape), wider_array or wider_object


def join(left: Shape, right: Shape) -> tuple[Shape, bool]:
    """What fits one of them, or more; and whether it is more."""
    if left.anything or right.anything:
        return ANYTHING, False
    array, wider_array = _either_array(left.array, right.array)
    members, wider_object = _either_object(left.object, right.object)
    integers = left.integers or right.integers
    fixed = _distinct([*left.fixed, *right.fixed])
    if integers is not None:  # one range, because a terminal must not be the beginning of another one
        whole = [value for value in fixed if isinstance(value, int) and not isinstance(value, bool)]
        ranges = [side.integers for side in (left, right) if side.integers is not None]
        low, high = min([*whole, *(each.low for each in ranges)]), max([*whole, *(each.high for each in ranges)])
        integers = Integers(low, high)
    fraction = integers is not None and any(isinstance(value, float) for value in fixed)
    shape = Shape(
        fixed=fixed,
        text=left.text or right.text,
        number=left.number or right.number or fraction,
        integers=integers,
        array=array,
        object=members,
    )
    wider_integers = integers not in (left.integers, right.integers) and not (left.number or right.number)
    return _normal(shape), wider_array or wider_object or wider_integers or fraction


def _normal(shape: Shape) -> Shape:
    """Nothing is said twice."""
    fixed = tuple(value for value in shape.fixed if not shape.holds_free(value))
    return replace(shape, fixed=fixed, integers=None if shape.number else shape.integers)


def _is_number(value: JSON) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _distinct(values: Sequence[JSON]) -> tuple[JSON, ...]:
    return tuple({json.dumps(value): value for value in values}.values())


def _narrower(left: Part | None, right: Part | None, free: Part) -> tuple[Part | None, bool]:
    if left is None or right is None:
        return None, False
    return (right, False) if left == free else (left, right not in (left, free))


def _either_array(left: Array | None, right: Array | None) -> tuple[Array | None, bool]:
    if left is None or right is None or left == right:
        return left or right, False
    if FREE_ARRAY in (left, right):
        return FREE_ARRAY, False
    items = NOTHING
    for shape in (*left.fixed, left.items, *right.fixed, right.items):
        items, _ = join(items, shape)
    high = None if left.high is None or right.high is None else max(left.high, right.high)
    return Array(items, min(left.low, right.low), high), True


def _either_object(left: Object | None, right: Object | None) -> tuple[Object | None, bool]:
    """Members of both kinds of objects; those that only one must have need not be there."""
    if left is None or right is None or left == right:
        return left or right, False
    if left.others is not None or right.others is not None:
        return FREE_OBJECT, FREE_OBJECT not in (left, right)
    ours = {member.name: member for member in left.members}
    theirs = {member.name: member for member in right.members}
    members = []
    for name in {**ours, **theirs}:
        mine, other = ours.get(name), theirs.get(name)
        shape, _ = join(mine.shape if mine else NOTHING, other.shape if other else NOTHING)
        members.append(Member(name, shape, bool(mine and mine.required and other and other.required)))
    return Object(tuple(members)), True
