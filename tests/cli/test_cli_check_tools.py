"""`asyncfc check FILE.py` and `asyncfc tools FILE.py --suggest`, as a person or a program calls them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEADER = "from asyncfc_sim.tools.decorator import tool\n"
RACE = HEADER + "N = {'n': 0}\n@tool(reads=[])\ndef hit() -> None:\n    N['n'] += 1\n"
BLIND = HEADER + "import threading\nN = threading.local()\n@tool(reads=[])\ndef hit() -> None:\n    N.n = 1\n"
SHUT = HEADER + "@tool(reads=[])\ndef enter(token: str) -> None:\n    raise PermissionError('no')\n"


def asyncfc(*args: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-m", "asyncfc_sim", *args]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment, encoding="utf-8")


@pytest.fixture
def written(tmp_path: Path):
    def write(source: str) -> str:
        path = tmp_path / "mytools.py"
        path.write_text(source, encoding="utf-8")
        return str(path)

    return write


@pytest.mark.parametrize(("output", "code"), [("03", 0), ("04", 1)])
def test_the_examples_print_what_is_committed(output: str, code: int):
    committed = (ROOT / "examples" / "output" / f"{output}.txt").read_text(encoding="utf-8")
    command, _, expected = committed.partition("\n")
    done = asyncfc(*command.removeprefix("$ asyncfc ").split())
    assert done.returncode == code, done.stderr
    assert done.stdout == expected
    assert done.stderr == ""


def test_a_race_is_told_with_two_calls_the_key_and_the_right_declaration(written):
    done = asyncfc("check", written(RACE), "--examples", "5")
    assert done.returncode == 1
    for words in (
        "1 declaration wrong",
        'hit: add writes=["n:n"]',
        "one call  hit()",
        "another   hit()",
        "key       N['n']",
        "N['n'] is 2 one after the other, and 1 at once",
        "testing, not proof",
    ):
        assert words in done.stdout


def test_the_declaration_that_was_told_is_right(written):
    told = RACE.replace("reads=[]", 'writes=["n"]')
    assert asyncfc("check", written(told), "--examples", "5").returncode == 0


@pytest.mark.parametrize(
    ("source", "words"),
    [(BLIND, "N is a _thread._local"), (SHUT, "all of 10 calls failed, most with: enter: PermissionError: no")],
)
def test_what_cannot_be_checked_is_bad_input(written, source: str, words: str):
    done = asyncfc("check", written(source), "--examples", "5")
    assert done.returncode == 2
    assert words in " ".join((done.stdout + done.stderr).split())
    assert "Traceback" not in done.stderr


def test_json_holds_the_same_and_so_does_the_file(written, tmp_path: Path):
    path = tmp_path / "out.json"
    done = asyncfc("check", written(RACE), "--examples", "5", "--seed", "3", "--json", "-o", str(path))
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert found == json.loads(path.read_text(encoding="utf-8"))
    assert (found["schema"], found["seed"], found["config"]["examples"]) == ("asyncfc.check-tools/1", 3, 5)
    ((hit,), (finding,)) = found["tools"], found["findings"]
    assert (hit["name"], hit["verdict"], found["clean"]) == ("hit", "wrong", False)
    assert (finding["first"], finding["second"], finding["key"]) == ("hit()", "hit()", "N['n']")
    assert finding["fixes"] == ['hit: add writes=["n:n"]']


def test_one_tool_can_be_named(written):
    source = RACE + "@tool(reads=[])\ndef ping() -> str:\n    return 'pong'\n"
    done = asyncfc("check", f"{written(source)}:ping", "--examples", "5")
    assert done.returncode == 0
    assert "hit" not in done.stdout


def test_a_file_that_is_none_is_told(written):
    assert asyncfc("check", "nowhere.py").returncode == 3
    done = asyncfc("check", written("def ("))
    assert done.returncode == 2
    assert "mytools.py:1" in done.stderr


def test_suggestions_say_where_they_come_from_and_how_sure_they_are(written):
    done = asyncfc("tools", written(RACE), "--suggest", "--calls", "30")
    assert done.returncode == 0, done.stderr
    for words in ('@tool(writes=["n:n"])', "origin    observed", "declared  no effects", "30 calls watched", "10 %"):
        assert words in done.stdout
    done = asyncfc("tools", written(RACE), "--suggest", "--calls", "30", "--json")
    (hit,) = json.loads(done.stdout)["tools"]
    assert (hit["writes"], hit["origin"], hit["observed"]["unseen_at_most"]) == (["n:n"], "observed", 0.1)
