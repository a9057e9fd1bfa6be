"""The files of the model that comes with the repository: both forms of its weights are the same, and small."""

from __future__ import annotations

import numpy as np
import pytest
from safetensors.numpy import load_file

from asyncfc_sim.serve.tiny import NAME, model_folder

LARGEST = 8 * 10**6  # bytes: every clone has them


def test_the_gguf_file_has_the_same_weights() -> None:
    gguf = (model_folder() / f"{NAME}.gguf").read_bytes()
    weights = load_file(model_folder() / "model.safetensors")
    assert weights
    missing = [name for name, values in weights.items() if values.astype("<f4").tobytes() not in gguf]
    assert missing == []


def test_other_weights_would_be_noticed() -> None:
    gguf = (model_folder() / f"{NAME}.gguf").read_bytes()
    values = next(iter(load_file(model_folder() / "model.safetensors").values())).astype("<f4")
    values.flat[-1] = np.nextafter(values.flat[-1], np.float32(np.inf))
    assert values.tobytes() not in gguf


@pytest.mark.parametrize("file", ["model.safetensors", f"{NAME}.gguf"])
def test_a_file_of_weights_is_small(file: str) -> None:
    assert (model_folder() / file).stat().st_size <= LARGEST
