"""A fan-out of async no-op tools through other executors, against asyncio.gather of the same coroutines.

Run by bench_live.py in the environment that peers.sh makes; imports nothing of ours. Prints one JSON object: for each
peer, the ratio of process CPU time to that of asyncio.gather, round by round.

    .venv-peers/bin/python benchmarks/peers_fan_out.py CALLS ROUNDS
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

FanOut = Callable[[], Awaitable[Any]]


async def no_op(key: str) -> None:
    """Do nothing."""


def gathered(calls: int) -> FanOut:
    async def fan_out() -> None:
        await asyncio.gather(*[no_op(f"k{number}") for number in range(calls)])

    return fan_out


def tool_node(calls: int) -> FanOut:
    """LangGraph: a graph of one ToolNode, which is given a message with all the calls."""
    graph = StateGraph(MessagesState)
    graph.add_node("tools", ToolNode([tool(no_op)]))
    graph.add_edge(START, "tools")
    graph.add_edge("tools", END)
    compiled = graph.compile()
    made = [{"name": "no_op", "args": {"key": f"k{n}"}, "id": f"c{n}", "type": "tool_call"} for n in range(calls)]

    async def fan_out() -> None:
        answered = await compiled.ainvoke({"messages": [AIMessage("", tool_calls=made)]})
        assert len(answered["messages"]) == 1 + calls

    return fan_out


def pydantic_ai(calls: int) -> FanOut:
    """pydantic-ai: an agent whose model, a function, makes all the calls and then answers."""

    def model(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        if len(messages) > 1:
            return ModelResponse([TextPart("done")])
        return ModelResponse([ToolCallPart("no_op", {"key": f"k{number}"}, f"c{number}") for number in range(calls)])

    agent = Agent(FunctionModel(model), tools=[no_op])

    async def fan_out() -> None:
        assert (await agent.run("go")).output == "done"

    return fan_out


async def measure(calls: int, rounds: int) -> dict[str, list[float]]:
    peers = {"LangGraph ToolNode": tool_node(calls), "pydantic-ai": pydantic_ai(calls)}
    ways = {"gather": gathered(calls), **peers}
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds + 1):
        for name, fan_out in ways.items():
            repeats = 10 if name == "gather" else 1
            began = time.process_time()
            for _ in range(repeats):
                await fan_out()
            spent[name].append((time.process_time() - began) / repeats)
    anchor = spent["gather"][1:]  # without the first round, in which things are loaded
    return {name: [mine / base for mine, base in zip(spent[name][1:], anchor, strict=True)] for name in peers}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure(int(sys.argv[1]), int(sys.argv[2])))))
