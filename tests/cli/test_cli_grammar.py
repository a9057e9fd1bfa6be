"""`asyncfc grammar`, and `asyncfc run --constrain`, which sends such a grammar along."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from asyncfc_sim.cli import app
from asyncfc_sim.language.constrained import Held, tool_grammar
from tests.chat_server import ChatServer, Say
from tests.tool_grammars import EXAMPLE, TRIP, accepts, parser


def grammar(*args: str) -> Result:
    return CliRunner().invoke(app, ["grammar", *args])


def printed(*args: str) -> str:
    result = grammar("--tools", str(EXAMPLE), *args)
    assert result.exit_code == 0, result.stderr
    return result.stdout


@pytest.mark.parametrize("target", ["llguidance", "xgrammar", "vllm"])
def test_for_decoders_the_tags_are_tokens(target: str):
    assert printed("--for", target) == tool_grammar(TRIP, Held(tokens=True)).text
    assert printed("--for", target, "--tags", "text") == tool_grammar(TRIP).text


def test_for_lark_they_are_text():
    text = printed("--for", "lark", "--max-calls", "2")
    call = '<tool_call>\n{"name": "find_hotel", "arguments": {"city": "Kyoto"}}\n</tool_call>'
    assert accepts(parser(text), f"{call}\n{call}")


def test_what_the_message_may_be():
    options = ["--numbered-from", "4", "--max-calls", "2", "--no-answer", "--max-string", "9"]
    held = Held(first=4, max_calls=2, answer=False, max_string=9, tokens=True)
    assert printed(*options) == tool_grammar(TRIP, held).text
    assert printed("--policy", "sync") == tool_grammar(TRIP, Held(futures=False, tokens=True)).text


def test_json_has_what_extra_body_takes():
    document = json.loads(printed("--json"))
    assert document["schema"] == "asyncfc.grammar/1"
    assert document["extra_body"] == {"structured_outputs": {"grammar": document["grammar"]}}
    assert document["notes"] == []
    assert "extra_body" not in json.loads(printed("--json", "--for", "llguidance"))


NOTHING_FITS = """
from typing import Annotated
from pydantic import Field
def f(a: Annotated[int, Field(ge=5, le=4)]): ...
"""


@pytest.mark.parametrize(
    ("file", "args", "code", "message"),
    [
        (None, ("--tools", str(EXAMPLE), "--for", "gbnf"), 2, "--for 'gbnf': expected one of vllm, llguidance"),
        (None, ("--tools", str(EXAMPLE), "--tags", "both"), 2, "--tags 'both': expected one of auto, token, text"),
        (None, ("--tools", str(EXAMPLE), "--policy", "plan"), 2, "--policy 'plan': expected one of sync"),
        (None, ("--tools", str(EXAMPLE), "--max-calls", "0"), 2, "--max-calls"),
        (None, ("--tools", str(EXAMPLE), "--numbered-from", "999999999"), 2, "calls are numbered from 1 to 999999999"),
        (None, (), 2, "no tools to call: expected --tools FILE.py"),
        (None, ("--tools", "tools.json"), 2, "--tools 'tools.json': expected FILE.py"),
        (None, ("--tools", "nowhere.py"), 3, "nowhere.py: No such file"),
        ("x = 1", ("--tools", "FILE"), 2, "no tools: it defines no public function"),
        ("def f(a: 5): ...", ("--tools", "FILE"), 2, "parameter 'a'"),
        (NOTHING_FITS, ("--tools", "FILE"), 2, "f.a: no value fits its schema"),
    ],
)
def test_bad_input(tmp_path: Path, file: str | None, args: tuple[str, ...], code: int, message: str):
    tools = tmp_path / "mine.py"
    tools.write_text(file or "")
    result = grammar(*(str(tools) if arg == "FILE" else arg for arg in args))
    assert result.exit_code == code, result.output
    assert message in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr


def test_a_run_sends_a_grammar_for_each_message(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with ChatServer(
        [Say(calls=[("total_price", '{"flight": 1, "hotel": 2, "nights": 3}')]), Say("It is 7.")]
    ) as server:
        options = ["--base-url", server.base_url, "--tools", str(EXAMPLE), "--policy", "early_start", "--constrain"]
        result = CliRunner().invoke(app, ["run", "What is it?", *options])
    assert result.exit_code == 0, result.output
    sent = [body["structured_outputs"]["grammar"] for body in server.bodies]
    assert sent == [tool_grammar(TRIP, Held(futures=False, first=first, tokens=True)).text for first in (1, 2)]
