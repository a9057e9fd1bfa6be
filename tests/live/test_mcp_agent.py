"""Agents that call tools of MCP servers: what overlaps, what runs one by one, what stays in doubt."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from asyncfc_sim.live.agent import Agent
from asyncfc_sim.live.mcp_tools import MCPServer
from asyncfc_sim.live.run import AgentRun
from asyncfc_sim.tools.overrides import Override, Overrides
from tests.mcp_servers import Notes, over_stdio, peer
from tests.played import Played


@pytest.fixture
def notes(notes_over_http: Notes) -> Notes:
    notes_over_http.forget()
    return notes_over_http


def played(tools: list[Any], *messages: Any, **options: Any) -> tuple[Played, AgentRun]:
    model = Played([*messages, "done"])
    run = Agent(model, tools, **{"grace_s": float("inf"), **options}).run_sync("go")
    assert run.certificate.certified
    return model, run


def test_tools_that_only_read_overlap_at_the_server(notes):
    calls = [("read", {"name": name, "seconds": seconds}) for name, seconds in (("a", 0.4), ("b", 0.4), ("a", 0.3))]
    model, run = played([notes.source(trust_hints=True)], calls)
    assert notes.overlapped() == 3
    assert [answer["text"] for answer in model.shown()] == ["alpha", "beta", "alpha"]
    assert run.saved.saving_s > 0


def test_unlabelled_tools_run_one_by_one_in_order(notes):
    calls = [("append", {"name": "list", "text": text, "seconds": 0.05}) for text in "xyz"]
    model, _ = played([notes.source(trust_hints=True)], [*calls, ("read", {"name": "list"})])
    assert notes.overlapped() == 1
    assert [answer["text"] for answer in model.shown()] == ["x", "xy", "xyz", "xyz"]


def test_hints_that_are_not_believed_make_all_run_one_by_one(notes):
    played([notes.source()], [("read", {"name": name, "seconds": 0.05}) for name in "ab"])
    assert notes.overlapped() == 1


def test_an_override_lets_calls_overlap_that_touch_different_keys(notes):
    own_key = Override(writes=("note:{name}",))
    calls = [("append", {"name": name, "text": "!", "seconds": 0.4}) for name in ("p", "q")]
    played([notes.source()], calls, override=Overrides({"append": own_key}))
    assert notes.overlapped() == 2


def test_what_is_hinted_destructive_waits_for_success_and_is_held_back_by_failure(notes):
    calls = [("fail", {"reason": "no"}), ("forget", {"name": "a"})]
    model, _ = played([notes.source(trust_hints=True)], calls)
    failed, held_back = (answer["error"] for answer in model.shown())
    assert failed["kind"] == "tool_error"
    assert held_back["kind"] == "not_executed"
    assert ("begin", "forget") not in notes.seen()


def test_a_write_that_takes_too_long_stays_in_doubt_until_it_has_ended(notes):
    override = Overrides({"append": Override({"timeout_s": 0.1})})
    calls = [("append", {"name": "late", "text": "!", "seconds": 0.5}), ("read", {"name": "late"})]
    model, _ = played([notes.source(trust_hints=True)], calls, override=override)
    timed_out, read = model.shown()
    assert timed_out["error"]["kind"] == "timeout"
    assert timed_out["error"]["effects"] == "unknown"
    assert read["text"] == "!"  # it waited for the write to be over
    assert notes.seen() == [("begin", "append"), ("end", "append"), ("begin", "read"), ("end", "read")]


def test_a_server_that_hangs_is_ended_and_the_run_goes_on(tmp_path):
    notes = over_stdio(tmp_path)
    calls = [("append", {"name": "a", "text": "!", "seconds": 60}), ("read", {"name": "a"})]
    model, run = played([notes.source(timeout_s=0.3)], calls)
    timed_out, read = (answer["error"] for answer in model.shown())
    assert (timed_out["kind"], timed_out["effects"]) == ("timeout", "unknown")
    assert "is gone: it did not answer a call that was given up within 0.3 s more" in read["message"]
    assert not run.in_doubt


def test_a_future_of_one_server_is_an_argument_of_another(notes, tmp_path):
    def shout(text: str) -> str:
        return text.upper()

    calls = [("read", {"name": "a"}), ("shout", {"text": "$f1.text"}), ("notes_read", {"name": "$f1.name"})]
    tools = [notes.source(trust_hints=True), shout, notes.source(trust_hints=True)]
    model, _ = played(tools, calls, grace_s=60.0)  # with no end of it, a model is told of no references
    first, shouted, second = model.shown()
    assert shouted == "ALPHA"
    assert first == second


def test_servers_give_way_to_functions_of_the_same_name(notes):
    def read(name: str) -> str:
        return name

    model, _ = played([notes.source(), read], [("read", {"name": "x"})])
    assert model.shown() == ["x"]
    assert "notes_read" in {tool["function"]["name"] for tool in model.tools}


def test_a_dead_server_leaves_the_others_alone(tmp_path, notes):
    def alive() -> str:
        return "yes"

    servers = [over_stdio(tmp_path).source(name="mortal"), notes.source(), alive]
    model, _ = played(
        servers,
        [("die", {}), ("notes_append", {"name": "z", "text": "z"})],
        [("put", {"name": "a", "text": "b"}), ("alive", {})],
    )
    first, second = model.shown(1), model.shown(2)
    assert "the MCP server mortal is gone" in first[0]["error"]["message"]
    assert first[1] == {"text": "z"}
    assert "the MCP server mortal is gone" in second[0]["error"]["message"]
    assert second[1] == "yes"


def test_a_server_that_cannot_be_had_ends_the_run_before_it_begins():
    with pytest.raises(ConnectionError, match="no-such-command"):
        played([MCPServer("no-such-command")])


def test_a_server_that_others_wrote(tmp_path):
    """mcp-server-git: its hints say which tools read, and which destroys."""
    server = MCPServer([peer(), "--repository", str(_repository(tmp_path))])
    where = {"repo_path": str(tmp_path)}
    (tmp_path / "plan.txt").write_text("plan")
    messages = [
        [("git_status", where), ("git_log", {**where, "max_count": 1})],
        [("git_add", {**where, "files": ["plan.txt"]}), ("git_commit", {**where, "message": "a plan"})],
        [("git_log", {**where, "max_count": 3}), ("git_show", {**where, "revision": "HEAD"})],
    ]
    model, _ = played([server], *messages)
    status, first_log = model.shown(1)
    assert "plan.txt" in str(status)
    assert "the first" in str(first_log)
    log, shown = model.shown(3)
    assert "a plan" in str(log)
    assert "plan.txt" in str(shown)


def _repository(folder: Path) -> Path:
    def git(*words: str) -> None:
        try:
            subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True)
        except FileNotFoundError:
            pytest.skip("there is no git here")

    git("init", "--quiet")
    git("config", "user.name", "A")
    git("config", "user.email", "a@example.com")
    git("commit", "--quiet", "--allow-empty", "--message", "the first")
    return folder
