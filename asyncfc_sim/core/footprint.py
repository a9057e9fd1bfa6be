"""Footprints: what a call may read and write, and when two calls are independent.

Keys are hierarchical: `file:/d/x` has the segments `file`, `d`, `x`. A pattern is a key, or a key and `/*`, which
covers that key and everything below it; `*` covers everything. Declaring a write also permits reading.

A footprint is a function of the call's arguments. While an argument still waits for a future, the footprint is
unknown and a region bounds it: for a template, what stands before the first unknown argument (`file:/d/{name}` is
bounded by `file:/d/*`); for a function, the declared `bound`. A tool with no declaration reads and writes everything
(the AsyncFC paper's default: its calls run one by one, decoding still overlaps). Footprints must be upper bounds in
every state of the world: they see the arguments and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from string import Formatter

from .values import UNKNOWN, canonical

Key = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A key, or, with `below`, that key and all keys below it."""

    key: Key
    below: bool = False

    def __str__(self) -> str:
        key = ("", *self.key) if self.key and ":" in self.key[0] else self.key
        head, *rest = key or ("",)
        text = head + ("" if not rest else ":" + "/".join(rest))
        if not self.below:
            return text
        return text + ("*" if not self.key else ":*" if not rest else "/*")

    def covers(self, other: Pattern) -> bool:
        """Whether every key that `other` stands for is one that this pattern stands for."""
        if not self.below:
            return self == other
        return other.key[: len(self.key)] == self.key

    def overlaps(self, other: Pattern) -> bool:
        """Whether some key is in both."""
        return self.covers(other) or other.covers(self)


@dataclass(frozen=True, slots=True)
class Footprint:
    """The keys a call may read and those it may write (and read)."""

    reads: tuple[Pattern, ...] = ()
    writes: tuple[Pattern, ...] = ()

    def __str__(self) -> str:
        reads, writes = (", ".join(map(str, patterns)) or "nothing" for patterns in (self.reads, self.writes))
        return f"reads {reads}; writes {writes}"

    def within(self, bound: Footprint) -> bool:
        """Whether `bound` permits everything that this footprint does."""
        return all(_covered(write, bound.writes) for write in self.writes) and all(
            _covered(read, bound.reads + bound.writes) for read in self.reads
        )


def _covered(pattern: Pattern, bounds: tuple[Pattern, ...]) -> bool:
    return any(bound.covers(pattern) for bound in bounds)


ANYWHERE = Pattern((), below=True)
NOTHING = Footprint()
EVERYTHING = Footprint(writes=(ANYWHERE,))


def indep(left: Footprint, right: Footprint) -> bool:
    """Bernstein's conditions: neither call writes what the other reads or writes. Symmetric."""
    return not (_meet(left.writes, right.reads + right.writes) or _meet(right.writes, left.reads))


def _meet(lefts: tuple[Pattern, ...], rights: tuple[Pattern, ...]) -> bool:
    return any(left.overlaps(right) for left in lefts for right in rights)


@lru_cache(maxsize=65536)
def parse_pattern(text: str) -> Pattern:
    """`file:/d/x`, `file:/d/*`, `outbox`, `*` -> Pattern. Empty and `.` segments vanish, `..` climbs one level.

    Raises ValueError for `*` anywhere but as the last segment, for no segment at all, and for a `..` that would climb
    out of the key's first segment: such a key would silently stand for something else.
    """
    raw = text.replace(":", "/", 1).split("/")
    below = raw[-1] == "*"
    segments: list[str] = []
    for segment in raw[:-1] if below else raw:
        if "*" in segment:
            raise ValueError(f"key pattern {text!r}: '*' may only be the last segment")
        if segment == "..":
            if len(segments) < 2:
                raise ValueError(f"key pattern {text!r}: '..' climbs out of it")
            segments.pop()
        elif segment not in ("", "."):
            segments.append(segment)
    if not segments and not below:
        raise ValueError(f"key pattern {text!r} is empty")
    return Pattern(tuple(segments), below)


Arguments = Mapping[str, object]
# A template with the tool's arguments in braces, or a function from the arguments to patterns.
KeyTemplates = Iterable[str] | Callable[[Arguments], Iterable[str]]


class BadFootprint(ValueError):
    """A declared footprint that does not hold for these arguments: it climbs out of its template, or its bound.

    `bound` is the region that held as far as the arguments could be followed.
    """

    def __init__(self, reason: str, bound: Footprint) -> None:
        super().__init__(reason)
        self.bound = bound


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a tool's author says it reads and writes: templates (`"file:{path}"`) or functions of the arguments.

    `bound` are patterns that hold for all arguments; they matter for functions, whose footprint is unknown until
    every argument is known. Without `bound`, that unknown footprint is everything.
    """

    reads: KeyTemplates = ()
    writes: KeyTemplates = ()
    bound_reads: tuple[str, ...] | None = None
    bound_writes: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for name in ("reads", "writes", "bound_reads", "bound_writes"):
            templates = getattr(self, name)
            if isinstance(templates, str):  # it would be read letter by letter
                raise TypeError(f"{name} is a list of templates, not the single string {templates!r}")
            if templates is not None and not callable(templates):
                object.__setattr__(self, name, tuple(templates))
        for pattern in (self.bound_reads or ()) + (self.bound_writes or ()):
            parse_pattern(pattern)  # raises ValueError here rather than in the middle of a run

    def footprint(self, args: Arguments) -> Footprint:
        """The footprint for `args`, in which arguments not known yet are `UNKNOWN`.

        Raises BadFootprint if a value climbs (`..`) out of the place it is inserted at, if a template names an
        argument that is not there, or if a function fails or answers outside the declared bound.
        """
        reads, fault_in_reads = _instantiate(self.reads, args, self.bound_reads)
        writes, fault_in_writes = _instantiate(self.writes, args, self.bound_writes)
        if reads and writes:
            reads = tuple(read for read in reads if not _covered(read, writes))
        footprint = Footprint(reads, writes)
        if fault_in_reads or fault_in_writes:
            raise BadFootprint(fault_in_reads or fault_in_writes, footprint)
        return footprint


def _instantiate(
    templates: KeyTemplates, args: Arguments, bound: tuple[str, ...] | None
) -> tuple[tuple[Pattern, ...], str]:
    """The patterns for `args`, and what is wrong with them ("" if nothing)."""
    if not templates:
        return (), ""
    if not callable(templates):
        patterns: list[Pattern] = []
        faults = ""
        for template in templates:
            pattern, fault = _fill(template, args)
            faults = faults or fault
            if pattern not in patterns:
                patterns.append(pattern)
        return tuple(patterns), faults
    region = (ANYWHERE,) if bound is None else tuple(map(parse_pattern, bound))
    if any(value is UNKNOWN for value in args.values()):
        return region, ""
    try:
        texts = templates(args)
        if isinstance(texts, str):
            raise TypeError(f"it answered {texts!r}, not a list")
        exact = tuple(dict.fromkeys(map(parse_pattern, texts)))
    except Exception as error:
        return region, f"its footprint function failed: {type(error).__name__}: {error}"
    for pattern in exact:
        if not _covered(pattern, region):
            return region, f"its footprint {pattern} lies outside the declared bound"
    return exact, ""


def _fill(template: str, args: Arguments) -> tuple[Pattern, str]:
    """The pattern that a template gives, and why it does not hold for these arguments ("" if it does).

    Each argument must leave the key in the region that stands before it (`k:d/*` in `k:d/{a}`), because that region
    bounded the call while the argument was unknown. What is unknown or at fault leaves the region before it.
    """
    text, region = "", ANYWHERE
    try:
        for literal, name, _, _ in _parse_template(template):
            text += literal
            if name is None:
                continue
            region = _narrowed(region, _region(text))
            if name not in args:
                return region, f"its footprint {template!r} needs the argument {name!r}"
            value = args[name]
            if value is UNKNOWN:
                return region, ""
            piece = value if isinstance(value, str) else str(value) if type(value) is int else canonical(value)
            star = piece.find("*")
            if star >= 0:  # a glob: all that it could match
                if ".." in piece[star:].split("/"):
                    raise ValueError(f"{piece!r} climbs")
                return _narrowed(region, _region(text + piece[:star])), ""
            text += piece
        return _narrowed(region, parse_pattern(text)), ""
    except (ValueError, TypeError, RecursionError) as error:  # no pattern, or not even JSON
        return region, f"its footprint {template!r}: {error}"


def template_arguments(template: str) -> tuple[str, ...]:
    """The arguments that a template names, in order. Raises ValueError if no arguments could make it a pattern."""
    names = []
    for _, name, form, conversion in _parse_template(template):
        if name == "" or form or conversion:
            raise ValueError("braces hold the name of an argument, and nothing else")
        names += [] if name is None else [name]
    Declaration(reads=[template]).footprint(dict.fromkeys(names, "x"))
    return tuple(names)


@lru_cache(maxsize=4096)
def _parse_template(template: str) -> tuple[tuple[str, str | None, str | None, str | None], ...]:
    return tuple(Formatter().parse(template))


def _narrowed(region: Pattern, pattern: Pattern) -> Pattern:
    if region is not ANYWHERE and not region.covers(pattern):
        raise ValueError(f"{pattern} leads out of {region}")
    return pattern


@lru_cache(maxsize=65536)
def _region(prefix: str) -> Pattern:
    """All keys that start with `prefix`: its last complete segment and everything below."""
    complete = max(prefix.rfind("/"), prefix.find(":")) + 1
    return parse_pattern(prefix[:complete] + "*")
