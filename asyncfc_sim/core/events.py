"""What goes into the scheduler (events), what comes out (actions), and the lives of a future.

Names are those of the rules (DESIGN, section 4) and of the trace. A driver feeds events and performs actions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .footprint import Footprint
from .syntax import Call
from .values import JSON, ErrorValue, Value, canonical


class ProtocolError(Exception):
    """The driver broke the scheduler's protocol: a bug in the driver, never in a program."""


# Events -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Issue:
    """[issue] The decoder emitted a call: it becomes a future at once."""

    call: Call


@dataclass(frozen=True, slots=True)
class Finish:
    """[finish j] The tool returned `value`; none of its effects is still to come, and nobody will change `value`."""

    future: int
    value: JSON


@dataclass(frozen=True, slots=True)
class Fail:
    """[fail j] The tool raised, and none of its effects is still to come."""

    future: int
    error: ErrorValue


@dataclass(frozen=True, slots=True)
class End:
    """A call in doubt is now known to have ended: its keys are free."""

    future: int


@dataclass(frozen=True, slots=True)
class Touch:
    """[touch] The decoder needs these futures' values (all of them, or the first that resolves) and waits for them."""

    futures: tuple[int, ...]
    any: bool = False


@dataclass(frozen=True, slots=True)
class Wake:
    """The decoder stops waiting: its touch is answered with what is resolved by now."""


@dataclass(frozen=True, slots=True)
class Deliver:
    """[deliver] The environment hands these resolved values over unasked: a touch it chose itself."""

    futures: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Cancel:
    """[cancel j] Exact for a call that has not started, or that writes nothing and is not irreversible; otherwise the
    call is in doubt."""

    future: int


@dataclass(frozen=True, slots=True)
class Timeout:
    """[timeout j] The call has run for too long. Same conditions as cancel."""

    future: int


@dataclass(frozen=True, slots=True)
class Drain:
    """The program ended: answer `Drained` once no call is under way or held back."""


Event = Issue | Finish | Fail | End | Touch | Wake | Deliver | Cancel | Timeout | Drain

# Actions ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Start:
    """[start j] Run the tool now; report its end with `Finish` or `Fail`."""

    future: int
    tool: str
    args: Mapping[str, JSON]
    footprint: Footprint


@dataclass(frozen=True, slots=True)
class Settle:
    """The future is resolved to `value`, once and for ever."""

    future: int
    value: Value


@dataclass(frozen=True, slots=True)
class Resume:
    """The touch is satisfied: decoding goes on with these values."""

    values: Mapping[int, Value]


@dataclass(frozen=True, slots=True)
class Stop:
    """Ask the tool to stop. Its end is still to be reported: with `Finish`, `Fail` or `End`; its value is dropped."""

    future: int


@dataclass(frozen=True, slots=True)
class Cut:
    """strict: the call failed, so all that was issued after it never was. Decoding goes on from its error."""

    future: int


@dataclass(frozen=True, slots=True)
class Drained:
    """No call is under way or held back."""


Action = Start | Settle | Resume | Stop | Cut | Drained

# The lives of a future ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pending:
    """Issued. `args` and the exact footprint are there once every argument is known; until then a region bounds it."""

    call: Call
    footprint: Footprint
    args: Mapping[str, JSON] | None = None


@dataclass(frozen=True, slots=True)
class Running:
    """Started, not known to have ended."""

    call: Call
    footprint: Footprint


@dataclass(frozen=True, slots=True)
class Resolved:
    """Settled. With `in_doubt` the tool may still be acting, so its keys are still held."""

    value: Value
    in_doubt: bool = False
    _text: str = field(default="", init=False, repr=False, compare=False)

    def text(self) -> str:
        """The value as text; an explorer asks for it in every state that it visits."""
        if not self._text:
            object.__setattr__(self, "_text", canonical(self.value))
        return self._text


Future = Pending | Running | Resolved


def life(future: int, state: Future, under_way: bool) -> tuple[object, ...]:
    """What tells one life of a future from another, hashable; `under_way` says whether its tool is."""
    match state:
        case Pending(call):
            return (future, "pending", str(call))
        case Running(call):
            return (future, "running", str(call))
        case Resolved(value, in_doubt):
            life = "failed" if isinstance(value, ErrorValue) else "resolved"  # a value may look like an error
            return (future, life, state.text(), in_doubt, under_way)
