"""`asyncfc doctor`: findings as text and as JSON, and exit codes that scripts can go by."""

from __future__ import annotations

import json
import sys
from itertools import repeat
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from asyncfc_sim.cli import app
from tests.chat_server import ChatServer, Reply, Say, error
from tests.doctor_patients import no_calls, remembering
from tests.replaying import replayed


def doctor(*args: str) -> Result:
    return CliRunner().invoke(app, ["doctor", *args])


def test_a_server_that_is_well():
    with ChatServer(repeat(remembering(0.0, 0.0, (0, 3000)))) as server:
        done = doctor("--base-url", server.base_url)
        lines = done.stdout.splitlines()
    assert (done.exit_code, done.stderr) == (0, "")
    assert lines[0] == server.base_url
    assert lines[1:4] == [
        "   ok  reachable: scripted is asked",
        "       tried: GET /models",
        "       came:  1 model: scripted",
    ]
    assert "   ok  parallel calls: a call runs while the next is written" in lines


def test_a_model_that_cannot_call_tools_is_a_failed_check():
    with ChatServer(repeat(no_calls)) as server:
        done = doctor("--base-url", server.base_url, "--json")
    found = json.loads(done.stdout)
    assert (done.exit_code, found["schema"], found["model"]) == (1, "asyncfc.doctor/1", "scripted")
    finding = next(each for each in found["findings"] if each["check"] == "calls")
    assert finding["verdict"] == "fails"
    assert finding["measured"]["calls"] == 0


def test_it_can_ask_with_your_own_tools(tmp_path):
    """None of them is run: this one would say so."""
    tools = tmp_path / "mine.py"
    tools.write_text("def look_up(city: str) -> int:\n    raise SystemExit('it was run')\n")

    def answer(body: dict[str, Any]) -> Say:
        return Say(calls=[("look_up", '{"city": "Oslo"}')] if body.get("tools") else (), text="one two", gap_s=0.002)

    with ChatServer(repeat(answer)) as server:
        done = doctor("--base-url", server.base_url, "--tools", str(tools), "--prompt", "What of Oslo?", "--json")
        asked = server.bodies
    calls = next(each for each in json.loads(done.stdout)["findings"] if each["check"] == "calls")
    assert (calls["verdict"], calls["tried"]) == ("ok", "your tool, tool_choice auto")
    assert {body["messages"][0]["content"] for body in asked if body.get("tools")} >= {"What of Oslo?"}


def test_nothing_is_shown_of_a_key(monkeypatch):
    def answer(body: dict[str, Any]) -> Reply | Say:
        return error(401, "sk-secret-key is not known")

    with ChatServer(repeat(answer)) as server:
        words = ["doctor", "--base-url", server.base_url, "--api-key", "sk-secret-key", "--header", "X-Y=hidden"]
        monkeypatch.setattr(sys, "argv", ["asyncfc", *words, "--json"])  # a part of the document
        done = doctor(*words[1:], "--json")
    assert done.exit_code == 3
    assert "does not accept the API key (401)" in done.stdout
    assert "sk-secret" not in done.stdout + done.stderr
    assert "hidden" not in done.stdout


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["--base-url", "http://127.0.0.1:9"], 3, "FAILS  reachable: no run is possible"),
        ([], 2, "expected --base-url URL"),
        (["--base-url", "ftp://x"], 2, "no address of a server"),
        (["--base-url", "http://127.0.0.1:9", "--header", "x"], 2, "expected NAME=VALUE"),
        (["--base-url", "http://127.0.0.1:9", "--tools", "x.py"], 2, "--tools and --prompt go together"),
        (["--base-url", "http://127.0.0.1:9", "--prompt", "x"], 2, "--tools and --prompt go together"),
        (["--base-url", "http://127.0.0.1:9", "--prompt", "x", "--tools", "mcp:notes"], 2, "expected FILE.py"),
        (["--base-url", "http://127.0.0.1:9", "--prompt", "x", "--tools", "no_such.py"], 3, "no_such.py"),
    ],
)
def test_what_cannot_be_examined(monkeypatch, args, code, message):
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    done = doctor(*args)
    assert done.exit_code == code
    assert message in done.stdout + done.stderr


def test_a_replay_is_examined_as_what_it_is():
    with replayed("examples/06_agent.replay.jsonl", "--speed", "10") as ready:
        done = doctor("--base-url", ready["base_url"])
    assert done.exit_code == 0
    assert "2 models: trip-asyncfc, trip-sync; a replay, no model" in done.stdout
