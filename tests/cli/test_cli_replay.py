"""`asyncfc replay`: says what it serves and what it is, serves it, and ends as it is told to."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from asyncfc_sim.cli import app
from asyncfc_sim.traces.trace import read_trace
from tests.replaying import AGENT, AGENT_TOOLS, COMMAND, ROOT, replayed

PROMPT = "Plan three nights in Kyoto, and tell Ada."


def replay(*args: str | Path) -> Result:
    """For what ends by itself."""
    return CliRunner().invoke(app, ["replay", *map(str, args)])


def got(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as response:
        return json.load(response)


def test_it_says_what_is_served_and_that_no_model_is_behind_it(tmp_path):
    port_file = tmp_path / "port.txt"
    command = [*COMMAND, str(AGENT), "--port", "0", "--speed", "2", "--port-file", str(port_file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        lines = [run.stdout.readline() for _ in range(4)]
        base_url = lines[-1].strip()
        listed = got(f"{base_url}/models")
        run.send_signal(signal.SIGINT)
        rest, errors = run.communicate(timeout=10)
    assert lines[0].startswith(f"a replay of {AGENT}, 2 conversations, 2 times as fast as it was: there is no model")
    assert lines[1].startswith("  trip-asyncfc: 3 messages, 4.0 s; simulated, policy asyncfc grace=0, model gpt-4o")
    assert lines[2].startswith("  trip-sync: 4 messages, 4.3 s; simulated, policy sync, model gpt-4o")
    assert base_url == f"http://127.0.0.1:{port_file.read_text().strip()}/v1"
    assert [each["id"] for each in listed["data"]] == ["trip-asyncfc", "trip-sync"]
    assert (run.returncode, rest, errors) == (130, "", "interrupted\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_when_it_is_told_to_though_a_client_is_connected(number):
    command = [*COMMAND, str(AGENT), "--port", "0", "--json", "--speed", "0.001"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        port = json.loads(run.stdout.readline())["port"]
        with socket.create_connection(("127.0.0.1", port)) as client:
            body = json.dumps({"messages": [{"role": "user", "content": "go"}], "stream": True})
            head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
            client.sendall(head.encode() + body.encode())
            assert client.recv(1000).startswith(b"HTTP/1.1 200")
            began = time.monotonic()
            run.send_signal(number)
            run.communicate(timeout=10)
    assert time.monotonic() - began < 5
    assert run.returncode == 130
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port)).close()


def test_only_the_runs_that_were_named_are_served():
    with replayed(AGENT, "--run", "*sync") as ready:
        assert [model["id"] for model in ready["models"]] == ["trip-sync"]
        assert ready["schema"] == "asyncfc.replay/1"


def test_sessions_of_others_are_served():
    with replayed(ROOT / "examples" / "05_sessions.jsonl", "--speed", "inf") as ready:
        assert {model["id"] for model in ready["models"]} == {"fix-rounding", "two-cities"}
        assert ready["config"]["speed"] == "inf"
        assert got(f"{ready['base_url'].removesuffix('/v1')}/health")["models"] == 2


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["missing.jsonl"], 3, "missing.jsonl: No such file or directory"),
        ([AGENT, "--run", "nobody"], 2, "no run or case 'nobody' among the 2 of this file"),
        ([AGENT, "--speed", "0"], 2, "'0'; expected a number above zero, or inf"),
        ([AGENT, "--speed", "fast"], 2, "'fast'; expected a number above zero, or inf"),
        ([AGENT, "--port", "70000"], 2, "less than or equal to 65535"),
        ([ROOT / "README.md"], 2, "not a trace of a known format"),
        ([AGENT, "--host", "192.0.2.1"], 3, "cannot listen on 192.0.2.1:8000"),
    ],
)
def test_what_cannot_be_served_is_said(args, code, message):
    done = replay(*args)
    assert done.exit_code == code
    assert message in done.stderr
    assert done.stdout == ""


def test_a_port_that_is_in_use_is_said():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = replay(AGENT, "--port", str(port))
    assert done.exit_code == 3
    assert done.stderr == (
        f"Error: cannot listen on 127.0.0.1:{port}: Address already in use; another port can be given, and 0 is any "
        "that is free\n"
    )


# ------------------------------------------------------------------------------------------- the example


def test_the_replay_of_the_example_is_what_its_program_gives(tmp_path):
    made = tmp_path / "made.jsonl"
    subprocess.run([sys.executable, "scripts/agent_example.py", str(made)], cwd=ROOT, check=True)
    assert [run.events for run in read_trace(made)] == [run.events for run in read_trace(AGENT)]


def planned(folder: Path, base_url: str, policy: str) -> dict[str, Any]:
    """Run the example's agent in a folder of its own; what the command printed."""
    folder.mkdir()
    options = ["--tools", str(AGENT_TOOLS), "--model", f"trip-{policy}", "--policy", policy, "--json"]
    with contextlib.chdir(folder):
        done = CliRunner().invoke(app, ["run", PROMPT, "--base-url", base_url, *options])
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_example_does_the_same_under_both_policies_and_sooner_with_futures(tmp_path):
    with replayed(AGENT, "--speed", "4") as ready:
        runs = {policy: planned(tmp_path / policy, ready["base_url"], policy) for policy in ("asyncfc", "sync")}
    for policy in runs:
        assert (tmp_path / policy / "kyoto.txt").read_text() == "Flight NH 204, Kamo Inn, three nights: 1025 euros\n"
        sent = (tmp_path / policy / "outbox.txt").read_text()
        assert sent == "Ada: Kyoto costs 1025 euros; the plan is in kyoto.txt.\n"
    for run in runs.values():
        assert run["output"] == runs["sync"]["output"] != ""
        assert run["certificate"]["certified"]
        assert len(run["calls"]) == 5
        assert run["in_doubt"] == []
    assert runs["asyncfc"]["elapsed_s"] < runs["sync"]["elapsed_s"]
    for policy, name in (("asyncfc", "06.txt"), ("sync", "06_sync.txt")):
        shown, run = (ROOT / "examples" / "output" / name).read_text(encoding="utf-8"), runs[policy]
        assert shown.startswith(f"{run['output']}\n")
        tokens = f"tokens {run['usage']['prompt_tokens']} in, {run['usage']['completion_tokens']} out"
        assert f"{run['requests']} requests, 5 calls, {tokens}\n" in shown
        assert "certified: as if its calls had run one by one (5 calls" in shown
