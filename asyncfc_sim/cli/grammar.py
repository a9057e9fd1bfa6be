"""`asyncfc grammar`: the grammar that holds a model to well-formed calls of given tools."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from . import agent_options as options

TARGETS = ("vllm", "llguidance", "xgrammar", "lark")


def grammar(
    tools: options.Tools = None,
    target: Annotated[str, typer.Option("--for", help="vllm, llguidance, xgrammar, or lark (to read, not decode)")] = (
        "vllm"
    ),
    policy: Annotated[str, typer.Option(help="of the run: without futures, there are no references")] = "asyncfc",
    numbered_from: Annotated[
        int, typer.Option("--numbered-from", metavar="N", min=1, help="number of the message's first call")
    ] = 1,
    max_calls: Annotated[int, typer.Option("--max-calls", metavar="N", min=1, help="in the message")] = 8,
    answer: Annotated[bool, typer.Option("--answer/--no-answer", help="may it be an answer in words instead?")] = True,
    max_string: Annotated[
        int | None, typer.Option("--max-string", metavar="N", min=1, help="length of strings, about [default: none]")
    ] = None,
    tags: Annotated[
        str, typer.Option(help="<tool_call> is a token of the model, or text: auto, token or text")
    ] = "auto",
    trust_hints: options.TrustHints = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="print one JSON document; for vllm, with what --extra-body takes")
    ] = False,
) -> None:
    """Print a Lark grammar of messages that call these tools, to decode under.

    Arguments have the types of the tools' JSON schemas. References ($f1.id) only name earlier calls: each call of a
    message is written out on its own. What a schema says beyond the grammar is told in a comment. The calls are in the
    form of Hermes and Qwen: JSON between <tool_call> and </tool_call>.

    A grammar is about one message. With --extra-body it goes along with all of a run, so that later messages can name
    only calls of their own; asyncfc run --constrain makes a new one for each.

    \b
    Examples:
      asyncfc grammar --tools mytools.py --for llguidance > calls.lark
      asyncfc grammar --tools mytools.py --numbered-from 4 --max-calls 2
      asyncfc run "..." --tools mytools.py --policy sync --base-url $URL \\
        --extra-body "$(asyncfc grammar --tools mytools.py --policy sync --json | jq -c .extra_body)"
      asyncfc run "..." --tools mytools.py --base-url $URL --constrain
    """
    from asyncfc_sim.core.policy import POLICIES
    from asyncfc_sim.language.constrained import Held, tool_grammar

    from .check_request import one_of
    from .output import document, emit, show

    one_of("--for", target, TARGETS)
    one_of("--tags", tags, ("auto", "token", "text"))
    one_of("--policy", policy, options.live_policies())
    if not tools:
        raise options.BadOption("no tools to call: expected --tools FILE.py, or --tools mcp:COMMAND")
    held = Held(
        futures=POLICIES[policy].futures,
        first=numbered_from,
        max_calls=max_calls,
        answer=answer,
        max_string=max_string,
        tokens=target != "lark" if tags == "auto" else tags == "token",
    )
    made = tool_grammar(_schemas(tools, trust_hints=trust_hints), held)
    if not as_json:
        show(made.text)
        return
    results: dict[str, Any] = {"grammar": made.text, "notes": list(made.notes)}
    if target == "vllm":
        results["extra_body"] = {"structured_outputs": {"grammar": made.text}}
    config = {"tools": tools, "for": target, "policy": policy, "numbered_from": numbered_from, "max_calls": max_calls}
    config |= {"answer": answer, "max_string": max_string, "tags": "token" if held.tokens else "text"}
    emit(document("grammar/1", config=config, **results))


def _schemas(specs: list[str], *, trust_hints: bool) -> dict[str, dict[str, object]]:
    """The parameters' schemas of all tools. Raises what naming or connecting to them raises."""
    import asyncio
    from concurrent.futures import ThreadPoolExecutor
    from contextlib import AsyncExitStack

    from asyncfc_sim.live.toolset import open_tools

    given = options.given_tools(specs, trust_hints=trust_hints)

    async def opened() -> dict[str, dict[str, object]]:
        async with AsyncExitStack() as stack:
            tools = await open_tools(given, stack, ThreadPoolExecutor())
            return {name: dict(tool.input_schema) for name, tool in tools.items()}

    return asyncio.run(opened())
