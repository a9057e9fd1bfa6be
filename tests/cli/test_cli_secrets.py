"""Secrets on the command line, in addresses and in a configuration: in nothing that is written or shown."""

from __future__ import annotations

import json
import shlex
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from asyncfc_sim.cli import app
from tests.chat_server import ChatServer, Say, error
from tests.mcp_servers import NOTES

PASSWORD, TOKEN, HEADER = "hunter2-password", "notes-token-123", "header-token-123"
SECRETS = (PASSWORD, TOKEN, HEADER)

CONFIG = f"""
[mcp.notes]
command = {json.dumps(shlex.join(NOTES))}
env = {{ NOTES_TOKEN = "{TOKEN}" }}
"""


def asyncfc(*args: object) -> Result:
    words = list(map(str, args))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["asyncfc", *words])  # what a document says of the command line
        return CliRunner().invoke(app, words)


def address(server: ChatServer) -> str:
    return server.base_url.replace("://", f"://me:{PASSWORD}@")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "asyncfc.toml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_run_writes_none(folder: Path) -> None:
    leak = Say(calls=[("append", json.dumps({"name": "a", "text": " ".join(SECRETS)}))])
    with ChatServer(chain([leak], repeat(Say("done")))) as server:
        args = ("--base-url", address(server), "--tools", "mcp:notes", "--header", f"X-Token=Bearer {HEADER}", "--json")
        done = asyncfc("run", "go", *args, "--trace", "run.jsonl", "--journal", "run.journal", "--texts")
    assert done.exit_code == 0, done.output
    argv = json.loads(done.stdout)["argv"]
    assert argv[argv.index("--base-url") + 1] == server.base_url
    written = [done.output, (folder / "run.jsonl").read_text(), (folder / "run.journal").read_bytes().decode("latin-1")]
    for text in written:
        for secret in SECRETS:
            assert secret not in text
    assert all("[redacted]" in text for text in written[1:])


def test_a_run_whose_address_was_not_kept_is_resumed_with_it(folder: Path) -> None:
    with ChatServer([error(400, "no")]) as server:
        assert asyncfc("run", "go", "--base-url", address(server), "--journal", "run.journal").exit_code == 4
    refused = asyncfc("run", "--resume", "run.journal")
    assert refused.exit_code == 2
    assert "--base-url: it may have held a secret" in refused.stderr
    with ChatServer([Say("done")]) as server:
        done = asyncfc("run", "--resume", "run.journal", "--base-url", address(server), "-q")
    assert (done.exit_code, done.stdout) == (0, "done\n")


def test_a_bench_writes_none(folder: Path) -> None:
    def answer(body: dict[str, Any]) -> Say:
        return Say(" ".join(SECRETS))

    (folder / "prompts.jsonl").write_text('{"prompt": "go"}\n')
    with ChatServer([answer] * 8) as server:
        args = ("--base-url", address(server), "--tools", "mcp:notes", "--header", f"X-Token=Bearer {HEADER}", "--json")
        more = ("--policy", "sync", "--num-warmups", "0", "--trace", "b.jsonl")
        done = asyncfc("bench", "--prompts", "prompts.jsonl", *args, *more)
    assert done.exit_code == 0, done.output
    for text in (done.output, (folder / "b.jsonl").read_text()):
        for secret in SECRETS:
            assert secret not in text
