"""The expert's recorded turns: what they are and rest on, and that runs under every policy end in the same files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from pathlib import Path

import pytest

from asyncfc_sim.core.policy import POLICIES
from asyncfc_sim.live.agent import Agent
from asyncfc_sim.live.http_server import serving
from asyncfc_sim.live.replay import Replay
from asyncfc_sim.live.replay_file import serve_replay
from asyncfc_sim.live.replay_reading import replays
from asyncfc_sim.live.replay_server import ReplayServer
from asyncfc_sim.live.run import AgentRun
from asyncfc_sim.simulate.model_file import QUANTILES
from asyncfc_sim.studies.bench_arms import ARMS
from asyncfc_sim.studies.repos_pace import thoughts
from asyncfc_sim.studies.repos_turns import PREFIX, expert_replay, pace, recorded_folder, recorded_name
from asyncfc_sim.traces.certificates import certificate
from asyncfc_sim.traces.timeline import timeline
from asyncfc_sim.traces.trace import Run, read_trace
from asyncfc_sim.workloads.repos.assignments import assignment
from asyncfc_sim.workloads.repos.repository import Repository, read_files, repositories
from tests.trace_files import real

RECORDED = recorded_folder() / "turns.jsonl"
ALL = list(repositories().values())
WORLDS = ("sync", "asyncfc")


@pytest.fixture(scope="module")
def runs() -> dict[str, Run]:
    return {run.header.run: run for run in read_trace(RECORDED)}


def both(repository: Repository) -> list[Replay]:
    return [expert_replay(repository, name, futures=POLICIES[name].futures) for name in WORLDS]


# --------------------------------------------------------------------------------------------- what was recorded


def test_each_repository_was_recorded_in_both_worlds_and_says_what_it_is(runs: dict[str, Run]) -> None:
    assert list(runs) == [recorded_name(repository, world) for repository in ALL for world in WORLDS]
    for run in runs.values():
        assert run.header.inputs["replay"] is True  # whoever reads its times is told that no model was measured
        assert "by an expert, tokens and times drawn from" in str(run.header.inputs["texts"])
        assert (run.header.source, run.header.clock, run.header.seed) == ("live", "wall", None)


def test_nothing_in_it_tells_of_the_machine() -> None:
    text = RECORDED.read_text(encoding="utf-8").replace("\\n", " ")
    assert not re.search(r"[\s\"'(]/\w+/", text)


def test_what_was_recorded_is_what_the_expert_writes(runs: dict[str, Run]) -> None:
    found = {replay.name: replay for replay in replays(runs.values())}
    for repository in ALL:
        for meant in both(repository):
            replay = found[meant.name]
            assert (replay.prompts, replay.futures) == (meant.prompts, meant.futures)
            for one, other in zip(replay.turns[0], meant.turns[0], strict=True):
                assert [(call.tool, call.arguments) for call in one.calls] == [
                    (call.tool, call.arguments) for call in other.calls
                ]
                assert one.text == other.text
                assert one.usage.completion_tokens == other.usage.completion_tokens


def test_each_run_is_certified_and_some_decode_while_the_tests_run(runs: dict[str, Run]) -> None:
    assert all(certificate(run).certified for run in runs.values())
    beside_s = {name: timeline(run).split.decode_tool_s for name, run in runs.items()}
    assert not any(beside_s[recorded_name(repository, "sync")] for repository in ALL)
    assert all(beside_s[recorded_name(repository, "asyncfc")] for repository in ALL)


def test_a_message_takes_its_tokens_time_and_a_step_has_one_thought() -> None:
    decoder = pace().decoder
    for repository in ALL:
        sync, futures = both(repository)
        for replay in (sync, futures):
            for message in replay.turns[0]:
                tokens, end_s = message.usage.completion_tokens, message.end_s
                assert tokens is not None
                assert end_s is not None
                assert end_s == pytest.approx(decoder.ttft_s(0) + tokens * decoder.itl_s())
                closed = [call.at_s for call in message.calls]
                assert closed == sorted(closed, key=lambda at_s: at_s or 0.0)
                assert all(at_s is not None and at_s <= end_s for at_s in closed)
        first, same = sync.turns[0][0], futures.turns[0][0]
        assert [call.at_s for call in first.calls] == [call.at_s for call in same.calls[: len(first.calls)]]


def test_the_pace_is_that_of_the_recorded_model() -> None:
    """It is derived anew from the trajectories, where they are."""
    found = thoughts(real("mini-swe-agent-gemini3pro/steps_compact.jsonl.gz"))
    for kind, quantity in pace().thoughts.items():
        assert (quantity.n, quantity.provenance) == (found[kind].n, "derived")
        for (at, value), (_, again) in zip(quantity.quantiles, found[kind].quantiles, strict=True):
            assert at in QUANTILES.values()
            assert value == pytest.approx(again, rel=1e-5)


# ----------------------------------------------------------------------------------------------- live, once more


@contextmanager
def mended(repository: Repository, policy: str, base_url: str, folder: Path) -> Iterator[AgentRun]:
    """A run of an agent on the repository in `folder`, its model known by the prefix of all recordings only."""
    folder.mkdir()
    task = assignment(repository)
    with task.stage(folder) as stage:
        chosen = ARMS["async"] if policy == "async" else POLICIES[policy]
        run = Agent(PREFIX, stage.tools, base_url=base_url, policy=chosen).run_sync(*task.prompts)
        assert stage.judge(run.outputs)
        yield run


def test_the_recording_answers_by_the_prompt_and_every_policy_ends_in_the_same_files(tmp_path: Path) -> None:
    repository = repositories()["slugs"]
    with serve_replay(RECORDED, speed=inf) as base_url:
        for policy in ("sync", "asyncfc", "async"):
            with mended(repository, policy, base_url, tmp_path / policy) as run:
                assert run.output == repository.answer
                assert run.certificate.certified
                assert read_files(tmp_path / policy) == dict(sorted(repository.mended.items()))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["busy", "cart", "leap", "lru", "rename", "wrap"])
def test_sync_and_asyncfc_end_in_the_same_files(name: str, tmp_path: Path) -> None:
    repository = repositories()[name]
    beside_s = {}
    with serving(ReplayServer(both(repository), speed=20)) as base_url:
        for policy in WORLDS:
            with mended(repository, policy, base_url, tmp_path / policy) as run:
                assert run.certificate.certified
                beside_s[policy] = run.saved.decode_tool_s
    assert read_files(tmp_path / "sync") == read_files(tmp_path / "asyncfc") == dict(sorted(repository.mended.items()))
    assert beside_s["sync"] == 0
    assert beside_s["asyncfc"] > 0  # the next message is decoded while the tests still run
