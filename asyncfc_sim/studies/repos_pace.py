"""How long a real model thinks before it looks, edits, tests and hands in: from trajectories of mini-swe-agent.

A message there is a thought and one command. Its tokens less those of the command, by length, are the thought's. Where
the recording cut a command short, its length is not known, and its message is left out.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from math import ceil
from pathlib import Path
from typing import Final

import numpy as np

from asyncfc_sim.simulate.model_file import QUANTILES, Quantity
from asyncfc_sim.traces.importers.formats import read_sessions
from asyncfc_sim.traces.sessions import RecordedCall, RecordedSession

CHARS_PER_TOKEN: Final = 4
CUT_AT: Final = 400  # characters of a command that the shortened form keeps

# By the kind of a recorded call, the kind of work that it is to the expert.
WORK: Final[Mapping[str, str]] = {"bash_inspect": "inspect", "edit": "edit", "bash_test": "test"}
ANSWER: Final = "answer"  # the last message of a session, which hands in the work


_ABOUT: Final = (
    "Tokens of a thought before a command, by kind of work, derived from messages of gemini-3-pro-preview: 500 runs of",
    "mini-swe-agent on SWE-bench Verified (github.com/gruckion/mini-swe-agent, d12a71a, MIT; figures only). Written",
    "by scripts/record_repos.py --pace.",
)


def thoughts(path: str) -> dict[str, Quantity]:
    """Tokens of a thought by the kind of work after it. Raises ImportFault, OSError."""
    source = f"mini_swe_agent: {Path(path).name}"
    found = _tokens(read_sessions(path).sessions)
    return {
        work: Quantity(
            float(np.median(found[work])),
            "tokens",
            len(found[work]),
            source,
            "derived",
            f"output tokens less the characters of the command / {CHARS_PER_TOKEN}, 1 at least",
            tuple((at, float(np.quantile(found[work], at))) for at in QUANTILES.values()),
        )
        for work in (*WORK.values(), ANSWER)
    }


def thoughts_file(path: str) -> str:
    """The file of these figures."""
    lines = [f"# {line}" for line in _ABOUT]
    names = {probability: name for name, probability in QUANTILES.items()}
    for work, quantity in thoughts(path).items():
        lines += ["", f"[{work}]", *(f"{names[at]} = {value:.6g}" for at, value in quantity.quantiles)]
        lines += [f"n = {quantity.n}"]
        lines += [f"{key} = {json.dumps(getattr(quantity, key))}" for key in ("unit", "source", "provenance", "note")]
    return "\n".join(lines) + "\n"


def _tokens(sessions: Iterable[RecordedSession]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for session in sessions:
        steps = list(session.steps())
        for step in steps:
            if step.out_tokens is None or len(step.calls) != 1:
                continue
            (call,) = step.calls
            work = ANSWER if step is steps[-1] else WORK.get(call.kind or "")
            chars = _chars(call)
            if work is not None and chars is not None:
                found[work].append(max(1, step.out_tokens - ceil(chars / CHARS_PER_TOKEN)))
    return found


def _chars(call: RecordedCall) -> int | None:
    """The length of a command; None where it is not known."""
    command = (call.args or {}).get("command")
    return len(command) if isinstance(command, str) and len(command) < CUT_AT else None
