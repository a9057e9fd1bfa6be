"""Each engine is started once for all tests that ask it, and stopped after the last of them."""

from collections.abc import Iterator

import pytest

from tests.engine_servers import Engine, llama, tiny_model, transformers, vllm


@pytest.fixture(scope="package")
def transformers_engine() -> Iterator[Engine]:
    with transformers(tiny_model()) as engine:
        yield engine


@pytest.fixture(scope="package")
def vllm_engine() -> Iterator[Engine]:
    with vllm(tiny_model()) as engine:
        yield engine


@pytest.fixture(scope="package")
def llama_engine() -> Iterator[Engine]:
    with llama(tiny_model(".gguf")) as engine:
        yield engine


@pytest.fixture(scope="package", params=["transformers", "vllm", "llama"])
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each of them, in turn."""
    found: Engine = request.getfixturevalue(f"{request.param}_engine")
    return found
