"""`asyncfc run`: an agent at the shell, on a real HTTP server that plays a script."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent

import pytest
from typer.testing import CliRunner, Result

from asyncfc_sim.cli import app
from asyncfc_sim.traces.certificates import certificate
from asyncfc_sim.traces.journal import read_journal
from asyncfc_sim.traces.trace import read_trace
from tests.chat_server import HANG, ChatServer, Reply, Say

SECRET = "sk-a-key-that-nobody-may-see"

TOOLS = '''
    import asyncio
    import time
    from pathlib import Path
    from asyncfc_sim import tool

    HERE = Path(__file__).parent

    @tool(reads=["population"])
    def population(city: str) -> int:
        """How many people live in a city."""
        time.sleep(0.1)
        return {"Berlin": 3, "Paris": 2}[city]

    @tool(reads=[], writes=[])
    async def add(a: int, b: int) -> dict[str, int]:
        return {"total": a + b}

    @tool(writes=["note"])
    def note(text: str) -> str:
        with (HERE / "notes.txt").open("a") as out:
            out.write(text + "\\n")
        return "noted"

    @tool(writes=["bank"], irreversible=True, approval=True)
    def pay(amount: int) -> str:
        (HERE / "paid.txt").write_text(str(amount))
        return "paid"

    @tool(writes=["slow"])
    def slow(seconds: float) -> str:
        (HERE / "slow.txt").write_text("begun")
        time.sleep(seconds)
        return "done"

    @tool(writes=["slow"])
    async def slow_but_kind(seconds: float) -> str:
        (HERE / "slow.txt").write_text("begun")
        await asyncio.sleep(seconds)
        return "done"
'''

CALLS = [
    Say(
        calls=[
            ("population", '{"city": "Berlin"}'),
            ("population", '{"city": "Paris"}'),
            ("add", '{"a": "$f1", "b": "$f2"}'),
            ("note", '{"text": "sum: ${f3.total}"}'),
        ]
    ),
    Say(calls=[("await_future", '{"ids": ["$f3"]}')]),
    Say("Together 5."),
    Say("Together 5."),  # once it has seen the results that it had not looked at
]
AT_ONCE = ("--grace", 0, "--delivery", "on_touch")  # so that nothing depends on how fast this machine is


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    path = tmp_path / "mytools.py"
    path.write_text(dedent(TOOLS))
    return path


@pytest.fixture(autouse=True)
def no_endpoint_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def asyncfc(*args: object) -> Result:
    return CliRunner().invoke(app, ["run", *map(str, args)])


def test_it_prints_the_answer_what_ran_when_and_what_is_proved(tools: Path) -> None:
    with ChatServer(CALLS) as server:
        done = asyncfc("go", *AT_ONCE, "--base-url", server.base_url, "--tools", tools)
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("Together 5.\n")
    for line in ("f3 add(a=$f1, b=$f2)", "measured: ", "overlapped: ", "certified: as if its calls had run one by one"):
        assert line in done.stdout
    assert (tools.parent / "notes.txt").read_text() == "sum: 5\n"


def test_quiet_prints_the_answer_and_nothing_else(tools: Path) -> None:
    with ChatServer(CALLS) as server:
        done = asyncfc("go", *AT_ONCE, "--base-url", server.base_url, "--tools", tools, "-q")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "Together 5.\n", "")


def test_json_is_one_document(tools: Path) -> None:
    with ChatServer(CALLS) as server:
        done = asyncfc("go", *AT_ONCE, "--base-url", server.base_url, "--tools", tools, "--json")
    found = json.loads(done.stdout)
    assert (found["schema"], found["output"], found["reason"]) == ("asyncfc.run/1", "Together 5.", None)
    assert found["requests"] == 4
    assert found["usage"]["prompt_tokens"] == 400
    assert found["certificate"]["certified"] is True
    assert [call["text"] for call in found["calls"]][2] == "add(a=$f1, b=$f2)"


def test_several_prompts_are_one_conversation() -> None:
    with ChatServer([Say("one"), Say("two")]) as server:
        done = asyncfc("first", "second", "--base-url", server.base_url, "--json")
    assert json.loads(done.stdout)["outputs"] == ["one", "two"]
    assert [message["content"] for message in server.bodies[1]["messages"][-3:]] == ["first", "one", "second"]


def test_the_trace_is_what_the_other_verbs_read(tools: Path, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with ChatServer(CALLS) as server:
        done = asyncfc("go", *AT_ONCE, "--base-url", server.base_url, "--tools", tools, "--trace", path)
    assert done.exit_code == 0, done.output
    (run,) = read_trace(path)
    assert (run.header.source, run.header.clock, run.header.policy) == ("live", "wall", "asyncfc")
    assert certificate(run).certified
    assert CliRunner().invoke(app, ["check", str(path)]).exit_code == 0
    assert "population" in CliRunner().invoke(app, ["trace", "view", str(path)]).stdout
    perfetto = tmp_path / "run.perfetto.json"
    with ChatServer(CALLS) as server:
        asyncfc("go", *AT_ONCE, "--base-url", server.base_url, "--tools", tools, "--trace", perfetto)
    assert json.loads(perfetto.read_text())["traceEvents"]


@pytest.mark.parametrize("texts", [False, True])
def test_a_trace_holds_no_key_and_what_was_said_only_if_asked(tools: Path, tmp_path: Path, texts: bool) -> None:
    path = tmp_path / "run.jsonl"
    leak = Say(calls=[("note", json.dumps({"text": f"the key is {SECRET}"}))])
    with ChatServer([leak, Say("an answer to remember")]) as server:
        args = ["a prompt to remember", "--base-url", server.base_url, "--tools", tools, "--trace", path]
        done = asyncfc(*args, "--api-key", SECRET, "--policy", "sync", *(["--texts"] if texts else []))
    assert done.exit_code == 0, done.output
    assert server.requests[0].headers["authorization"] == f"Bearer {SECRET}"
    written = path.read_text()
    assert SECRET not in written
    assert "[redacted]" in written
    assert ("an answer to remember" in written) is texts


# ------------------------------------------------------------------------------------------------ approval


def test_a_call_that_wants_approval_is_refused_where_nobody_can_be_asked(tools: Path) -> None:
    with ChatServer([Say(calls=[("pay", '{"amount": 5}')]), Say("could not pay")]) as server:
        done = asyncfc("pay", "--base-url", server.base_url, "--tools", tools, "--policy", "sync")
    assert done.exit_code == 0, done.output
    assert "refused: $f1 = pay(amount=5)" in done.stderr
    assert "not_executed" in server.bodies[1]["messages"][-1]["content"]
    assert not (tools.parent / "paid.txt").exists()


def test_approval_can_be_given_beforehand(tools: Path) -> None:
    with ChatServer([Say(calls=[("pay", '{"amount": 5}')]), Say("paid")]) as server:
        args = ("pay", "--base-url", server.base_url, "--tools", tools, "--policy", "sync", "--approve", "all")
        assert asyncfc(*args).exit_code == 0
    assert (tools.parent / "paid.txt").read_text() == "5"


@pytest.mark.parametrize(("answer", "paid"), [("y\n", True), ("n\n", False)])
def test_a_person_at_the_terminal_is_shown_bound_arguments_and_decides(tools: Path, answer: str, paid: bool) -> None:
    pty = pytest.importorskip("pty")
    script = [Say(calls=[("add", '{"a": 2, "b": 3}'), ("pay", '{"amount": "$f1.total"}')]), Say("over"), Say("over")]
    with ChatServer(script) as server:
        ours, theirs = pty.openpty()
        command = ["pay", *AT_ONCE, "--base-url", server.base_url, "--tools", tools, "-q"]
        process = started(*command, stdin=theirs, stderr=subprocess.PIPE)
        assert process.stderr is not None
        asked = b""
        while b"[y/N]" not in asked and (more := process.stderr.read1()):  # type: ignore[attr-defined]
            asked += more
        os.write(ours, answer.encode())
        assert process.wait(20) == 0
        process.stderr.close()
    assert b"run $f2 = pay(amount=5)?" in asked
    assert (tools.parent / "paid.txt").exists() is paid


# ------------------------------------------------------------------------------------- runs that do not end well


def test_nothing_there_to_ask_is_exit_code_3_and_one_line(tools: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        done = asyncfc("go", "--base-url", f"http://127.0.0.1:{port}/v1", "--tools", tools, "-q")
    assert done.exit_code == 3
    assert done.stdout == ""
    assert f"127.0.0.1:{port}" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_model_that_never_answers_is_given_up_and_what_there_is_is_written(tools: Path, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    hang = Reply((b": still here\n\n", HANG))
    with ChatServer([Say(calls=[("note", '{"text": "x"}')]), hang]) as server:
        args = ("go", "--base-url", server.base_url, "--tools", tools, "--timeout", 1.5, "--trace", path, "-q")
        done = asyncfc(*args, "--policy", "sync")
    assert done.exit_code == 4
    assert "no answer within 1.5 s" in done.stderr
    assert [event.rule for event in read_trace(path)[0].events][-2:] == ["request", "give_up"]
    assert (tools.parent / "notes.txt").read_text() == "x\n"


def test_an_answer_is_shown_even_if_the_trace_cannot_be_written(tools: Path, tmp_path: Path) -> None:
    folder = tmp_path / "traces"
    folder.mkdir()
    away = Say(calls=[("go_away", json.dumps({"folder": str(folder)}))])
    tools.write_text("from pathlib import Path\ndef go_away(folder: str) -> None:\n    Path(folder).rmdir()\n")
    with ChatServer([away, Say("an answer")]) as server:
        args = ("go", "--base-url", server.base_url, "--tools", tools, "--policy", "sync", "-q")
        done = asyncfc(*args, "--trace", folder / "run.jsonl")
    assert (done.exit_code, done.stdout) == (3, "an answer\n"), done.output
    assert "No such file" in done.stderr


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("--base-url", "http://127.0.0.1:1"), 2, "nothing to ask: expected a prompt"),
        (("go",), 2, "no model to ask: expected --base-url"),
        (("go", "--base-url", "http://127.0.0.1:1", "--policy", "asink"), 2, "--policy 'asink': expected one of sync"),
        (("go", "--base-url", "http://127.0.0.1:1", "--policy", "plan"), 2, "expected one of sync"),
        (("go", "--base-url", "http://127.0.0.1:1", "--grace", "soon"), 2, "--grace 'soon': expected seconds"),
        (("go", "--base-url", "http://127.0.0.1:1", "--delivery", "x"), 2, "--delivery 'x': expected one of when_idle"),
        (("go", "--base-url", "http://127.0.0.1:1", "--approve", "x"), 2, "--approve 'x': expected ask, all or none"),
        (("go", "--base-url", "http://127.0.0.1:1", "--header", "x"), 2, "--header 'x': expected NAME=VALUE"),
        (("go", "--base-url", "http://127.0.0.1:1", "--extra-body", "[1]"), 2, "--extra-body: expected a JSON object"),
        (("go", "--base-url", "http://127.0.0.1:1", "--extra-body", "{"), 2, "--extra-body: broken JSON"),
        (("go", "--base-url", "http://127.0.0.1:1", "--tools", "x.txt"), 2, "--tools 'x.txt': expected FILE.py"),
        (("go", "--base-url", "http://127.0.0.1:1", "--tools", "no.py"), 3, "no.py: No such file"),
        (
            ("go", "--base-url", "http://127.0.0.1:1", "--trace", "run.txt"),
            2,
            "--trace run.txt: expected a name ending",
        ),
        (
            ("go", "--base-url", "http://127.0.0.1:1", "--trace", "no/x.jsonl"),
            2,
            "--trace no/x.jsonl: there is no folder",
        ),
        (
            ("go", "--base-url", "http://127.0.0.1:1", "--journal", "no/x.db"),
            2,
            "--journal no/x.db: there is no folder",
        ),
        (("go", "--base-url", "http://127.0.0.1:1", "--journal", "/"), 2, "--journal /: expected a file"),
        (("go", "--base-url", "http://127.0.0.1:1", "--decide", "f1=again"), 2, "--decide goes with --resume"),
    ],
)
def test_bad_input_says_what_was_expected(args: tuple[str, ...], code: int, said: str) -> None:
    done = asyncfc(*args)
    assert done.exit_code == code, done.output
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def started(*args: object, **streams: object) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "asyncfc_sim", "run", *map(str, args)]
    return subprocess.Popen(words, **streams)  # type: ignore[call-overload, no-any-return]


@pytest.mark.parametrize(("number", "tool"), [(signal.SIGINT, "slow"), (signal.SIGTERM, "slow_but_kind")])
def test_an_interrupted_run_is_written_and_ends_with_130(
    tools: Path, tmp_path: Path, number: signal.Signals, tool: str
) -> None:
    """Even if a function runs on that nobody can stop."""
    path, begun = tmp_path / "run.jsonl", tools.parent / "slow.txt"
    with ChatServer([Say(calls=[(tool, '{"seconds": 60}')]), Reply((HANG,))]) as server:
        process = started(
            "go", "--base-url", server.base_url, "--tools", tools, "--trace", path, stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        deadline = time.monotonic() + 20
        while not begun.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(number)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 130, said
    (run,) = read_trace(path)
    assert [event.rule for event in run.events if event.rule in ("start", "finish", "fail")] == ["start"]
    assert b"interrupted" in said
    assert b"Traceback" not in said


# ------------------------------------------------------------------------------------------------ journals


def is_noted(folder: Path) -> bool:
    """Whether `slow` runs, and the journal knows that `note` is done."""
    if not (folder / "slow.txt").exists():
        return False
    (run,) = read_journal(folder / "run.db")
    return any(entry.name == "finish" for entry in run.events)


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run with a journal, killed while `slow` runs: its note is written, and of `slow` nobody knows."""
    folder = tmp_path_factory.mktemp("killed")
    tools = folder / "mytools.py"
    tools.write_text(dedent(TOOLS))
    call_slow = Say(calls=[("note", '{"text": "once"}'), ("slow", '{"seconds": 60}')])
    with ChatServer([call_slow, Reply((HANG,))]) as server:
        process = started("go", "--base-url", server.base_url, "--tools", tools, "--journal", folder / "run.db")
        deadline = time.monotonic() + 20
        while not is_noted(folder) and time.monotonic() < deadline:
            time.sleep(0.02)
        process.kill()
        process.wait()
    return folder


def test_a_killed_run_is_resumed_once_it_is_decided_what_to_believe(killed: Path, tmp_path: Path) -> None:
    shutil.copytree(killed, tmp_path, dirs_exist_ok=True)
    journal = tmp_path / "run.db"
    assert "slow" in CliRunner().invoke(app, ["trace", "view", str(journal)]).stdout
    with ChatServer([Say("all is well"), Say("all is well")]) as server:
        undecided = asyncfc("--resume", journal, "--base-url", server.base_url)
        assert undecided.exit_code == 4
        assert "$f2 slow(seconds=60)" in undecided.stderr
        assert "--decide f2=failed" in undecided.stderr
        told = asyncfc("--resume", journal, "--base-url", server.base_url, "--json")
        (call,) = json.loads(told.stdout)["undecided"]
        assert (told.exit_code, call["future"], call["tool"], call["args"]) == (4, 2, "slow", {"seconds": 60})
        assert server.requests == []
        done = asyncfc("--resume", journal, "--base-url", server.base_url, "--decide", 'f2=done:"slept"', "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["output"] == "all is well"
    said = [message["content"] for message in server.bodies[-1]["messages"] if message["role"] == "tool"]
    assert [text for text in said if "slept" in text]
    assert (killed / "notes.txt").read_text() == "once\n"
    again = asyncfc("--resume", journal)
    assert again.exit_code == 2
    assert "has ended" in again.stderr


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("--resume", "no.db"), 3, "no.db: No such file"),
        (("go", "--resume", "{journal}"), 2, "--resume goes on with a run"),
        (("--resume", "{journal}", "--decide", "f2=perhaps"), 2, "f2=perhaps"),
        (("--resume", "{journal}", "--policy", "sync"), 2, "--policy cannot be given with --resume"),
        (("--resume", "{tools}"), 2, "mytools.py"),
    ],
)
def test_what_cannot_be_resumed_is_told(killed: Path, args: tuple[str, ...], code: int, said: str) -> None:
    done = asyncfc(*(arg.format(journal=killed / "run.db", tools=killed / "mytools.py") for arg in args))
    assert done.exit_code == code, done.output
    assert said in done.stderr
    assert "Traceback" not in done.stderr
