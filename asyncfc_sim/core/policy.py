"""Policies by name, as data: when calls are dispatched, when they are answered, and with what.

Simulated and live runs drive the same session, so a policy is written once, here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from math import inf
from typing import Literal

from .scheduler import Failure

Dispatch = Literal["call", "message"]
Delivery = Literal["on_touch", "when_idle", "rewrite"]
Duplicates = Literal["share", "refuse", "run"]
Grace = float | Literal["auto"]

LONGEST_AUTO_GRACE_S = 0.5


@dataclass(frozen=True, slots=True)
class Policy:
    """What a session does with the calls of a message.

    dispatch    start a call when it is complete in the stream (`call`), or when its message has ended (`message`)
    grace_s     how long to wait, once a message has ended, for the values of its calls before answering with
                placeholders; 0 is the AsyncFC paper, infinity the synchronous protocol, `auto` a ski-rental choice:
                as long as an extra turn would cost, and no longer than half a second
    delivery    a value not given in place is handed over: only when the model asks for it (`on_touch`), with the next
                tool message (`when_idle`), or in place of the placeholder (`rewrite`: loses the prefix cache).
                `on_touch` without a grace gives nothing in place, but for the error of a call that was refused as it
                was issued: then the transcript does not depend on the schedule
    duplicates  a call identical to one still pending: `share` its future if it is read-only or idempotent and nothing
                in between conflicts; `refuse` also refuses one with effects; `run` runs all. Whether a call is still
                pending depends on the schedule, so only with `run` does the transcript not. Without futures all run
    retries     further attempts at a failed call, of idempotent tools with retryable errors only
    max_requests, max_pending   loop guards, per user turn: give up after so many requests; with so many futures
                pending, wait for values as if the grace were infinite
    siblings    a call may refer to calls of its own message, though the model is only ever shown values: a whole turn
                is planned at once, and looked at when all of it is done (LLMCompiler)
    stream      the model is not asked again, it goes on in the same stream, into which values are put (AsyncLM); what
                that takes is a matter of time only, so a session behaves as without it
    blind       every call is answered with its future, though its value may be there by then: with an infinite grace
                nothing runs beside anything (but what was given up and goes on), and yet a model that awaits what it
                needs sees what it sees under asyncfc with no grace, delivery on touch and no sharing: the same
                transcript. So what futures do to a model's answers is measured apart from any concurrency
    late_bound  `${f3.total}` in the final answer is filled in; if not, the model looks at what it has not seen first
    preview_chars   where a model knows futures, of a result that is longer it is shown only so much: it can pass its
                future on, or a part of it; None: all is shown
    max_awaits  after so many messages that only await what the message before issued, wait for the tools they
                awaited as if the grace were infinite, and answer in place; None: never
    max_misuses after so much in one turn that futures do not gain from (guards.py counts what), answer every call of
                the rest of the turn in place, as if the grace were infinite; None: never
    """

    name: str
    dispatch: Dispatch = "call"
    grace_s: Grace = "auto"
    delivery: Delivery = "when_idle"
    failure: Failure = "poison"
    max_running: int = 32
    max_running_per_tool: int = 8
    duplicates: Duplicates = "share"
    retries: int = 0
    retry_delay_s: float = 0.5
    max_requests: int = 200
    max_pending: int = 128
    max_awaits: int | None = None
    max_misuses: int | None = None
    siblings: bool = False
    stream: bool = False
    blind: bool = False
    late_bound: bool = True
    preview_chars: int | None = None

    @property
    def futures(self) -> bool:
        """Whether the model is ever shown a placeholder, and so may pass futures as arguments."""
        return self.grace_s != inf or self.blind

    @property
    def live(self) -> bool:
        """Whether the chat protocol as servers speak it can carry it: it knows no plans and no streams put into."""
        return not (self.siblings or self.stream)

    @property
    def references(self) -> bool:
        """Whether the model may write a reference to a value that it has not been shown."""
        return self.futures or self.siblings

    def grace(self, turn_overhead_s: float) -> float:
        """Seconds to wait before answering with placeholders, given what an extra turn is estimated to cost."""
        return min(turn_overhead_s, LONGEST_AUTO_GRACE_S) if self.grace_s == "auto" else self.grace_s


SYNC = Policy("sync", dispatch="message", grace_s=inf, max_running=1, duplicates="run")
SYNC_PARALLEL = Policy("sync_parallel", dispatch="message", grace_s=inf, duplicates="run")
EARLY_START = Policy("early_start", dispatch="call", grace_s=inf, duplicates="run")
ASYNCFC = Policy("asyncfc")
# Placeholders without concurrency: one call after the other, each message answered when its calls have returned.
BLIND = Policy(
    "blind", dispatch="message", grace_s=inf, delivery="on_touch", max_running=1, duplicates="run", blind=True
)
# LLMCompiler, arXiv 2312.04511: one plan with references, run while it streams; a join when all of it is done.
PLAN = Policy("plan", grace_s=inf, duplicates="run", siblings=True)
# AsyncLM, arXiv 2412.07017: decoding never stops for a call; results interrupt the stream.
INTERRUPT = Policy("interrupt", grace_s=0.0, delivery="when_idle", stream=True)

POLICIES: Mapping[str, Policy] = {
    policy.name: policy for policy in (SYNC, SYNC_PARALLEL, EARLY_START, ASYNCFC, BLIND, PLAN, INTERRUPT)
}


def policy_named(name: str, **changes: object) -> Policy:
    """A policy by name, with fields changed (`grace_s=0.0`, say).

    Raises ValueError for a name that there is not, TypeError for such a field; both name those that there are.
    """
    if name not in POLICIES:
        raise ValueError(f"there is no policy {name!r}; there are: {', '.join(POLICIES)}")
    known = [field.name for field in fields(Policy) if field.name != "name"]
    for field in changes:
        if field not in known:
            raise TypeError(f"a policy has no {field!r}; it has: {', '.join(known)}")
    return replace(POLICIES[name], **changes)  # type: ignore[arg-type]
