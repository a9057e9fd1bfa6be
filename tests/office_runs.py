"""Tasks of the office, run by `asyncfc run` as a person would, on a server that is given: what came of each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asyncfc_sim.workloads.office.judge import Outcome, outcome
from asyncfc_sim.workloads.office.office import Office, office_file
from tests.tee import Tee, listening

ROOT = Path(__file__).resolve().parents[1]
TOOLS = ROOT / "models" / "tiny-futures" / "office.py"
# Greedy, and bounded: a model that never comes to an end is cut off.
GREEDY = '{"temperature": 0, "max_tokens": 400}'
LONGEST_S = 600


@dataclass(frozen=True)
class OfficeRun:
    """A run that has ended: its exit code, its document, its trace, what it said on stderr, what became of the office,
    and what the server was asked and sent."""

    code: int
    document: dict[str, Any]
    trace: Path
    errors: str
    outcome: Outcome
    tee: Tee


def asyncfc(*args: object, cwd: Path) -> subprocess.Popen[str]:
    """`asyncfc ARGS` in the folder `cwd`, in which the office is kept, without what a person may have set for endpoints
    of their own."""
    kept = {name: value for name, value in os.environ.items() if name not in ("OPENAI_API_KEY", "OPENAI_BASE_URL")}
    kept["ASYNCFC_OFFICE_DB"] = str(office_file(cwd))
    words = [sys.executable, "-m", "asyncfc_sim", *map(str, args)]
    pipe = subprocess.PIPE
    return subprocess.Popen(words, cwd=cwd, env=kept, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True)


def office_run(base_url: str, model: str, prompts: tuple[str, ...], folder: Path, *args: object) -> OfficeRun:
    """Run these prompts in a new folder, in which the office is then. `args` are further options of `asyncfc run`."""
    folder.mkdir()
    with listening(base_url) as tee:
        process = asyncfc("run", *prompts, *options(tee.base_url, model, folder), *args, cwd=folder)
        printed, errors = process.communicate(timeout=LONGEST_S)
    found = json.loads(printed) if printed else {}
    with Office(office_file(folder)) as office:
        came = outcome(tuple(found.get("outputs", ())), office)
    return OfficeRun(process.returncode, found, trace_file(folder), errors, came, tee)


def options(base_url: str, model: str, folder: Path) -> list[object]:
    asked: list[object] = ["--base-url", base_url, "--model", model, "--tools", TOOLS, "--extra-body", GREEDY]
    return [*asked, "--trace", trace_file(folder), "--json"]


def trace_file(folder: Path) -> Path:
    return folder / "run.jsonl"
