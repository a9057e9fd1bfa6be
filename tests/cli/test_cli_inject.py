"""Injected latencies at the shell: they are asked for by a profile, and whatever shows the times says so."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from textwrap import dedent

import pytest
from typer.testing import CliRunner, Result

from asyncfc_sim.cli import app
from asyncfc_sim.live.plan import read_plan
from asyncfc_sim.traces.trace import read_trace
from tests.chat_server import ChatServer, Reply, Say, error

TOOLS = """
    from asyncfc_sim import tool

    @tool(reads=["population"])
    def population(city: str) -> int:
        return len(city)
"""
INJECT = ("--inject", "default", "--inject-scale", 0.002, "--seed", 3)
SAID = "drawn from the profile default, times 0.002, seed 3"


def say(body: dict[str, object]) -> Reply | Say:
    messages = body["messages"]
    assert isinstance(messages, list)
    if messages[-1]["role"] == "user":
        return Say(calls=[("population", '{"city": "Berlin"}')])
    return Say("6")


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    path = tmp_path / "mytools.py"
    path.write_text(dedent(TOOLS))
    return path


def asyncfc(*args: object) -> Result:
    return CliRunner().invoke(app, list(map(str, args)))


def test_a_run_says_so_on_the_screen_in_json_in_its_trace_and_in_its_journal(tools: Path, tmp_path: Path) -> None:
    trace, journal = tmp_path / "run.jsonl", tmp_path / "run.journal"
    with ChatServer(itertools.repeat(say)) as server:
        given = ("run", "go", "--base-url", server.base_url, "--tools", tools, "--policy", "sync", *INJECT)
        shown = asyncfc(*given, "--trace", trace)
        as_json = asyncfc(*given, "--json", "--journal", journal)
    assert f"latencies of tools were injected: {SAID}" in shown.stdout
    assert json.loads(as_json.stdout)["config"]["injected"] == SAID
    assert read_trace(trace)[0].header.inputs["injected"] == SAID
    assert read_plan(journal).extra["inject"] == {"profile": "default", "scale": 0.002, "seed": 3}


def test_a_benchmark_says_so_and_its_policies_met_the_same_latencies(tools: Path, tmp_path: Path) -> None:
    prompts, trace, found = tmp_path / "prompts.txt", tmp_path / "runs.jsonl", tmp_path / "found.json"
    prompts.write_text("one\ntwo\n")
    with ChatServer(itertools.repeat(say)) as server:
        given = ("--base-url", server.base_url, "--tools", tools, "--prompts", prompts, "--policy", "sync,early_start")
        done = asyncfc("bench", *given, *INJECT, "--trace", trace, "-o", found)
    assert done.exit_code == 0, done.output
    assert f"latencies of tools were injected: {SAID}" in done.stdout
    assert json.loads(found.read_text())["config"]["injected"] == SAID
    assert {run.header.inputs["injected"] for run in read_trace(trace)} == {SAID}


def test_without_it_nothing_is_said(tools: Path) -> None:
    with ChatServer(itertools.repeat(say)) as server:
        done = asyncfc("run", "go", "--base-url", server.base_url, "--tools", tools)
    assert done.exit_code == 0
    assert "inject" not in done.stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--inject", "nothing-of-the-kind"), "no 'nothing-of-the-kind' in models/tools; there are: "),
        (("--inject", "none.toml"), "none.toml: cannot be read"),
        (("--inject-scale", "2"), "--inject-scale 2 goes with --inject PROFILE"),
        (("--inject", "default", "--inject-scale", "nan"), "a scale of nan: expected a number, 0 or more"),
    ],
)
@pytest.mark.parametrize("verb", ["run", "bench"])
def test_what_cannot_be_injected_is_told_before_anything_is_asked(
    verb: str, options: tuple[str, ...], said: str, tools: Path, tmp_path: Path
) -> None:
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("one\n")
    what = ("go",) if verb == "run" else ("--prompts", prompts)
    with ChatServer([error(400)]) as server:
        done = asyncfc(verb, *what, "--base-url", server.base_url, "--tools", tools, *options)
    assert (done.exit_code, server.requests) == (2, [])
    assert said in done.stderr


def test_a_run_goes_on_with_the_latencies_it_began_with(tmp_path: Path) -> None:
    done = asyncfc("run", "--resume", tmp_path / "any.journal", "--inject", "default")
    assert done.exit_code == 2
    assert "--inject cannot be given with --resume" in done.stderr
