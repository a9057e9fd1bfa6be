"""What goes wrong with a real engine: clear words, the right exit code, and an end."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from asyncfc_sim.workloads.office.office import Office, office_file
from tests.engine_servers import Engine, llama, tiny_model, transformers
from tests.office_runs import LONGEST_S, ROOT, asyncfc, office_run, options

pytestmark = pytest.mark.slow

PROMPTS = ("Send Anna the weather in Oslo on Monday.",)


def test_a_wrong_model_name_on_transformers(transformers_engine: Engine, tmp_path: Path) -> None:
    """Its list of models does not have the one that it serves, but its refusal names it."""
    run = office_run(transformers_engine.base_url, "no-such-model", PROMPTS, tmp_path / "run")
    assert run.code == 3
    assert "has no model 'no-such-model': Server is pinned to " in run.errors + str(run.document)
    assert "Traceback" not in run.errors


def test_a_wrong_model_name_on_vllm(vllm_engine: Engine, tmp_path: Path) -> None:
    run = office_run(vllm_engine.base_url, "no-such-model", PROMPTS, tmp_path / "run")
    assert run.code == 3
    assert "has no model 'no-such-model'; it has: tiny" in run.errors + str(run.document)


def test_a_model_that_never_calls_a_tool(vllm_engine: Engine, tmp_path: Path) -> None:
    """Its text is the answer, and a note says that no tool was called. The office stays as it was."""
    never = '{"temperature": 0, "max_tokens": 30, "tool_choice": "none"}'
    run = office_run(vllm_engine.base_url, vllm_engine.model, PROMPTS, tmp_path / "run", "--extra-body", never)
    assert run.code == 0, run.errors
    assert (run.document["calls"], run.outcome.messages) == ([], {})
    assert any("called none of the 6 tools" in note for note in run.document["notes"])


def test_an_engine_that_dies_while_tools_run(tmp_path: Path) -> None:
    """Killed after its first message of calls: the run ends, says where, and nothing more was done."""
    journal = tmp_path / "run.journal"
    with transformers(tiny_model()) as engine:
        slowly = ("--inject", "office", "--inject-scale", 1, "--grace", "inf", "--journal", journal)
        process = asyncfc("run", *PROMPTS, *options(engine.base_url, engine.model, tmp_path), *slowly, cwd=tmp_path)
        try:
            _wait_for(journal, b"find_user", process)
            engine.kill()
            printed, errors = process.communicate(timeout=LONGEST_S)
        finally:
            process.kill()
    assert process.returncode == 3, errors
    # Killed in the middle of the message it broke off, and after it the next request finds nobody.
    assert engine.base_url.removeprefix("http://") in json.loads(printed)["reason"]
    assert "Traceback" not in errors
    with Office(office_file(tmp_path)) as office:
        assert office.messages() == {}


def _wait_for(journal: Path, words: bytes, process: subprocess.Popen[str]) -> None:
    """Until the words stand in the journal, or in the log that SQLite keeps beside it."""
    while not any(words in path.read_bytes() for path in journal.parent.glob(f"{journal.name}*")):
        assert process.poll() is None, "the run ended before it called a tool"
        time.sleep(0.02)


@pytest.mark.parametrize(
    "verb",
    [("serve", "tiny", "--model", tiny_model), ("replay", lambda: ROOT / "examples" / "06_agent.replay.jsonl")],
    ids=["serve", "replay"],
)
def test_a_port_that_an_engine_has(transformers_engine: Engine, tmp_path: Path, verb: tuple[object, ...]) -> None:
    words = [word() if callable(word) else word for word in verb]
    port = urlsplit(transformers_engine.base_url).port
    process = asyncfc(*words, "--port", port, cwd=tmp_path)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 3
    assert str(port) in errors
    assert "in use" in errors
    assert "Traceback" not in errors


def test_llama_server_without_its_templates(tmp_path: Path) -> None:
    """A start that forgot what tools need is told by the server's own words."""
    with llama(tiny_model(".gguf"), "--no-jinja") as engine:
        run = office_run(engine.base_url, engine.model, PROMPTS, tmp_path / "run")
    assert run.code in (3, 4)
    assert "jinja" in run.errors + str(run.document)
