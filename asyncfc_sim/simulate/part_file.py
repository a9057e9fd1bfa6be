"""The finished chunks of a sweep, in a file beside its output, so that an interrupted sweep goes on where it was.

One line a chunk, appended as a whole; a line cut short by a kill is not there. Lines are found by the key of their
chunk, so what another request has left behind is never mistaken for ours. Numbers come back exactly as they went in.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any, Self

from .bound import Bound
from .experiment import Arm, ArmResult, CaseResult


class PartFile:
    """The chunks in `path`; `finished` counts those of this request. Raises OSError as files do."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._found: dict[str, Any] = {}
        self.finished = 0
        self._out = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        self._read()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if os.fstat(self._out).st_size == 0:
            self.remove()
        os.close(self._out)

    def take(self, key: str, arms: Sequence[Arm]) -> list[ArmResult] | None:
        """The results of a chunk, if it was finished before."""
        if key not in self._found:
            return None
        try:
            results = decoded(arms, self._found.pop(key))
        except (ValueError, TypeError, LookupError):
            return None  # damaged: it is run again
        self.finished += 1
        return results

    def add(self, key: str, results: Sequence[ArmResult]) -> None:
        """Keep the results of a chunk."""
        line = json.dumps({"chunk": key, "results": encoded(results)}, allow_nan=False, separators=(",", ":"))
        data = f"{line}\n".encode()
        while data:
            data = data[os.write(self._out, data) :]
        self.finished += 1

    def remove(self) -> None:
        """The output is there: the parts are no longer needed."""
        self.path.unlink(missing_ok=True)

    def _read(self) -> None:
        data = self.path.read_bytes()
        whole = data.rfind(b"\n") + 1
        os.truncate(self._out, whole)  # else the next line would go on where a killed one ended
        for line in data[:whole].splitlines():
            try:
                parsed = json.loads(line)
                self._found[parsed["chunk"]] = parsed["results"]
            except (ValueError, TypeError, KeyError):
                continue  # not ours


def encoded(results: Sequence[ArmResult]) -> list[Any]:
    """Results as JSON. Arms share the terms of Eq. 1, which are kept once."""
    limits: list[list[Bound]] = []
    arms = []
    for result in results:
        if result.eq1 not in limits:
            limits.append(result.eq1)
        arms.append([limits.index(result.eq1), [astuple(case) for case in result.cases]])
    return [[[astuple(one) for one in limit] for limit in limits], arms]


def decoded(arms: Sequence[Arm], data: Any) -> list[ArmResult]:
    """What `encoded` was given."""
    limits = [[Bound(*one) for one in limit] for limit in data[0]]
    return [
        ArmResult(arm, [CaseResult(*case) for case in cases], list(limits[index]))
        for arm, (index, cases) in zip(arms, data[1], strict=True)
    ]
