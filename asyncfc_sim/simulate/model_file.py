"""Timing models as data: figures that carry their source, read from `models/` with complaints that say where.

A decoder and a tool profile are TOML files of the same kind; this reads what they have in common.
"""

from __future__ import annotations

import math
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from asyncfc_sim._resources import data_path

Provenance = Literal["measured", "derived", "assumed"]
QUANTILES = {"p10": 0.10, "p50": 0.50, "p90": 0.90, "p99": 0.99}


class ModelFileError(ValueError):
    """A timing model that cannot be read; the message names the file and the key."""


class UnknownModelError(ModelFileError):
    """No timing model has this name; the message lists those that exist."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A figure with its unit, sample size (or "not stated"), source and provenance.

    A spread-out figure also has `quantiles`, pairs of (probability, value) in rising order; `value` is then the median.
    """

    value: float
    unit: str
    n: int | str
    source: str
    provenance: Provenance
    note: str = ""
    quantiles: tuple[tuple[float, float], ...] = ()

    def at(self, u: float | NDArray[np.float64]) -> NDArray[np.float64]:
        """The value at probability `u` in [0, 1]: log-linear between the known quantiles, clamped at the outer two.

        Only the quantiles are data; the line between them is ours (derived). Nothing is invented beyond the ends, so a
        figure without p10 gives its median for the whole lower half.
        """
        u = np.asarray(u, dtype=np.float64)
        if not self.quantiles:
            return np.full(u.shape, self.value)
        probabilities, values = map(np.array, zip(*self.quantiles, strict=True))
        above = np.searchsorted(probabilities, u)
        before, after = np.maximum(above - 1, 0), np.minimum(above, len(values) - 1)
        logs = np.array([math.log(value) for value in values])
        gap = probabilities[after] - probabilities[before]
        share = (u - probabilities[before]) / np.where(gap == 0, 1, gap)
        line = logs[before] + share * (logs[after] - logs[before])
        # Not np.exp: its last bit depends on the processor, and `at_one` must give the very same number.
        between = np.fromiter(map(math.exp, line.ravel().tolist()), np.float64, line.size).reshape(u.shape)
        return np.where(before == after, values[after], between)

    def at_one(self, u: float) -> float:
        """`at` for one number: the same to the last bit, without NumPy's overhead."""
        if not self.quantiles:
            return self.value
        before, value = self.quantiles[0]
        if u <= before:
            return value
        for after, following in self.quantiles[1:]:
            if u <= after:
                share = (u - before) / (after - before)
                return math.exp(math.log(value) + share * (math.log(following) - math.log(value)))
            before, value = after, following
        return value

    def mean(self) -> float:
        """The exact mean of `at(U)` for U uniform on [0, 1]. It is not the mean of the data, which nobody stated."""
        if not self.quantiles:
            return self.value
        (first_p, first), (last_p, last) = self.quantiles[0], self.quantiles[-1]
        total = first_p * first + (1 - last_p) * last
        for (p, v), (q, w) in zip(self.quantiles, self.quantiles[1:], strict=False):
            total += (q - p) * (v if v == w else (w - v) / math.log(w / v))
        return total


@dataclass(frozen=True, slots=True)
class Section:
    """A table of a model file that remembers where it stands, so that every complaint can say so."""

    path: Path
    key: str
    table: Mapping[str, object]

    def error(self, key: str, why: str) -> ModelFileError:
        """The error to raise about `key` of this section."""
        return ModelFileError(f"{self.path}: {'.'.join(filter(None, (self.key, key)))}: {why}")

    def text(self, key: str) -> str:
        """The string at `key`."""
        if not isinstance(value := self.table.get(key), str):
            raise self.error(key, "a string is required")
        return value

    def number(self, key: str) -> float:
        """The finite number, not negative, at `key`."""
        value = self.table.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
            raise self.error(key, "a number that is finite and not negative is required")
        return float(value)

    def flag(self, key: str, *, usual: bool) -> bool:
        """The boolean at `key`; `usual` if there is none."""
        if not isinstance(value := self.table.get(key, usual), bool):
            raise self.error(key, "true or false is required")
        return value

    def section(self, key: str) -> Section:
        """The table at `key`."""
        if not isinstance(value := self.table.get(key), dict):
            raise self.error(key, "a table is required")
        return Section(self.path, f"{self.key}.{key}".lstrip("."), value)

    def sections(self, key: str) -> list[Section]:
        """The array of tables at `key`."""
        value = self.table.get(key)
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self.error(key, "an array of tables is required")
        return [Section(self.path, f"{self.key}.{key}[{i}]".lstrip("."), item) for i, item in enumerate(value)]

    def provenance(self) -> Provenance:
        """The provenance of the figure or rule that this section is."""
        match self.table.get("provenance"):
            case ("measured" | "derived" | "assumed") as known:
                return known
        raise self.error("provenance", "one of measured, derived, assumed is required")

    def quantity(self) -> Quantity:
        """The figure that this section is: `value` or quantiles, with unit, n, source, provenance, perhaps a note."""
        quantiles = tuple((p, self.number(name)) for name, p in QUANTILES.items() if name in self.table)
        values = [value for _, value in quantiles]
        if quantiles and "value" in self.table:
            raise self.error("value", "give a value or quantiles, not both")
        if quantiles and ("p50" not in self.table or values != sorted(values) or values[0] <= 0):
            raise self.error("p50", "quantiles must include p50, be above zero, and not fall")
        n = self.table.get("n")
        if isinstance(n, bool) or not isinstance(n, int | str):
            raise self.error("n", 'a count, or "not stated", is required')
        note = self.text("note") if "note" in self.table else ""
        value = self.number("p50" if quantiles else "value")
        return Quantity(value, self.text("unit"), n, self.text("source"), self.provenance(), note, quantiles)


def read_model(folder: str, name_or_path: str) -> Section:
    """Read a model by name from `models/<folder>/`, or from a path (anything with a slash or ending in .toml).

    Raises UnknownModelError if there is none, ModelFileError if it is not TOML.
    """
    if name_or_path.endswith(".toml") or os.sep in name_or_path:
        path = Path(name_or_path)
    else:
        try:
            path = data_path("models", folder, f"{name_or_path}.toml")
        except FileNotFoundError:
            known = ", ".join(model_names(folder))
            raise UnknownModelError(f"no {name_or_path!r} in models/{folder}; there are: {known}") from None
    try:
        return Section(path, "", tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise UnknownModelError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ModelFileError(f"{path}: not a TOML file: {error}") from error


def model_names(folder: str) -> list[str]:
    """The models in `models/<folder>/`, sorted. `kinds` is what tool profiles refer to, and none itself."""
    return sorted(path.stem for path in data_path("models", folder).glob("*.toml") if path.stem != "kinds")
