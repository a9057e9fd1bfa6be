"""From what a user asks for to arms and models: which policies, how calls become messages, what is assumed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import get_args

from asyncfc_sim.core.policy import POLICIES, Delivery, Grace, Policy, policy_named
from asyncfc_sim.core.scheduler import Failure

from .experiment import SYNC, Arm, Row
from .script import Dependence, Messages

BOUND = "bound"
# A script ends by itself, so nothing need guard against a model that does not; and each of its calls is run, shared by
# none, so that policies do the same work and the longest path bounds them all.
SCRIPTED = {"max_requests": sys.maxsize, "duplicates": "run"}


class StudyError(ValueError):
    """A request that cannot be met; the message says what was expected."""


@dataclass(frozen=True, slots=True)
class Study:
    """What to run. `messages` and `dependence` may name several ways, and then all are reported.

    `blind` is for models that are measured, so it is run where it is named: a script answers as well whatever it sees.
    `plan` writes a whole turn as one message, so it is run where that is the way of making messages, and only there.
    """

    policies: tuple[str, ...] = (*(name for name, policy in POLICIES.items() if not policy.blind), BOUND)
    graces: tuple[Grace, ...] = (0.0, "auto")
    delivery: Delivery = "on_touch"
    failure: Failure = "poison"
    messages: tuple[Messages, ...] = ("call", "turn")
    dependence: tuple[Dependence, ...] = get_args(Dependence)
    await_rate: float = 0.0

    def arms(self) -> list[Arm]:
        """All arms, sync first: every speed-up is over it. Only futures depend on `dependence` and the grace.

        Raises StudyError.
        """
        if not 0 <= self.await_rate <= 1:
            raise StudyError(f"await rate {self.await_rate}: expected a chance between 0 and 1")
        if not self.policies:
            raise StudyError(f"no policy is named; there are: {', '.join(known())}")
        names = [SYNC, *(name for name in self.policies if name != SYNC)]
        arms = []
        for grouping in self.messages:
            for name in names:
                arms += self._arms(name, grouping)
        return arms

    def _arms(self, name: str, grouping: Messages) -> list[Arm]:
        if name == BOUND:
            return [Arm(BOUND, None, grouping)]
        if name not in POLICIES:
            raise StudyError(f"there is no policy {name!r}; there are: {', '.join(known())}")
        if name == "plan" and grouping != "turn":
            if "turn" not in self.messages and set(self.policies) <= {"plan", SYNC}:  # there would be nothing else
                raise StudyError("plan writes a whole turn as one message: expected --messages turn or both")
            return []
        if not POLICIES[name].futures:
            return [Arm(name, policy_named(name, failure=self.failure, **SCRIPTED), grouping)]
        if POLICIES[name].stream or POLICIES[name].blind:  # these have a grace and a delivery of their own
            policy = policy_named(name, failure=self.failure, **SCRIPTED)
            return [Arm(name, policy, grouping, dependence, self.await_rate) for dependence in self.dependence]
        return [
            Arm(label(name, grace), self._with_grace(name, grace), grouping, dependence, self.await_rate)
            for grace in self.graces
            for dependence in self.dependence
        ]

    def _with_grace(self, name: str, grace: Grace) -> Policy:
        return policy_named(name, grace_s=grace, delivery=self.delivery, failure=self.failure, **SCRIPTED)


def known() -> list[str]:
    return [*POLICIES, BOUND]


def label(name: str, grace: Grace) -> str:
    text = grace if isinstance(grace, str) else "inf" if grace == inf else f"{grace:g}"
    return f"{name} grace={text}"


def parse_graces(text: str) -> tuple[Grace, ...]:
    """`0,0.5,auto,inf` -> grace times in seconds. Raises StudyError."""
    graces: list[Grace] = []
    for word in text.split(","):
        word = word.strip()
        try:
            grace: Grace = "auto" if word == "auto" else float(word)
        except ValueError:
            raise StudyError(f"grace {word!r}: expected seconds, inf or auto") from None
        if isinstance(grace, float) and not grace >= 0:
            raise StudyError(f"grace {word!r}: expected seconds that are not negative")
        graces.append(grace)
    return tuple(dict.fromkeys(graces))


def dependence_interval(rows: Sequence[Row], grouping: Messages, name: str) -> tuple[float, float] | None:
    """The speed-up of an arm under `all` and under `values`: the truth about dependence lies between the two."""
    found = {row.dependence: row.speedup for row in rows if (row.messages, row.label) == (grouping, name)}
    return (found["all"], found["values"]) if len(found) == 2 else None
