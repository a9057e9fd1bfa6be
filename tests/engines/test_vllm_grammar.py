"""vLLM with random weights under the project's grammar: whatever it writes is calls, and they refer backward."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import jsonschema
import pytest

from asyncfc_sim.core.arguments import needed
from asyncfc_sim.core.messages import AWAIT, CANCEL, named
from asyncfc_sim.core.values import ErrorValue
from asyncfc_sim.language.constrained import Held
from asyncfc_sim.language.widen import widen
from asyncfc_sim.language.wire import call_from_wire
from asyncfc_sim.live.agent import Agent
from asyncfc_sim.live.constraint import constraint
from asyncfc_sim.live.openai_chat import OpenAIChat
from asyncfc_sim.live.run import AgentRun
from asyncfc_sim.tools.function_tool import FunctionTool, function_tool
from asyncfc_sim.workloads.office.office import Office
from asyncfc_sim.workloads.office.tools import office_tools
from tests.engine_servers import Engine, tiny_model, vllm
from tests.tool_grammars import plain

pytestmark = pytest.mark.slow

RUNS, MESSAGES = 8, 3  # of calls, before an answer is asked for
HELD = Held(tokens=True, answer=False, max_calls=3, max_string=4)
ANSWER = {"structured_outputs": {"regex": "[a-z]{1,8}"}}


@pytest.fixture(scope="module")
def untrained() -> Iterator[Engine]:
    with vllm(tiny_model(), "--load-format", "dummy") as engine:
        yield engine


def run(engine: Engine, policy: str, seed: int) -> AgentRun:
    """A conversation with a model that, left alone, would never come to an end: its last message is an answer."""

    def body(messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
        written = sum(message["role"] == "assistant" for message in messages)
        held = constraint(messages, tools, HELD) if written < MESSAGES else ANSWER
        return {**held, "seed": seed * MESSAGES + written}

    model = OpenAIChat(engine.model, base_url=engine.base_url, extra_body={"temperature": 1.0}, body_for=body)
    return Agent(model, office_tools(Office()), policy=policy).run_sync("Go on.")


def earlier(calls: int, number: int) -> int:
    """The future with this number, after so many calls; 0 if there is none yet."""
    return number if number <= calls else 0


def check(messages: Sequence[Mapping[str, Any]], tools: Mapping[str, FunctionTool], *, futures: bool) -> int:
    """Every call is one of a tool, with arguments that fit its schema and references to earlier calls only; how many
    references there are."""
    numbered = references = 0
    for call in (call for message in messages for call in message.get("tool_calls") or ()):
        name, text = call["function"]["name"], call["function"]["arguments"]
        read = call_from_wire(numbered + 1, name, text, references=futures)
        if name in (AWAIT, CANCEL):
            assert futures
            found = named(name, read.args, partial(earlier, numbered))
            assert not isinstance(found, ErrorValue)
            references += len(found)
            continue
        numbered += 1
        assert all(number < numbered for number in needed(read))
        references += len(needed(read))
        schema = tools[name].input_schema
        jsonschema.validate(plain(json.loads(text)), widen(schema) if futures else dict(schema))
    assert numbered > 0
    return references


def test_random_weights_write_only_calls_that_go_backward(untrained: Engine):
    tools = {tool.name: tool for tool in map(function_tool, office_tools(Office()))}
    messages = references = 0
    for seed in range(RUNS):
        result = run(untrained, "asyncfc", seed)
        assert result.output
        references += check(result.messages, tools, futures=True)
        messages += sum(bool(message.get("tool_calls")) for message in result.messages)
    assert messages >= 20
    assert references > 0


def test_without_futures_there_are_no_references(untrained: Engine):
    tools = {tool.name: tool for tool in map(function_tool, office_tools(Office()))}
    assert check(run(untrained, "sync", 0).messages, tools, futures=False) == 0
