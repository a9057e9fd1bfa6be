"""Make examples/06_agent.replay.jsonl: what a model would write for examples/06_agent.fc, with futures and without.

The messages and their times are simulated with a decoder model that comes with the package. A simulation has no prose:
the final answers are written here, and the header of each run says so.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from asyncfc_sim.traces.trace import Event, Run, read_trace, write_trace

ROOT = Path(__file__).parents[1]
PROGRAM = Path("examples", "06_agent.fc")
REPLAY = Path("examples", "06_agent.replay.jsonl")
ANSWER = "Three nights in Kyoto cost 1025 euros. The plan is in kyoto.txt, and Ada has a message."


def simulated(folder: Path) -> list[Run]:
    """The runs under asyncfc and under sync, as the command line gives them."""
    trace = folder / "simulated.jsonl"
    options = (
        *("--policy", "sync,asyncfc", "--grace", "0", "--delivery", "when_idle", "--messages", "turn"),
        *("--dependence", "values", "--decoder", "gpt-4o", "--n", "1"),
        *("--durations", str(PROGRAM.with_suffix(".durations.toml")), "--trace", str(trace)),
    )
    command = [sys.executable, "-m", "asyncfc_sim", "simulate", str(PROGRAM), *options]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    sync, asyncfc = read_trace(trace)
    return [named(asyncfc, "trip-asyncfc"), named(sync, "trip-sync")]


def named(run: Run, name: str) -> Run:
    """A run by a name that is easily typed, with its answer in words."""
    inputs = {**run.header.inputs, "texts": "of the answer by hand"}
    events = (Event(e.t, e.rule, {"text": ANSWER}) if e.rule == "answer" else e for e in run.events)
    return Run(replace(run.header, run=name, inputs=inputs), tuple(events))


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / REPLAY
    with tempfile.TemporaryDirectory() as temporary:
        write_trace(target, simulated(Path(temporary)))
