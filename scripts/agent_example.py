"""Make examples/06_agent.replay.jsonl: what a model would write for examples/06_agent.fc, with futures and without.

The messages and their times are simulated with a decoder model that comes with the package. A simulation has no prose:
the final answers are written here, and the header of each run says so. With `--run`, the example is run against its
replay too, under both policies, and what that prints is put into examples/output/ (its times are measured).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from asyncfc_sim.traces.trace import Event, Run, read_trace, write_trace

ROOT = Path(__file__).parents[1]
PROGRAM = Path("examples", "06_agent.fc")
REPLAY = Path("examples", "06_agent.replay.jsonl")
PROMPT = "Plan three nights in Kyoto, and tell Ada."
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


def run_example(policy: str, port: int = 8000) -> str:
    """What the agent prints, run against a replay of its own in an empty folder."""
    command = [sys.executable, "-m", "asyncfc_sim"]
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"}
    tools = PROGRAM.with_suffix(".tools.py")
    options = ["--tools", str(ROOT / tools), "--model", f"trip-{policy}", "--policy", policy]
    serve = [*command, "replay", str(ROOT / REPLAY), "--port", str(port)]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(serve, stdout=subprocess.PIPE, env=environment, text=True) as replay,
    ):
        assert replay.stdout is not None
        try:
            base_url = next(line.strip() for line in replay.stdout if line.startswith("http"))
            run = [*command, "run", PROMPT, "--base-url", base_url, *options]
            environment["PYTHONPATH"] = str(ROOT)
            done = subprocess.run(run, cwd=folder, stdout=subprocess.PIPE, env=environment, check=True, text=True)
        finally:
            replay.terminate()
    return "".join(f"{line.rstrip()}\n" for line in done.stdout.splitlines())


if __name__ == "__main__":
    arguments = [each for each in sys.argv[1:] if each != "--run"]
    with tempfile.TemporaryDirectory() as temporary:
        write_trace(arguments[0] if arguments else ROOT / REPLAY, simulated(Path(temporary)))
    if "--run" in sys.argv:
        for policy, name in (("asyncfc", "06.txt"), ("sync", "06_sync.txt")):
            (ROOT / "examples" / "output" / name).write_text(run_example(policy), encoding="utf-8")
