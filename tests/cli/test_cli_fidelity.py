"""`asyncfc fidelity` at the shell, on a real HTTP server with a model that looks numbers up and tells their sum."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from asyncfc_sim.cli import app
from asyncfc_sim.traces.trace import read_trace
from tests.chat_server import ChatServer, Reply, Say, error

SECRET = "sk-a-key-that-nobody-may-see"
TOOLS = '''
    import asyncio
    from asyncfc_sim import tool

    @tool(reads=["population"])
    async def population(city: str) -> int:
        """How many people live in a city."""
        await asyncio.sleep(0.02)
        return {"Berlin": 3, "Paris": 2}[city]
'''
CALLS = [("population", '{"city": "Berlin"}'), ("population", '{"city": "Paris"}')]
N = 8


def usage(prompt: int, tokens: int) -> dict[str, int]:
    return {"prompt_tokens": prompt, "completion_tokens": tokens, "total_tokens": prompt + tokens}


def say(body: dict[str, Any]) -> Reply | Say:
    """Messages whose time grows with their tokens, by more than a busy machine adds to it."""
    messages = body["messages"]
    if messages[-1]["role"] == "user":
        return Say(calls=CALLS, delay_s=0.01, gap_s=0.002, usage=usage(100, 8))
    latest = json.loads(messages[-1]["content"])
    if isinstance(latest, dict) and latest.get("status") == "pending":
        return Say(calls=[("await_future", '{"ids": ["$f1", "$f2"]}')], delay_s=0.01, gap_s=0.002, usage=usage(160, 6))
    return Say("The sum is 5." * 8, delay_s=0.01, gap_s=0.005, size=4, usage=usage(130, 26))


@pytest.fixture(scope="module")
def server() -> Iterator[ChatServer]:
    with ChatServer(itertools.repeat(say)) as running:
        yield running


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tools") / "mytools.py"
    path.write_text(dedent(TOOLS))
    return path


@pytest.fixture(scope="module")
def prompts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("prompts") / "prompts.txt"
    path.write_text("".join(f"sum {number}\n" for number in range(N)))
    return path


Fidelity = Callable[..., Result]


@pytest.fixture(scope="module")
def fidelity(server: ChatServer, tools: Path, prompts: Path) -> Fidelity:
    """Run the verb on the prompts; later options go before earlier ones."""

    def run(*args: object) -> Result:
        given = ("--base-url", server.base_url, "--tools", tools, "--prompts", prompts, "--min-r2", "-1000")
        return CliRunner().invoke(app, ["fidelity", *map(str, given), *map(str, args)])

    return run


@pytest.fixture(scope="module")
def done(fidelity: Fidelity, tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Path]:
    """One study, with everything written that can be."""
    folder = tmp_path_factory.mktemp("done")
    result = fidelity(
        *("--policy", "early_start,asyncfc", "--inject", "default", "--inject-scale", 0.002, "--api-key", SECRET),
        *("-o", folder / "found.json", "--trace", folder / "runs.jsonl", "--plot", folder / "plot.png"),
    )
    return result, folder


def test_it_prints_the_noise_the_errors_their_causes_and_the_goals(done: tuple[Result, Path]) -> None:
    result, _ = done
    assert result.exit_code == 0, result.output
    said = " ".join(result.stdout.split())
    for text in ("noise: sync differs from itself by", "fitted to", "R2", "order, conditional: ", "order, forecast: "):
        assert text in said
    assert "goal: conditional: median error, or that of the noise at most " in said
    assert "goal: forecast: median error at most 10.00 %" in said
    assert said.count(" met") + said.count(" MISSED") >= 4
    assert "latencies of tools were injected: drawn from the profile default, times 0.002, seed 0" in said
    for cause in ("requests", "tools", "ttft", "decode", "executor"):
        assert f"- {cause}: " in said


def test_the_document_has_every_prediction_and_no_secret(done: tuple[Result, Path]) -> None:
    _, folder = done
    text = (folder / "found.json").read_text()
    found = json.loads(text)
    assert found["schema"] == "asyncfc.fidelity/1"
    assert SECRET not in text
    assert [row["policy"] for row in found["policies"]] == ["sync", "early_start", "asyncfc"]
    assert len(found["runs"]) == 3 * N
    assert found["completed"] == found["planned"] == (2 + 3) * N
    assert found["noise"]["n"] == N
    assert len(found["goals"]) == 4
    for run in found["runs"]:
        parts = run["conditional"]["parts_s"]
        assert sum(parts.values()) == pytest.approx(run["measured_s"] - run["forecast"]["answered_s"])


def test_the_trace_has_every_run_and_the_figure_is_one(done: tuple[Result, Path]) -> None:
    _, folder = done
    runs = read_trace(folder / "runs.jsonl")
    assert len(runs) == (2 + 3) * N
    assert sum(run.header.policy == "sync" for run in runs) == 3 * N
    assert (folder / "plot.png").read_bytes().startswith(b"\x89PNG")


def test_json_is_one_document_and_a_missed_goal_may_be_a_failure(fidelity: Fidelity) -> None:
    result = fidelity("--policy", "sync_parallel", "--json", "--require-goals", "--alpha", 0.1)
    found = json.loads(result.stdout)
    met = [goal["met"] for goal in found["goals"]]
    assert result.exit_code == (0 if all(met) else 1)
    assert found["config"]["alpha"] == 0.1
    assert "runs" not in found


def dying(after: int) -> Iterator[Callable[[dict[str, Any]], Reply | Say]]:
    """A server that answers so many requests."""
    yield from itertools.repeat(say, after)
    yield from itertools.repeat(lambda body: error(404, "the model is gone"))


def test_a_server_that_dies_in_the_middle_ends_it_with_what_there_is(tools: Path, prompts: Path) -> None:
    with ChatServer(dying(2 * 2 * N + 12)) as server:
        given = ("--base-url", server.base_url, "--tools", tools, "--prompts", prompts, "--num-warmups", 0)
        result = CliRunner().invoke(app, ["fidelity", *map(str, given), "--min-r2", "-1000"])
    assert result.exit_code == 3, result.output
    assert "STOPPED: nothing answers any more: " in result.stdout
    assert "noise: sync differs from itself" in result.stdout


def test_nobody_there_is_told_at_once(tools: Path, prompts: Path) -> None:
    given = ("--base-url", "http://127.0.0.1:1", "--tools", tools, "--prompts", prompts)
    result = CliRunner().invoke(app, ["fidelity", *map(str, given)])
    assert result.exit_code == 3
    assert "nothing was answered" in result.stdout
    assert "measured:" not in result.stdout  # what the columns of a table mean, where there is none
    assert "the mean over runs" not in result.stdout


def test_a_wrong_name_of_the_model_is_told_with_those_there_are(tools: Path, prompts: Path) -> None:
    with ChatServer(itertools.repeat(error(404, "no such model"))) as server:
        given = ("--base-url", server.base_url, "--tools", tools, "--prompts", prompts, "--model", "gpt-9")
        result = CliRunner().invoke(app, ["fidelity", *map(str, given)])
    assert result.exit_code == 3
    assert "gpt-9" in result.stdout


def test_too_little_to_fit_is_told_and_the_runs_are_not_lost(fidelity: Fidelity, tmp_path: Path) -> None:
    trace = tmp_path / "runs.jsonl"
    result = fidelity("-n", 2, "--trace", trace)
    assert result.exit_code == 2
    assert "at least 30 are needed" in result.stderr
    assert len(read_trace(trace)) == 2 * 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--policy", "sync"), "--policy: 'sync': expected one or more of sync_parallel"),
        (("--policy", "plan"), "--policy: 'plan'"),
        (("--policy", ","), "policies to predict: expected one or more"),
        (("--alpha", "-2"), "an alpha of -2: expected a number above -1"),
        (("--plot", "x.txt"), "expected a name ending in .png, .svg or .pdf"),
        (("--trace", "x.txt"), "expected a name ending in .jsonl"),
        (("-o", "x.jsonl", "--trace", "x.jsonl"), "expected a file of its own for each"),
        (("--tasks", "office"), "expected no --prompts and no --tools beside it"),
        (("--approve", "ask"), "nobody is asked while time is measured"),
        (("--inject", "nothing"), "no 'nothing' in models/tools"),
    ],
)
def test_bad_options_are_told_before_anything_is_asked(
    fidelity: Fidelity, server: ChatServer, options: tuple[str, ...], said: str
) -> None:
    before = len(server.requests)
    result = fidelity(*options)
    assert (result.exit_code, len(server.requests)) == (2, before)
    assert said in result.stderr
