"""How long a tool call takes: tool names mapped to kinds, kinds to measured quantiles (`models/tools/*.toml`).

No global randomness: a sample takes a Generator or a number in [0, 1). `uniform` gives each call of each case its own
number, whatever the policy and the process, so that policies meet the same durations (common random numbers).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

import numpy as np
from numpy.typing import NDArray

from .model_file import Provenance, Quantity, Section, model_names, read_model


@dataclass(frozen=True, slots=True)
class Rule:
    """Tools that match `pattern` (fnmatch, or their very name) are of `kind`; `reason` says why we think so."""

    pattern: str
    kind: str
    provenance: Provenance
    reason: str


@dataclass(frozen=True, slots=True)
class DurationModel:
    """A profile: which kind each tool is of, and the duration of each kind in seconds.

    A tool is named `Class.method`, by its bare name, or by a kind if its workload says which. A rule with exactly that
    name comes first, then a kind of that name, then the rules in the order of the file, then `default`.
    """

    name: str
    title: str
    kinds: Mapping[str, Quantity]
    rules: tuple[Rule, ...]
    default: Rule
    _known: dict[str, str] = field(default_factory=dict, repr=False, compare=False)

    def rule_of(self, tool: str) -> Rule:
        """The rule that decides the kind of `tool`."""
        exact = (rule for rule in self.rules if rule.pattern == tool)
        if tool in self.kinds:
            return next(exact, Rule(tool, tool, "assumed", "the workload names this kind"))
        matching = (rule for rule in self.rules if fnmatchcase(tool, rule.pattern))
        return next(exact, None) or next(matching, self.default)

    def kind_of(self, tool: str) -> str:
        """The kind of `tool`."""
        if tool not in self._known:  # matching patterns takes longer than everything else about a draw
            self._known[tool] = self.rule_of(tool).kind
        return self._known[tool]

    def quantity_of(self, tool: str) -> Quantity:
        """The duration of `tool` as a figure with its source."""
        return self.kinds[self.kind_of(tool)]

    def sample_s(self, tool: str, rng: np.random.Generator | float) -> float:
        """One duration in seconds: the inverse distribution at a number drawn from `rng`, or at `rng` itself.

        How the distribution runs between the measured quantiles is derived: see `Quantity.at`.
        """
        u = rng.random() if isinstance(rng, np.random.Generator) else rng
        if not 0 <= u <= 1:
            raise ValueError(f"a probability lies in [0, 1], not {u}")
        return self.quantity_of(tool).at_one(u)

    def sample_n(self, tool: str, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """`n` independent durations in seconds: the same numbers as `n` calls of `sample_s` with `rng`."""
        return self.quantity_of(tool).at(rng.random(n))

    def mean_s(self, tool: str) -> float:
        """The mean of what `sample_s` gives, in seconds, exactly."""
        return self.quantity_of(tool).mean()


def duration_names() -> list[str]:
    """The profiles that come with the package, sorted."""
    return model_names("tools")


def load_durations(name_or_path: str) -> DurationModel:
    """Load a profile by name, or from a TOML file; its own kinds stand in front of those of `kinds.toml`.

    Raises UnknownModelError, or ModelFileError, also where a rule names a kind that does not exist.
    """
    model = read_model("tools", name_or_path)
    kinds = _kinds(read_model("tools", "kinds"))
    if "kinds" in model.table:
        kinds |= _kinds(model)
    default = _rule(model.section("default"), kinds, "*")
    rules = tuple(_rule(section, kinds, section.text("pattern")) for section in model.sections("rules"))
    return DurationModel(model.text("name"), model.text("title"), kinds, rules, default)


def uniform(seed: int, case: str, index: int) -> float:
    """The number in [0, 1) of call `index` of `case`: the same in every process, on every machine, for every policy."""
    return (_digest(seed, case, index) >> 75) / 2**53  # the upper 53 of 128 bits: all that a float can hold


def uniforms(cases: Sequence[tuple[int, str]], indices: Sequence[int]) -> NDArray[np.float64]:
    """`uniform` of many (seed, case) at once: a row for each of `indices`, a column for each case."""
    ends = [str(index).encode() for index in indices]
    digests = bytearray()
    for seed, case in cases:
        begun = hashlib.blake2b(_text(seed, case, "").encode(), digest_size=16)
        for end in ends:
            whole = begun.copy()  # half the work of hashing all anew
            whole.update(end)
            digests += whole.digest()
    upper = np.frombuffer(digests, dtype=">u8")[::2].reshape(len(cases), len(ends))
    return (upper.T >> 11) / 2**53


def call_rng(seed: int, case: str, call_index: int) -> np.random.Generator:
    """A generator of that call's own, where one number is not enough. As stable as `uniform`, but slower to make."""
    return np.random.Generator(np.random.PCG64(_digest(seed, case, call_index)))


def _digest(seed: int, case: str, index: int) -> int:
    return int.from_bytes(hashlib.blake2b(_text(seed, case, index).encode(), digest_size=16).digest(), "big")


def _text(seed: int, case: str, index: int | str) -> str:
    # hash() would differ between processes; the separator keeps ("a1", 1) and ("a", 11) apart.
    return f"{seed}\0{case}\0{index}"


def _kinds(model: Section) -> dict[str, Quantity]:
    kinds = model.section("kinds")
    quantities = {name: kinds.section(name).quantity() for name in kinds.table}
    for name, quantity in quantities.items():
        if quantity.unit != "s":
            raise kinds.error(f"{name}.unit", "a duration is given in s")
    return quantities


def _rule(section: Section, kinds: Mapping[str, Quantity], pattern: str) -> Rule:
    if (kind := section.text("kind")) not in kinds:
        raise section.error("kind", f"no kind {kind!r}; there are: {', '.join(sorted(kinds))}")
    return Rule(pattern, kind, section.provenance(), section.text("reason"))
