"""What deliveries cost a prefix cache is counted exactly: on known transcripts, and on the project's own engine."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from asyncfc_sim.core.policy import Delivery
from asyncfc_sim.live import virtual_clock
from asyncfc_sim.live.model import CallPart, Ended, TextPart
from asyncfc_sim.workloads.office.expert import Calls, Expert
from asyncfc_sim.workloads.office.judge import expected
from asyncfc_sim.workloads.office.tasks import OfficeTask

pytest.importorskip("httpx2", reason="the extra `live` is not installed")
pytest.importorskip("tokenizers", reason="the extra `serve` is not installed")
pytest.importorskip("safetensors", reason="the extra `serve` is not installed")

import httpx2

from asyncfc_sim.serve.served_model import ServedModel
from asyncfc_sim.serve.tiny import serve_tiny
from benchmarks.bench_prefix_cache import (
    DELIVERIES,
    Messages,
    Pace,
    ReadExpert,
    Reading,
    Requests,
    Server,
    Terse,
    conversation,
    marked,
    some_tasks,
    spoken,
    table,
)
from tests.model_folders import random_model

ROOT = Path(__file__).resolve().parents[2]
PACE = Pace(tool_s=0.3, call_s=0.1)
TASKS = some_tasks(6, turns=2)


def text_of(messages: Messages) -> str:
    """A message a line: whatever is added at the end, what stood before stays as it is."""
    return "".join(f"{message}\n" for message in messages)


@dataclass
class Counting:
    """A server whose tokens are the characters of `text_of`, and which keeps all that it has read."""

    read_so_far: list[Messages] = field(default_factory=list)

    async def read(self, messages: Messages, tools: Messages) -> Reading:
        text = text_of(messages)
        cached = max((_shared(text, text_of(before)) for before in self.read_so_far), default=0)
        self.read_so_far.append(list(messages))
        return Reading(len(text), cached, 0.0)


def held(task: OfficeTask, delivery: Delivery, kind: type[Expert] = Terse) -> tuple[Requests, list[Messages]]:
    """A conversation on a virtual clock, and in turn what the server read: a prompt, and it with what was said."""
    server = Counting()
    model = ReadExpert(kind(task, references=True), np.random.default_rng(0), PACE.call_s, server)
    return virtual_clock.run(conversation(model, task, delivery, PACE)), server.read_so_far


@pytest.mark.parametrize("delivery", ["on_touch", "when_idle"])
def test_what_only_adds_reads_only_what_is_new(delivery: Delivery) -> None:
    for task in TASKS:
        requests, read = held(task, delivery)
        said_before = [0, *(len(text_of(messages)) for messages in read[1::2])]
        for request, known in zip(requests.made, said_before, strict=False):
            assert not request.rewritten
            assert request.reading.cached == known


def test_a_rewrite_loses_the_prefix_from_the_first_message_that_it_changes() -> None:
    rewrites = 0
    for task in TASKS:
        requests, read = held(task, "rewrite")
        for place, request in enumerate(requests.made[1:], 1):
            prompt, before = read[2 * place], read[2 * place - 1]
            same = next((n for n, pair in enumerate(zip(prompt, before, strict=False)) if pair[0] != pair[1]), None)
            assert request.rewritten == (same is not None)
            if same is None:
                assert request.reading.cached == len(text_of(before))
            else:
                rewrites += 1
                up_to, beyond = len(text_of(prompt[:same])), len(text_of(prompt[: same + 1]))
                assert up_to <= (request.reading.cached or 0) < beyond
                assert request.reading.read is not None
                assert request.reading.read > request.reading.prompt - beyond
    assert rewrites > 0


def test_the_sums_of_a_known_conversation() -> None:
    first = [{"role": "user", "content": "go"}]
    then = [*first, {"role": "assistant"}, {"role": "tool", "content": "pending"}]
    changed = [*first, {"role": "assistant"}, {"role": "tool", "content": "ready"}, {"role": "tool"}]
    requests = Requests()
    for messages, reading in (
        (first, Reading(10, 0, 0.1)),
        (then, Reading(30, 12, 0.2)),
        (changed, Reading(40, 20, 0.5)),
    ):
        requests.add(messages, reading)
    assert (requests.count, requests.prompt, requests.read) == (3, 80, 10 + 18 + 20)
    assert requests.ttft_s == pytest.approx(0.8)
    assert [request.rewritten for request in requests.made] == [False, False, True]
    requests.add(changed, Reading(40, None, 0.1))
    assert requests.read is None  # a server that does not always count


def test_the_table_compares_with_on_touch_and_leaves_out_what_did_not_end() -> None:
    def one(*read: int, completed: bool = True) -> Requests:
        requests = Requests(completed=completed)
        for tokens in read:
            requests.add([], Reading(100, 100 - tokens, 0.01))
        return requests

    lines = table(
        {
            "on_touch": [one(20, 20), one(7)],
            "when_idle": [one(30), one(7, completed=False)],
            "rewrite": [one(20, 60), one(7)],
        }
    )
    assert lines[0].startswith("1 of 2")
    of_on_touch = {line.split()[0]: line.split()[1:] for line in lines[6:]}
    assert of_on_touch["on_touch"] == ["1.000", "(1.000)"] * 4
    assert of_on_touch["when_idle"][:6] == ["0.500", "(0.500)", "0.500", "(0.500)", "0.750", "(0.750)"]
    assert of_on_touch["rewrite"][4:6] == ["2.000", "(2.000)"]


def test_what_was_said_stands_in_the_transcript_as_it_will() -> None:
    for delivery in DELIVERIES:
        _, read = held(TASKS[0], delivery)
        said = [messages[-1] for messages in read[1::2]]
        assert all(message in read[-1] for message in said)
    assert spoken([TextPart("a"), TextPart("b"), Ended("stop")]) == {"role": "assistant", "content": "ab"}
    calls = spoken([CallPart("c1", "f", '{"x": 1}'), Ended("stop")])["tool_calls"]
    assert calls == [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}]


@pytest.mark.parametrize("delivery", DELIVERIES)
def test_a_terse_expert_writes_one_call_a_message_and_does_as_much(delivery: Delivery) -> None:
    for task in TASKS:
        _, terse = held(task, delivery)
        said = [message for message in terse[-1] if message["role"] == "assistant"]
        assert all(len(message.get("tool_calls", ())) <= 1 for message in said)
        answers = tuple(message["content"] for message in said if not message.get("tool_calls"))
        assert answers == expected(task)[0].answers
    once = Expert(TASKS[0], references=True).next_message([{"role": "user", "content": ""}])
    assert isinstance(once, Calls)
    assert len(once.calls) > 1  # it could have written more


def test_the_engine_counts_what_a_cache_of_prefixes_can_know(tmp_path: Path) -> None:
    """Token for token: the longest beginning that a prompt shares with anything read before."""
    folder = random_model(tmp_path / "model", max_position_embeddings=16_384)
    model = ServedModel(folder)
    tools = [{"type": "function", "function": {"name": "f", "description": "", "parameters": {"type": "object"}}}]
    _, read = held(TASKS[1], "rewrite")
    prompts: list[list[int]] = []
    with serve_tiny(folder) as base_url:
        for reading, messages in zip(asyncio.run(_read(base_url, read, tools)), read, strict=True):
            prompt = model.prompt(_as_asked(messages), tools)
            known = max((_shared(prompt, before) for before in prompts), default=0)
            prompts.append(prompt)
            assert reading.prompt == len(prompt)
            assert reading.cached == min(known, len(prompt) - 1)


async def _read(base_url: str, prompts: Sequence[Messages], tools: Messages) -> list[Reading]:
    async with httpx2.AsyncClient(timeout=60) as client:
        server = Server(base_url, "", client)
        return [await server.read(messages, tools) for messages in prompts]


def _as_asked(messages: Messages) -> Messages:
    from asyncfc_sim.serve.chat_request import read_request

    return read_request({"messages": list(messages)}).messages


def _shared(first: Sequence[object], second: Sequence[object]) -> int:
    """With how many equal items both begin."""
    length = 0
    while length < min(len(first), len(second)) and first[length] == second[length]:
        length += 1
    return length


def test_one_server_is_never_asked_what_another_conversation_has_said() -> None:
    first, second = marked(TASKS[0]), marked(TASKS[0])
    assert first.prompts != second.prompts
    assert [len(text) for text in first.prompts] == [len(text) for text in second.prompts]
    assert first.prompts[1:] == TASKS[0].prompts[1:]


def test_the_models_own_words_need_servers_of_their_own() -> None:
    script = ROOT / "benchmarks" / "bench_prefix_cache.py"
    command = [sys.executable, str(script), "--words", "own", "--base-url", "http://127.0.0.1:1/v1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "--words own needs a server for each delivery" in done.stderr
