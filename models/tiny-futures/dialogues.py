"""Dialogues to learn from: those of the expert, under any policy that is to work."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from asyncfc_sim.core.policy import Policy, policy_named
from asyncfc_sim.live.agent import LIVE_GUARDS
from asyncfc_sim.studies.expert_model import ExpertRun, expert_run
from asyncfc_sim.workloads.office.tasks import random_task


def dialogues(rng: np.random.Generator) -> Iterator[ExpertRun]:
    """Runs of the expert on random tasks, without end."""
    while True:
        yield expert_run(random_task(rng), random_policy(rng), rng)


def random_policy(rng: np.random.Generator) -> Policy:
    """One of the policies under which the model is to work: in turn (two in five), or with futures."""
    if rng.random() < 0.4:
        return policy_named("sync_parallel" if rng.random() < 0.5 else "sync")
    if rng.random() < 0.15:
        return policy_named("blind", **LIVE_GUARDS)
    delivery = ("on_touch", "when_idle", "when_idle", "rewrite")[int(rng.integers(4))]
    grace_s = (0.0, 0.0, "auto")[int(rng.integers(3))]
    return policy_named("asyncfc", grace_s=grace_s, delivery=delivery, **LIVE_GUARDS)
