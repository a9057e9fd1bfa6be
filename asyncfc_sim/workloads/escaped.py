"""Keys made of whatever an argument holds: each argument is one segment of a key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from asyncfc_sim.core.footprint import Arguments, Declaration, Footprint
from asyncfc_sim.core.values import UNKNOWN, canonical


@dataclass(frozen=True, slots=True)
class EscapedDeclaration(Declaration):
    """Templates into which each argument goes as one segment of a key, whatever characters it has.

    Without that a file called `a/b` would be one below `a`, and one called `..` would be no key at all. `defaults`
    are the arguments that a call may leave out.
    """

    defaults: Mapping[str, object] = field(default_factory=dict, hash=False)

    def footprint(self, args: Arguments) -> Footprint:
        given = {**self.defaults, **args}
        return Declaration.footprint(self, {name: escape(value) for name, value in given.items()})


def escape(value: object) -> object:
    """The segment that stands for an argument: one and the same for all values that Python calls equal.

    `1`, `1.0` and `true` find the same entry of a dict. `.` is the current directory: all that is in it.
    """
    if value is UNKNOWN:
        return value
    if isinstance(value, bool) or (isinstance(value, float) and value.is_integer()):
        value = int(value)
    text = value if isinstance(value, str) else canonical(value)
    special = {"": "%", ".": "*", "..": "%2E%2E"}
    return special.get(text) or text.replace("%", "%25").replace("/", "%2F").replace("*", "%2A")
