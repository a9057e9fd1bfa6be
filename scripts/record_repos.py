"""Record the expert of the repositories: asyncfc_sim/workloads/repos/recorded/turns.jsonl.

Each repository is mended twice, under sync and under asyncfc, by a real agent with real tools, files and pytest runs;
a replay of the expert's turns stands in for the model. The traces can be replayed, simulated, fitted, checked. It
takes as long as it takes: about ten minutes. Names of repositories record only these, and print them.

With `--pace FILE`, the pace of the expert is derived anew instead: FILE holds trajectories of mini-swe-agent, such as
steps_compact.jsonl.gz of 500 runs of gemini-3-pro-preview on SWE-bench Verified.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from asyncfc_sim.core.policy import POLICIES
from asyncfc_sim.live.agent import Agent
from asyncfc_sim.live.http_server import serving
from asyncfc_sim.live.replay_server import ReplayServer
from asyncfc_sim.studies.repos_pace import thoughts_file
from asyncfc_sim.studies.repos_turns import SOURCE, expert_replay, recorded_folder
from asyncfc_sim.traces.trace import Run, write_trace
from asyncfc_sim.workloads.repos.assignments import assignment
from asyncfc_sim.workloads.repos.repository import Repository, read_files, repositories


async def recorded(repository: Repository, policy: str) -> Run:
    """One run; what comes of it must be what the expert means it to be."""
    replay = expert_replay(repository, policy, futures=POLICIES[policy].futures)
    task = assignment(repository)
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(ReplayServer([replay])) as base_url,
        task.stage(Path(folder)) as stage,
    ):
        agent = Agent(replay.name, stage.tools, base_url=base_url, policy=policy, texts=True)
        run = await agent.run(*task.prompts, name=replay.name)
        assert stage.judge(run.outputs), f"{replay.name}: {run.output}"
        assert read_files(Path(folder)) == repository.mended, replay.name
    header = run.trace.header
    inputs = {name: value for name, value in header.inputs.items() if name not in ("endpoint", "model")}
    return replace(
        run.trace, header=replace(header, case=repository.name, inputs={**inputs, "texts": f"and calls {SOURCE}"})
    )


async def main(names: Iterable[str]) -> list[Run]:
    runs = []
    for name in names:
        for policy in ("sync", "asyncfc"):
            runs.append(await recorded(repositories()[name], policy))
            print(f"{runs[-1].header.run}: {runs[-1].makespan_s:.1f} s", file=sys.stderr)
    return runs


if __name__ == "__main__":
    if sys.argv[1:2] == ["--pace"]:
        if len(sys.argv) != 3:
            sys.exit("expected: --pace FILE")
        fit = ["fit", sys.argv[2], "-o", str(recorded_folder() / "gemini-3-pro.toml")]
        if failed := subprocess.run([sys.executable, "-m", "asyncfc_sim", *fit], check=False).returncode:
            sys.exit(failed)  # it has said why
        (recorded_folder() / "thoughts.toml").write_text(thoughts_file(sys.argv[2]), encoding="utf-8")
    elif names := sys.argv[1:]:
        if unknown := [name for name in names if name not in repositories()]:
            sys.exit(f"{', '.join(unknown)}: expected names of {', '.join(repositories())}")
        write_trace(sys.stdout, asyncio.run(main(names)))
    else:
        write_trace(recorded_folder() / "turns.jsonl", asyncio.run(main(repositories())))
