"""`asyncfc tools mcp:SERVER`: the tools of an MCP server, and what follows from its hints."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from asyncfc_sim.cli import app
from tests.mcp_servers import NOTES, Notes

PUT = """\
put(name, text, seconds?) -> object
  Write a note.
    name     string
    text     string
    seconds  number = 0.0
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def tools(*words: object) -> Any:
    return CliRunner().invoke(app, ["tools", *map(str, words)], prog_name="asyncfc")


def by_name(done: Any) -> dict[str, Any]:
    assert done.exit_code == 0, done.output
    return {tool["name"]: tool for tool in json.loads(done.stdout)["tools"]}


def test_a_command_as_text():
    done = tools(f"mcp:{shlex.join(NOTES)}")
    assert done.exit_code == 0
    assert f"{PUT}  reads and writes everything (undeclared)\n  idempotent, timeout 60 s\n" in done.stdout
    assert "reads   *\n  writes  nothing\n" in done.stdout
    assert "irreversible, timeout 60 s" in done.stdout
    assert "notes_a_name_with_odd-characters() -> object" in done.stdout
    assert done.stderr == ""


def test_a_url_is_believed_only_if_told_to(notes_over_http: Notes):
    spec = f"mcp:{notes_over_http.target}"
    wary, trusting = by_name(tools(spec, "--json")), by_name(tools(spec, "--json", "--trust-hints"))
    assert wary["read"]["effects"] is None
    assert trusting["read"]["effects"] == {"reads": ["*"], "writes": []}
    assert trusting["read"]["schema"]["required"] == ["name"]
    assert trusting["read"]["output_schema"]["title"] == "Note"
    assert "--trust-hints believes it" in tools(spec).stdout


def test_a_name_of_the_configuration_and_its_overrides(notes_over_http: Notes):
    Path("asyncfc.toml").write_text(
        f'[mcp.n]\nurl = "{notes_over_http.target}"\ntimeout_s = 9\n'
        '[tools.put]\nwrites = ["note:{name}"]\napproval = true\n[tools.redd]\nreads = []'
    )
    done = tools("mcp:n", "--json")
    put = by_name(done)["put"]
    assert (put["effects"], put["timeout_s"], put["approval"]) == ({"reads": [], "writes": ["note:{name}"]}, 9.0, True)
    assert "tools.redd: there is no such tool here; did you mean read?" in done.stderr
    assert "n_a_name_with_odd-characters" in by_name(done)


def test_a_server_that_is_not_there():
    done = tools("mcp:no-such-command --x")
    assert done.exit_code == 3
    assert done.stderr == "Error: MCP server no-such-command --x: there is no command 'no-such-command'\n"
    assert done.stdout == ""


def test_what_cannot_be_meant():
    assert tools("mcp:").exit_code == 2
    refused = tools("mcp:x", "--suggest")
    assert refused.exit_code == 2
    assert "it watches functions" in refused.output
