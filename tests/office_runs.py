"""Tasks of the office, run by `asyncfc run` as a person would, on a server that is given: what came of each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asyncfc_sim.workloads.office.judge import Outcome, outcome
from asyncfc_sim.workloads.office.office import Office, office_file
from asyncfc_sim.workloads.office.tasks import OfficeTask
from tests.tee import Tee, listening

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ROOT / "models" / "tiny-futures" / "office.py"
GREEDY = '{"temperature": 0, "max_tokens": 400}'


@dataclass(frozen=True)
class OfficeRun:
    """A run that has ended: the exit code, its document, its trace, what it said on stderr, what the server heard."""

    code: int
    document: dict[str, Any]
    trace: Path
    errors: str
    outcome: Outcome
    tee: Tee


def command(*args: object) -> list[str]:
    return [sys.executable, "-m", "asyncfc_sim", *map(str, args)]


def office_run(base_url: str, model: str, task: OfficeTask, folder: Path, *args: object) -> OfficeRun:
    """Run it in a folder that is new: its office is there. `args` are further options of `asyncfc run`."""
    folder.mkdir()
    trace = folder / "run.jsonl"
    with listening(base_url) as tee:
        words = command("run", *task.prompts, "--base-url", tee.base_url, "--model", model, "--tools", TOOLS)
        words += command("--extra-body", GREEDY, "--trace", trace, "--json", "--timeout", 240, *args)[3:]
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, env=environment(), timeout=300)
    found = json.loads(done.stdout) if done.stdout else {}
    with Office(office_file(folder)) as office:
        return OfficeRun(
            done.returncode, found, trace, done.stderr, outcome(tuple(found.get("outputs", ())), office), tee
        )


def environment() -> dict[str, str]:
    """Without what a person may have set for endpoints of their own."""
    return {name: value for name, value in os.environ.items() if name not in ("OPENAI_API_KEY", "OPENAI_BASE_URL")}


def transcripts(tee: Tee) -> Sequence[Sequence[dict[str, Any]]]:
    """The conversations as the server was sent them, request by request."""
    return [talk.body["messages"] for talk in tee.talks]
