"""Dialogues to learn from: those of the expert, under any policy that is to work."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from asyncfc_sim.core.policy import Policy, policy_named
from asyncfc_sim.live.agent import LIVE_GUARDS
from asyncfc_sim.studies.expert_model import ExpertRun, expert_run
from asyncfc_sim.workloads.office.tasks import random_task


def dialogues(rng: np.random.Generator, conditional: float = 0.25) -> Iterator[ExpertRun]:
    """Runs of the expert on random tasks, without end. Long ones, and wishes that depend on what a look shows
    (`conditional` is their share), are harder, and more frequent than in tests."""
    while True:
        turns = 1 + int(rng.choice(3, p=(0.4, 0.35, 0.25)))
        yield expert_run(random_task(rng, turns, conditional), random_policy(rng), rng)


def random_policy(rng: np.random.Generator) -> Policy:
    """One of the policies under which the model is to work: in turn (one in four), or with futures.

    Not delivery `rewrite`: at the end of a dialogue it can no longer be seen what the model had been shown before a
    message, and a model would learn to name futures, and to await them, whose values stand there.
    """
    if rng.random() < 0.25:
        return policy_named("sync_parallel" if rng.random() < 0.5 else "sync")
    if rng.random() < 0.15:
        return policy_named("blind", **LIVE_GUARDS)
    delivery = ("on_touch", "when_idle", "when_idle")[int(rng.integers(3))]
    grace_s = (0.0, "auto", 0.4)[int(rng.integers(3))]
    return policy_named("asyncfc", grace_s=grace_s, delivery=delivery, **LIVE_GUARDS)
