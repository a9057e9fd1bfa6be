"""The GPU benchmark, as far as it can be tried without one: its pieces, and all of it on a CPU."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.core.policy import policy_named
from asyncfc_sim.simulate.decoder import Decoder, load_decoder
from asyncfc_sim.simulate.experiment import Arm, simulate
from asyncfc_sim.simulate.models import Models
from tests.toy_tasks import calls, durations, task

pytest.importorskip("httpx2", reason="the extra `live` is not installed")
pytest.importorskip("tokenizers", reason="the extra `serve` is not installed")
pytest.importorskip("safetensors", reason="the extra `serve` is not installed")

from asyncfc_sim.serve.hermes import CallArguments, CallBegun, Hermes
from asyncfc_sim.workloads.office.expert import Calls, Expert
from benchmarks.gpu.__main__ import main
from benchmarks.gpu.comparison import some_tasks, written
from benchmarks.gpu.decoder_file import Measured, decoder, decoder_text
from benchmarks.gpu.sizes import SIZES, NoTokenizer, largest, make_folder, parameters, weight_bytes
from benchmarks.gpu.timing import BadStream, Cell, Stream, together
from tests.model_folders import random_model

ROOT = Path(__file__).resolve().parents[2]
SERVER = ROOT / ".venv-hf" / "bin" / "python"
MEASURED = Measured("tiny", "A model on a device", "Some GPU 80GB", "an engine", "2026-01-01")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tokenizer like the tiny model's."""
    return random_model(tmp_path_factory.mktemp("tiny"))


@pytest.mark.parametrize("size", [size for size in SIZES if size != "trial"])
def test_a_size_has_about_as_many_parameters_as_its_name_says(size: str) -> None:
    assert parameters(size) == pytest.approx(float(size.removesuffix("b")) * 1e9, rel=0.03)


@given(st.integers(0, 2**38))
def test_the_largest_size_leaves_room_beside_its_weights(free: int) -> None:
    size = largest(free, "cuda:0")
    assert weight_bytes(size, "cuda:0") <= 0.4 * free or size == "0.6b"
    assert weight_bytes(size, "cuda:0") * 2 == weight_bytes(size, "cpu")


def test_more_memory_takes_a_larger_model() -> None:
    assert [largest(gib * 2**30, "cuda:0") for gib in (1, 10, 24, 80)] == ["0.6b", "1.7b", "4b", "8b"]


def test_a_folder_without_a_tokenizer_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoTokenizer, match=r"there is no tokenizer\.json"):
        make_folder(tmp_path / "made", "trial", tmp_path, "cpu")


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(1, 5)), min_size=1, max_size=5),
    st.integers(20, 60),
    st.floats(0.001, 0.1),
)
def test_the_time_per_token_of_even_streams_is_found_however_they_are_cut_into_chunks(
    begun: list[tuple[int, int]], tokens: int, tpot_s: float
) -> None:
    streams = [_even(begin * tpot_s, every, tokens, tpot_s) for begin, every in begun]
    found = list(together(streams))
    assert found == [pytest.approx(tpot_s)] * len(found)
    if len({begin for begin, _ in begun}) == 1 and all(every == 1 for _, every in begun):
        assert len(found) == len(streams)


def test_streams_that_never_decode_together_have_no_time_per_token() -> None:
    assert list(together([_even(0, 1, 5, 0.1), _even(1.0, 1, 5, 0.1)])) == []


def _even(begin_s: float, every: int, tokens: int, tpot_s: float) -> Stream:
    """A token each `tpot_s`, sent so many at a time."""
    counts = [min(count, tokens) for count in accumulate([1, *[every] * tokens]) if count - every < tokens]
    return Stream(-1.0, tuple((begin_s + count * tpot_s, count) for count in counts), 10)


def test_what_an_expert_says_is_read_back_as_it_was_meant() -> None:
    for some in some_tasks(30, seed=7):
        message = Expert(some, references=True).next_message([{"role": "user", "content": some.prompts[0]}])
        assert isinstance(message, Calls)
        hermes = Hermes()
        parts = [*hermes.feed(written(message)), *hermes.end()]
        assert [part.name for part in parts if isinstance(part, CallBegun)] == [tool for tool, _ in message.calls]
        texts = [part.text for part in parts if isinstance(part, CallArguments)]
        assert [set(json.loads(text)) for text in texts] == [set(args) for _, args in message.calls]


def test_a_grid_becomes_a_decoder_that_says_of_each_figure_that_it_was_measured(tiny: Path, tmp_path: Path) -> None:
    grid = [_cell(prompt, batch) for prompt in (100, 500, 2000) for batch in (1, 4, 16)]
    found = _written(decoder(MEASURED, grid, tiny / "tokenizer.json"), tmp_path)
    assert found.name == "some-gpu-80gb-tiny"
    assert found.ttft_s(500) == pytest.approx(0.5)
    assert found.itl_s(4) == pytest.approx(0.04)
    unmeasured = {
        name: figure.provenance for name, figure in found.quantities().items() if figure.provenance != "measured"
    }
    assert unmeasured == {"ttft.slope": "derived", "itl.slope": "derived"}
    assert found.ttft_s(4000) == pytest.approx(4.0)


def _cell(prompt: int, batch: int) -> Cell:
    """A second per 1,000 prompt tokens, 10 ms per token of a batch."""
    return Cell(prompt, batch, (prompt / 1000,) * 3, (batch / 100,) * 3)


def _written(found: Decoder, folder: Path) -> Decoder:
    path = folder / "found.toml"
    path.write_text(decoder_text(MEASURED, found))
    return load_decoder(str(path))


# ------------------------------------------------------------------------------------------------------- on a CPU


def _run(*args: str) -> subprocess.CompletedProcess[str]:
    """With one thread: on a busy machine two would wait for each other at each token."""
    command = [sys.executable, "-m", "benchmarks.gpu", *args]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def _measured(folder: Path, model: str, tiny: Path, *size: str) -> dict[str, Any]:
    """All of it, in small, on `transformers serve`: the document that it writes."""
    if not SERVER.exists():
        pytest.skip("transformers serve is not installed: bash scripts/engines.sh transformers makes it")
    where = ["--device", "cpu", "--python", str(SERVER), "--tiny", str(tiny), "--serve=--cb-num-blocks 64"]
    small = ["--models", model, "--tokens", "8", "--tasks", "2", "--tool-s", "0.05", *size]
    done = _run(*where, *small, "--out", str(folder), "--json", str(folder / "all.json"))
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads((folder / "all.json").read_text())
    return found


@pytest.fixture(scope="module")
def document(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A model with random weights."""
    size = ["--prompts", "16,64", "--batches", "1,2", "--repeats", "2"]
    return _measured(tmp_path_factory.mktemp("gpu"), "trial", tiny, *size)


@pytest.mark.slow
def test_on_a_cpu_it_measures_each_cell(document: dict[str, Any]) -> None:
    (model,) = document["models"]
    grid = model["grid"]
    assert [cell["batch"] for cell in grid] == [1, 2, 1, 2]
    assert [len(cell["ttft_s"]) for cell in grid] == [2, 4, 2, 4]
    assert all(seconds > 0 for cell in grid for seconds in (*cell["ttft_s"], *cell["tpot_s"]))
    # A digit is a token, whatever the tokenizer: the lengths are as far apart as was asked.
    assert grid[2]["prompt_tokens"] - grid[0]["prompt_tokens"] == 64 - 16


@pytest.mark.slow
def test_on_a_cpu_the_scripted_agent_does_its_tasks_under_both_policies(document: dict[str, Any]) -> None:
    compared = document["models"][0]["comparison"]
    assert compared["words"] == "scripted"
    for arm in ("sync", "asyncfc"):
        assert [compared["arms"][arm][count] for count in ("completed", "right", "certified")] == [2, 2, 2]
    assert compared["arms"]["asyncfc"]["requests"] <= compared["arms"]["sync"]["requests"]


@pytest.mark.slow
def test_what_was_measured_loads_and_simulates(document: dict[str, Any]) -> None:
    found = load_decoder(document["models"][0]["decoder"])
    assert found.hardware == "cpu"
    toy = task(calls(("read", {"path": "a"}), ("read", {"path": "b"})))
    arm = Arm("asyncfc", policy_named("asyncfc"), "turn")
    makespan_s = simulate(toy, arm, Models(found, durations()), 0).makespan_s
    assert np.isfinite(makespan_s)
    assert makespan_s > found.ttft_s(0)


@pytest.mark.slow
def test_on_a_cpu_the_tiny_model_speaks_for_itself(tmp_path: Path) -> None:
    folder = ROOT / "models" / "tiny-futures"
    if not (folder / "model.safetensors").exists():
        pytest.skip(f"there is no model to serve: no weights in {folder}")
    document = _measured(tmp_path, "tiny", folder, "--prompts", "16", "--batches", "1", "--repeats", "1")
    compared = document["models"][0]["comparison"]
    assert compared["words"] == "its own"
    assert [compared["arms"][arm]["completed"] for arm in ("sync", "asyncfc")] == [2, 2]
    assert load_decoder(document["models"][0]["decoder"]).name == "cpu-tiny-futures"


def test_a_device_that_is_not_there_is_an_error_that_says_so() -> None:
    done = _run("--python", sys.executable, "--device", "cuda:77")
    assert done.returncode == 3
    assert "cannot serve on cuda:77" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--batches", "2,4"),
        ("--prompts", "8,4"),
        ("--models", "70b"),
        ("--tokens", "1"),
        ("--repeats", "0"),
        ("--tasks", "none"),
        ("--tool-s", "-1"),
        ("--json", "no-such-folder/x.json"),
        ("--out", __file__),
    ],
)
def test_a_wrong_option_is_refused(
    option: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["gpu", f"{option}={value}"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert option in capsys.readouterr().err


def test_prompts_that_no_model_could_read_are_refused_before_it_is_served(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    known = {"name": "cpu", "free": 2**30, "torch": "2", "transformers": "5"}
    monkeypatch.setattr("benchmarks.gpu.__main__.about", lambda python, device: known)
    words = ["gpu", "--device", "cpu", "--tiny", str(tiny), "--models", "trial", "--prompts", "50000"]
    monkeypatch.setattr(sys, "argv", [*words, "--out", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "--prompts: the model trial reads" in capsys.readouterr().err


def test_answers_that_come_all_at_once_have_no_time_per_token(tiny: Path) -> None:
    with pytest.raises(BadStream, match="each answer came all at once"):
        decoder(MEASURED, [Cell(100, 1, (0.1,), ())], tiny / "tokenizer.json")
