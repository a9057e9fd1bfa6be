"""Random programs in which a wrong order shows: few keys, names that are results, touches, branches, failing calls.

A quarter to a third of the arguments are earlier results, so that which key a call touches is often not known when it
is issued; the file `ptr` holds the name of another file, and `zz` does not exist.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from asyncfc_sim.core.references import Ref, Template
from asyncfc_sim.core.syntax import Branch, Call, Done, Program, Statement, Touch
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import JSON

from . import toolbox_tools

TOOLS: Final[Mapping[str, Tool]] = {
    name: toolbox_tools.TOOLS[name] for name in ("read", "write", "append", "create", "delete", "copy", "fail", "pure")
}
VALUES: Final[Mapping[str, JSON]] = {
    "file:a": "A",
    "file:b": "B",
    "file:ptr": "a",
    "file:ptrb": "b",
    "file:flag": "go",
}

_STATEMENTS: Final = (
    *("read", "read", "write", "write", "append", "copy", "delete", "create"),
    *("fail or pure", "touch", "branch"),
)


def random_program(rng: np.random.Generator, calls: int) -> tuple[Program, Mapping[str, Tool], Mapping[str, JSON]]:
    """A program that makes this many calls on each of its paths, its tools, and the world it starts in.

    The bodies of the tools are in toolbox.py.
    """
    return _Draw(rng).program(calls), TOOLS, VALUES


class _Draw:
    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._issued = 0
        self._arguments: Mapping[str, Callable[[], dict[str, Template]]] = {
            "read": lambda: {"path": self._name()},
            "write": lambda: {"path": self._name(), "text": self._text()},
            "append": lambda: {"path": self._name(), "text": self._text()},
            "create": lambda: {"path": self._name(), "text": self._text()},
            "delete": lambda: {"path": self._name()},
            "copy": lambda: {"src": self._name(), "dst": self._name()},
            "fail": dict,
            "pure": lambda: {"x": self._text()},
        }

    def program(self, calls: int) -> Program:
        body: list[Statement] = []
        while self._issued < calls:
            statement = self._statement(_one_of(self._rng, _STATEMENTS), calls)
            if statement is not None:
                body.append(statement)
        return Program((*body, Done()))

    def _statement(self, kind: str, calls: int) -> Statement | None:
        """A statement of this kind; None if there is nothing yet that it could look at."""
        match kind:
            case "touch":
                return Touch((self._earlier(),)) if self._issued else None
            case "branch":
                return self._branch() if 0 < self._issued < calls - 1 else None
            case "fail or pure":
                kind = "fail" if self._rng.random() < 0.3 else "pure"
        call = self._call(kind)
        self._issued += 1
        return call

    def _branch(self) -> Branch:
        """Either side makes one call, under the same number."""
        ref, literal = Ref(self._earlier()), _one_of(self._rng, ("a", "A", "ok"))
        then = self._call(_one_of(self._rng, ("read", "write", "append")))
        orelse = self._call(_one_of(self._rng, ("read", "write", "copy")))
        self._issued += 1
        return Branch(ref, literal, (then,), (orelse,))

    def _call(self, tool: str) -> Call:
        return Call(self._issued + 1, tool, self._arguments[tool]())

    def _name(self) -> Template:
        return self._result_or(0.35, ("a", "b", "ptr", "zz"))

    def _text(self) -> Template:
        return self._result_or(0.3, ("a", "b", "x"))

    def _result_or(self, chance: float, literals: Sequence[str]) -> Template:
        if self._issued and self._rng.random() < chance:
            return Ref(self._earlier())
        return _one_of(self._rng, literals)

    def _earlier(self) -> int:
        return int(self._rng.integers(1, self._issued + 1))


def _one_of(rng: np.random.Generator, choices: Sequence[str]) -> str:
    return choices[int(rng.integers(len(choices)))]
