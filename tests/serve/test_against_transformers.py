"""Our engine, tokenizer and template against transformers and torch, which nobody here wrote: token for token the same.

They run in .venv-hf (`bash scripts/engines.sh transformers`), an environment of their own; where it has not been made
the tests are skipped, and say so.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asyncfc_sim.core.policy import policy_named
from asyncfc_sim.serve.sampling import Sampling
from asyncfc_sim.serve.served_model import Decoding, ServedModel
from asyncfc_sim.studies.expert_model import expert_run
from asyncfc_sim.workloads.office.tasks import random_task
from tests.engine_servers import tiny_model
from tests.model_folders import random_model

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-hf" / "bin" / "python"
PROMPTS = 200
Chat = dict[str, Any]


def asked(folder: Path, **job: Any) -> dict[str, Any]:
    """What the others make of it; the test is skipped where they are not."""
    if not PYTHON.exists():
        pytest.skip("transformers is not installed: bash scripts/engines.sh transformers makes .venv-hf")
    command = [PYTHON, ROOT / "tests" / "hf_peer.py"]
    asked_for = json.dumps({"folder": str(folder), **job})
    done = subprocess.run(command, input=asked_for, capture_output=True, text=True, check=False)
    if "ModuleNotFoundError" in done.stderr:
        pytest.skip(f"transformers is not installed: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr[-2000:]
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def check(folder: Path, chats: list[Chat], prompts: list[list[int]], tokens: int, *, generated: bool) -> None:
    """`generated`: they write each answer themselves; else they say what is best at each place of ours."""
    model = ServedModel(folder)
    ours = [list(Decoding(model, prompt, tokens, Sampling())) for prompt in prompts]
    answers = None if generated else ours
    theirs = asked(folder, chats=chats, prompts=prompts, tokens=tokens, answers=answers)
    for chat, text, encoded in zip(chats, theirs["texts"], theirs["encoded"], strict=True):
        assert model.template.render(chat["messages"], chat["tools"]) == text
        assert model.vocabulary.encode(text) == encoded
    assert all(len(answer) == tokens or answer[-1] in model.ends for answer in ours)
    assert [pair for pair in zip(ours, theirs["answers"], strict=True) if pair[0] != pair[1]] == []


ADD = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "Add \"two\" numbers: größer als <0> & 'so'",
        "parameters": {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}}},
    },
}
CALL = {"id": "call_1", "type": "function", "function": {"name": "add", "arguments": {"a": 19, "to": 'Zoë\n"x"'}}}
CHATS: list[Chat] = [
    {"messages": [{"role": "user", "content": "What is 19 + 23? Ünïcode 北京 \U0001f600   "}], "tools": []},
    {
        "messages": [
            {"role": "user", "content": "Add 19 and 23."},
            {"role": "assistant", "content": "", "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": "call_1", "content": '{"total": 42}'},
            {"role": "assistant", "content": "42"},
            {"role": "user", "content": "And <tool_call> twice?\n\n"},
        ],
        "tools": [ADD],
    },
]


@pytest.mark.slow
@pytest.mark.parametrize(
    "shape",
    [{}, {"tie_word_embeddings": False, "num_key_value_heads": 1, "head_dim": 16, "rope_theta": 1e6}],
    ids=["tied, grouped heads", "untied, one key head"],
)
def test_random_weights_say_the_same(tmp_path: Path, shape: dict[str, Any]):
    generator = np.random.default_rng(1)
    prompts = [generator.integers(0, 320, length).tolist() for length in generator.integers(1, 120, PROMPTS)]
    check(random_model(tmp_path / "model", **shape), CHATS, prompts, 8, generated=True)


def office_chats() -> Iterator[Chat]:
    """Conversations of the model's own domain, each up to where the model is to go on, with futures and without."""
    rng = np.random.default_rng(2)
    while True:
        policy = policy_named(("sync", "sync_parallel", "blind", "asyncfc")[int(rng.integers(4))])
        done = expert_run(random_task(rng), policy, rng)
        messages = [{**message, "content": message.get("content") or ""} for message in done.run.messages]
        for at, message in enumerate(messages):
            if message["role"] == "assistant":
                yield {"messages": messages[:at], "tools": done.tools}


@pytest.mark.slow
def test_the_trained_model_says_the_same():
    folder = tiny_model()
    model = ServedModel(folder)
    chats = list(islice(office_chats(), PROMPTS))
    check(folder, chats, [model.prompt(chat["messages"], chat["tools"]) for chat in chats], 80, generated=False)
