"""`asyncfc serve tiny`: says what it serves and how to ask it, serves it, and ends as it is told to."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from asyncfc_sim.cli import app
from tests.model_folders import random_model, reciting_model

COMMAND = (sys.executable, "-m", "asyncfc_sim", "serve", "tiny", "--port", "0")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return reciting_model(tmp_path / "reciter", "one", " two")


def started(*args: str | Path) -> subprocess.Popen[str]:
    command = [*COMMAND, *map(str, args)]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
    )


def serve(*args: str | Path) -> Result:
    """For what ends by itself."""
    return CliRunner().invoke(app, ["serve", "tiny", *map(str, args)])


def ask(base_url: str) -> Any:
    body = json.dumps({"messages": [{"role": "user", "content": "go"}]}).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{base_url}/chat/completions", body), timeout=120) as response:
        return json.load(response)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_what_is_served_and_how_to_ask_it_and_ends_when_it_is_told_to(
    folder: Path, tmp_path: Path, number: signal.Signals
):
    port_file = tmp_path / "port.txt"
    with started("--model", folder, "--port-file", port_file, "--tokens-per-second", "40") as run:
        assert run.stdout is not None
        lines = [run.stdout.readline() for _ in range(3)]
        base_url = lines[-1].strip()
        answer = ask(base_url)
        run.send_signal(number)
        rest, errors = run.communicate(timeout=60)
    assert lines[0] == "reciter: 0.1 million parameters, 1024 tokens of context, 40 tokens a second\n"
    assert lines[1].startswith(f'asyncfc run "PROMPT" --base-url {base_url} --tools ')
    assert base_url == f"http://127.0.0.1:{port_file.read_text().strip()}/v1"
    assert answer["choices"][0]["message"]["content"] == "one two"
    assert (run.returncode, rest, errors) == (130, "", "interrupted\n")


def test_programs_get_one_line_of_json(folder: Path):
    with started("--model", folder, "--json") as run:
        assert run.stdout is not None
        ready = json.loads(run.stdout.readline())
        assert ask(ready["base_url"])["model"] == "reciter"
        run.terminate()
        run.communicate(timeout=60)
    assert ready["schema"] == "asyncfc.serve/1"
    assert ready["models"] == [{"id": "reciter", "parameters": ready["models"][0]["parameters"], "context": 1024}]
    assert ready["config"] == {"tokens_per_second": None}


def test_it_ends_though_an_answer_is_being_decoded(tmp_path: Path):
    with started("--model", random_model(tmp_path), "--json", "--tokens-per-second", "2") as run:
        assert run.stdout is not None
        port = json.loads(run.stdout.readline())["port"]
        with socket.create_connection(("127.0.0.1", port)) as client:
            body = json.dumps({"messages": [{"role": "user", "content": "go"}], "stream": True})
            client.sendall(f"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
            assert client.recv(1000).startswith(b"HTTP/1.1 200")
            run.terminate()
            _, errors = run.communicate(timeout=60)
    assert (run.returncode, errors) == (130, "interrupted\n")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port)).close()


def test_it_can_end_with_its_standard_input(folder: Path):
    with started("--model", folder, "--until-eof") as run:
        assert run.stdin is not None
        assert run.stdout is not None
        assert run.stdout.readline()
        run.stdin.write("this is not read\n")
        run.stdin.close()
        assert run.wait(60) == 130


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["--model", "nothing"], 3, "nothing: there is no such folder of a model"),
        (["--model", "."], 3, "config.json: No such file or directory"),
        (["--tokens-per-second", "0"], 2, "0.0; expected a number above zero"),
        (["--tokens-per-second", "nan"], 2, "nan; expected a number above zero"),
        (["--tokens-per-second", "fast"], 2, "'--tokens-per-second': Input should be a valid number"),
        (["--port", "70000"], 2, "less than or equal to 65535"),
    ],
)
def test_what_cannot_be_served_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, args: list[str], code: int, message: str
):
    monkeypatch.chdir(tmp_path)
    done = serve(*args)
    assert (done.exit_code, done.stdout) == (code, "")
    assert message in done.stderr


def test_a_port_that_is_in_use_is_said(folder: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = serve("--model", folder, "--port", str(port))
    assert done.exit_code == 3
    assert f"Error: cannot listen on 127.0.0.1:{port}: Address already in use; another port can be given" in done.stderr


def test_a_model_that_cannot_be_decoded_is_bad_input(folder: Path):
    (folder / "config.json").write_text('{"architectures": ["GPT2LMHeadModel"]}')
    done = serve("--model", folder)
    assert done.exit_code == 2
    assert "architectures is ['GPT2LMHeadModel']; expected ['Qwen3ForCausalLM']" in done.stderr


def test_without_a_model_it_is_said_where_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "models" / "tiny-futures").mkdir(parents=True)
    monkeypatch.setenv("ASYNCFC_DATA_DIR", str(tmp_path))
    done = serve("--port", "0")
    assert done.exit_code == 3
    assert "its repository and its source distribution have it as models/tiny-futures" in done.stderr


def test_what_is_not_installed_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delitem(sys.modules, "asyncfc_sim.serve.vocabulary", raising=False)
    monkeypatch.delitem(sys.modules, "asyncfc_sim.serve.served_model", raising=False)
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    done = serve("--model", folder, "--port", "0")
    assert done.exit_code == 3
    assert "tokenizers" in done.stderr
