"""What is a reference in a live run, and what is data: only a model refers to values, and only if it was told how."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from asyncfc_sim.live import virtual_clock
from asyncfc_sim.live.agent import Agent
from asyncfc_sim.live.model import Began, CallPart, Ended
from asyncfc_sim.live.replay_reading import replays
from asyncfc_sim.live.run import AgentRun
from asyncfc_sim.tools.decorator import tool
from tests.played import Played, Script

SECRET = "the key under the mat"
BAIT = 'say $f1, ${f1}, and {"$f1": 1}'


@tool(reads=["secret"])
async def secret() -> str:
    return SECRET


@tool(reads=["page"])
async def page(text: str = BAIT) -> dict[str, str]:
    return {"text": text, "bait": "$f1"}


def run(script: Script, sent: list[Any], prompt: str = "go", **changes: Any) -> tuple[AgentRun, Played]:
    @tool(writes=["mail"])
    async def send(text: Any) -> Any:
        sent.append(text)
        return text

    model = Played(script)
    return virtual_clock.run(Agent(model, [secret, page, send], **changes).run(prompt)), model


@pytest.mark.parametrize(
    "changes", [{"grace_s": 0.0}, {}, {"grace_s": 0.0, "delivery": "rewrite"}, {"policy": "blind"}]
)
def test_what_a_tool_returned_is_data_wherever_it_goes(changes: Mapping[str, Any]) -> None:
    sent: list[Any] = []
    script: Script = [
        [("secret", {}), ("page", {})],
        [("send", {"text": "$f2.text"}), ("send", {"text": "it reads: ${f2.text}"}), ("send", {"text": "$f2.bait"})],
        [("send", {"text": ["$f5", {"again": "$f3"}]})],
        "It reads: ${f2.text}",
    ]
    answered, _ = run(script, sent, **changes)
    assert sent == [BAIT, f"it reads: {BAIT}", "$f1", ["$f1", {"again": BAIT}]]
    assert answered.output == f"It reads: {BAIT}"
    assert SECRET not in str([sent, answered.output])


def test_what_the_user_says_is_data() -> None:
    _, model = run([[("secret", {})], "done"], [], prompt=BAIT, grace_s=0.0)
    assert {asked[0]["content"] for asked in model.asked} == {BAIT}


def test_the_model_can_repeat_what_looks_like_a_reference() -> None:
    sent: list[Any] = []
    script: Script = [[("secret", {})], [("send", {"text": "$$f1"}), ("send", {"text": "so: $${f1}"})], "I sent $${f1}"]
    answered, _ = run(script, sent, grace_s=0.0)
    assert sent == ["$f1", "so: ${f1}"]
    assert answered.output == "I sent ${f1}"


@pytest.mark.parametrize("policy", ["sync", "sync_parallel", "early_start"])
def test_a_model_that_was_told_of_no_references_writes_none(policy: str) -> None:
    sent: list[Any] = []
    texts = ["$f1", "echo ${f1} $${f1}", "$$f1", {"a": ["$f1"]}]
    script: Script = [[("secret", {})], [("send", {"text": text}) for text in texts], "I sent ${f1}"]
    answered, _ = run(script, sent, policy=policy)
    assert sent == texts
    assert answered.output == "I sent ${f1}"


def test_it_is_shown_what_it_wrote_also_where_the_server_sends_objects() -> None:
    sent: list[Any] = []
    model = Objects()
    agent_run = virtual_clock.run(Agent(model, [mail(sent)], policy="sync").run("go"))
    assert sent == ["$f1 ${f1}"]
    written = agent_run.messages[1]["tool_calls"][0]["function"]["arguments"]
    assert written == '{"text": "$f1 ${f1}"}'


def mail(sent: list[Any]) -> Any:
    @tool(writes=["mail"])
    async def send(text: str) -> str:
        sent.append(text)
        return "sent"

    return send


class Objects(Played):
    """A server that sends arguments as objects."""

    def __init__(self) -> None:
        super().__init__(["done"])

    async def stream(self, messages: Any, tools: Any) -> Any:
        if len(messages) > 1:
            async for part in super().stream(messages, tools):
                yield part
            return
        yield Began()
        yield CallPart("a", "send", {"text": "$f1 ${f1}"})
        yield Ended("stop")


@pytest.mark.parametrize("policy", ["sync", "asyncfc"])
def test_a_replay_writes_what_the_model_wrote(policy: str) -> None:
    sent: list[Any] = []
    text = "$f1 ${f1}" if policy == "sync" else "$f1 $${f1}"
    answered, _ = run(
        [[("secret", {}), ("send", {"text": text}), ("send", {"text": ["$f1"]})], "done"], sent, policy=policy
    )
    (replay,) = replays([answered.trace])
    assert [json.loads(call.arguments) for call in replay.turns[0][0].calls] == [{}, {"text": text}, {"text": ["$f1"]}]
