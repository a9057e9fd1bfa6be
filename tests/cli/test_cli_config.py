"""`--config FILE`: defaults of options, overrides of tools, servers by name; for every verb."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup
from typer.testing import CliRunner

from asyncfc_sim.cli import app
from asyncfc_sim.cli.config_file import ConfigError, read_config
from asyncfc_sim.live.mcp_tools import MCPServerError

PROGRAM = """\
f1 = put(key="a")
f2 = put(key="b")
await $f1, $f2
return $f1
"""


def asyncfc(*words: object) -> Any:
    return CliRunner().invoke(app, [*map(str, words)], prog_name="asyncfc")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.fc").write_text(PROGRAM)
    return tmp_path


def config(text: str, name: str = "asyncfc.toml") -> str:
    Path(name).write_text(text)
    return name


def commands(group: TyperGroup, *path: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from commands(command, *path, name)
        else:
            yield (*path, name), command


def test_every_verb_takes_it():
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    verbs = dict(commands(root))
    assert {("trace", "view"), ("parse",)} <= verbs.keys()
    for verb, command in verbs.items():
        assert "--config" in [option for param in command.params for option in param.opts], verb
    assert "--config FILE" in asyncfc("trace", "view", "--help").stdout


def test_it_sets_defaults_and_the_command_line_wins():
    plain = asyncfc("simulate", "p.fc", "--n", 2, "--policy", "sync", "--seed", 3, "--json")
    config('[simulate]\nn = 2\npolicy = "sync"\nseed = 3\njson = true')
    by_file = asyncfc("simulate", "p.fc")
    assert by_file.exit_code == 0
    document, expected = json.loads(by_file.stdout), json.loads(plain.stdout)
    assert document.pop("config_file") == "asyncfc.toml"
    assert {**document, "argv": []} == {**expected, "argv": []}
    assert json.loads(asyncfc("simulate", "p.fc", "--seed", 4).stdout)["seed"] == 4


def test_it_is_the_file_of_the_folder_unless_one_is_named():
    config("[parse]\njson = true")
    assert asyncfc("parse", "p.fc").stdout.startswith("{")
    assert asyncfc("parse", "p.fc", "--config", config("[parse]\njson = false", "other.toml")).stdout == PROGRAM


def test_dashes_and_underscores_are_the_same_and_several_values_an_array():
    config('[simulate]\nawait_rate = 0.5\nawait-thinking = false\nsweep = ["seed=1,2", "grace=0"]\njson = true')
    done = asyncfc("simulate", "p.fc", "--n", 2, "--policy", "asyncfc")
    assert done.exit_code == 0, done.output
    assert {row["seed"] for row in json.loads(done.stdout)["rows"]} == {1, 2}


def test_overrides_reach_the_tools_of_programs():
    def any_order_will_do() -> bool:
        done = asyncfc("check", "p.fc", "--scheduler", "naive", "--granularity", "atomic", "--json")
        return bool(json.loads(done.stdout)["results"][0]["equal"])

    def simulated() -> str:
        return str(asyncfc("simulate", "p.fc", "--n", 1, "--policy", "asyncfc", "--grace", "0", "--json").stdout)

    assert not any_order_will_do()
    one_by_one = simulated()
    config('[tools.put]\nwrites = ["k:{key}"]')
    assert any_order_will_do()
    assert simulated() != one_by_one


def test_overrides_reach_the_functions_of_files():
    Path("t.py").write_text("def put(key: str) -> None: ...\n")
    config('[tools.put]\nwrites = ["k:{key}"]\n[tools.putt]\nreads = []')
    shown = asyncfc("tools", "t.py")
    assert "writes  k:{key}" in shown.stdout
    assert "note: asyncfc.toml: tools.putt: there is no such tool here; did you mean put?" in shown.stderr
    checked = json.loads(asyncfc("check", "t.py", "--examples", 2, "--json").stdout)
    assert "k:{key}" in json.dumps(checked)


def test_a_default_that_means_nothing_for_what_is_checked_is_passed_over_but_not_an_option():
    config("[check]\nexamples = 7")
    assert asyncfc("check", "p.fc").exit_code == 0
    refused = asyncfc("check", "p.fc", "--examples", "7")
    assert refused.exit_code == 2
    assert "it means nothing for a program" in refused.output


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[prse]\njson = true", "asyncfc.toml: prse: unknown key; did you mean parse?"),
        ("[parse]\njsno = true", "asyncfc.toml: parse.jsno: unknown key; did you mean json?"),
        ("[simulate]\nsed = 1", "asyncfc.toml: simulate.sed: unknown key; did you mean seed?"),
        ("[trace.view]\nnope = 1", "asyncfc.toml: trace.view.nope: unknown key; known here: "),
        ("[parse]\nconfig = 1", "asyncfc.toml: parse.config: unknown key"),
        ("[parse]\njson = 1", "asyncfc.toml: parse.json: expected true or false, not the number 1"),
        ("parse = 1", "asyncfc.toml: parse: expected a table, not the number 1"),
        ("[parse", "asyncfc.toml: not TOML: "),
        ("[tools.t]\nreadz = []", "asyncfc.toml: tools.t.readz: unknown key; did you mean reads?"),
        ("[mcp.m]", "asyncfc.toml: mcp.m: expected a command or a url, and not both"),
    ],
)
def test_what_is_wrong_with_the_file_is_named_by_whichever_verb(text, message):
    config(text)
    done = asyncfc("parse", "p.fc")
    assert done.exit_code == 2
    assert done.stderr.startswith(f"Error: {message}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('seed = "x"', "asyncfc.toml: simulate.seed: "),
        ("seed = -1", "asyncfc.toml: simulate.seed: "),
        ("seed = true", "asyncfc.toml: simulate.seed: expected text or a number, not a boolean"),
        ("seed = [1, 2]", "asyncfc.toml: simulate.seed: expected one value, not an array"),
    ],
)
def test_a_value_that_the_option_would_refuse(text, message):
    config(f"[simulate]\n{text}")
    done = asyncfc("simulate", "p.fc")
    assert done.exit_code == 2
    assert done.stderr.startswith(f"Error: {message}")


def test_a_file_that_is_not_there():
    done = asyncfc("parse", "p.fc", "--config", "nope.toml")
    assert done.exit_code == 3
    assert done.stderr == "Error: nope.toml: No such file or directory\n"


# Servers --------------------------------------------------------------------------------------------------------


def test_servers_by_name(monkeypatch):
    monkeypatch.setenv("TOKEN", "s3cret")
    found = read_config(
        Path(
            config(
                "[mcp.notes]\n"
                'command = ["notes", "--fast"]\nenv = {A = "$$1", B = "${TOKEN}"}\ntimeout_s = 5\ntrust_hints = false\n'
                '[mcp.web]\nurl = "https://example.com/mcp"\nheaders = {Authorization = "Bearer ${TOKEN}"}'
            )
        )
    )
    notes = found.mcp_server("notes")
    assert (notes.target, notes.name, notes.timeout_s, notes.believed) == (("notes", "--fast"), "notes", 5.0, False)
    assert notes.env == {"A": "$1", "B": "s3cret"}
    web = found.mcp_server("web", trust_hints=True)
    assert (web.target, web.headers, web.believed) == (
        "https://example.com/mcp",
        {"Authorization": "Bearer s3cret"},
        True,
    )
    assert not found.mcp_server("web").believed
    other = found.mcp_server("npx some-server")
    assert (other.target, other.name, other.believed) == ("npx some-server", None, True)
    with pytest.raises(MCPServerError):
        found.mcp_server("")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('command = "x"\nurl = "https://x"', "mcp.m: expected a command or a url, and not both"),
        ('url = "example.com"', "mcp.m.url: expected a URL"),
        ("command = []", "mcp.m.command: expected a command line"),
        ('command = "x"\nheaders = {}', "mcp.m.headers: means nothing without url"),
        ('command = "x"\nenv = {A = "${NOT_SET_HERE}"}', "mcp.m.env.A: there is no variable NOT_SET_HERE"),
        ('command = "x"\nenv = {A = "$"}', "mcp.m.env.A: expected"),
        ('command = "x"\ntimeout_s = 0', "mcp.m.timeout_s: expected a number of seconds above zero"),
        ('comand = "x"', "mcp.m.comand: unknown key; did you mean command"),
    ],
)
def test_servers_that_cannot_be_meant(text, message):
    with pytest.raises(ConfigError, match=f"asyncfc.toml: {message}"):
        read_config(Path(config(f"[mcp.m]\n{text}")))
