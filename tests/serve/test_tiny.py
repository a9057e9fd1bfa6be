"""`serve_tiny`: the same in this process and in one of its own, and nothing is left of it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from asyncfc_sim.serve.model_config import ModelFault
from asyncfc_sim.serve.tiny import TinyServerFailed, model_folder, serve_tiny
from tests.model_folders import reciting_model
from tests.patience import within


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return reciting_model(tmp_path / "reciter", "one", " two")


def said(base_url: str) -> str:
    body: dict[str, Any] = {"messages": [{"role": "user", "content": "go"}]}
    with urlopen(Request(f"{base_url}/chat/completions", json.dumps(body).encode()), timeout=120) as response:
        return str(json.load(response)["choices"][0]["message"]["content"])


def is_gone(base_url: str) -> bool:
    try:
        urlopen(f"{base_url}/models", timeout=5).close()
    except OSError:
        return True
    return False


@pytest.mark.parametrize("process", [False, True])
def test_it_serves_while_the_block_runs_and_is_gone_afterwards(folder: Path, process: bool):
    threads = threading.active_count()
    with serve_tiny(folder, process=process, tokens_per_second=500) as base_url:
        assert said(base_url) == "one two"
        assert base_url.startswith("http://127.0.0.1:")
    assert is_gone(base_url)
    assert within(60, lambda: threading.active_count() == threads)


@pytest.mark.parametrize("process", [False, True])
def test_it_is_gone_too_when_the_block_fails(folder: Path, process: bool):
    with pytest.raises(KeyError), serve_tiny(folder, process=process) as base_url:
        raise KeyError
    assert is_gone(base_url)


def test_a_process_of_its_own_goes_when_the_one_that_asked_for_it_is_killed(folder: Path):
    code = (
        "import sys, time; from asyncfc_sim import serve_tiny\n"
        "with serve_tiny(sys.argv[1], process=True) as base_url: print(base_url, flush=True); time.sleep(100)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        base_url = parent.stdout.readline().strip()
        assert said(base_url) == "one two"
        parent.kill()
    assert within(60, lambda: is_gone(base_url))


def test_a_model_that_cannot_be_decoded_is_said_in_either_place(folder: Path):
    (folder / "config.json").write_text("{}")
    with pytest.raises(ModelFault, match="architectures"), serve_tiny(folder):
        pass
    with pytest.raises(TinyServerFailed, match="architectures"), serve_tiny(folder, process=True):
        pass


@pytest.mark.parametrize("process", [False, True])
def test_a_folder_that_is_not_there_is_named(tmp_path: Path, process: bool):
    nowhere = serve_tiny(tmp_path / "nothing", process=process)
    with pytest.raises(FileNotFoundError, match="no such folder of a model"), nowhere:
        pass


def test_the_projects_own_model_is_found_where_data_is(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "models").mkdir()
    folder.rename(tmp_path / "models" / "tiny-futures")
    monkeypatch.setenv("ASYNCFC_DATA_DIR", str(tmp_path))
    assert model_folder() == tmp_path / "models" / "tiny-futures"


def test_where_there_is_none_it_is_said_where_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "models" / "tiny-futures").mkdir(parents=True)  # a folder that holds no model does not count
    monkeypatch.setenv("ASYNCFC_DATA_DIR", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="a wheel of asyncfc-sim comes without it"):
        model_folder()
