"""Tools of MCP servers, on real ones: what is listed, what is returned, and whatever can go wrong."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.core.values import ErrorValue
from asyncfc_sim.live.mcp_tools import MCPServer, MCPServerError, MCPTool, tool_names
from asyncfc_sim.tools.decorator import valid_name
from asyncfc_sim.tools.errors import ToolError
from asyncfc_sim.tools.overrides import Override, Overrides
from tests.mcp_servers import NOTES, Notes, over_http, over_stdio


@pytest.fixture(params=["stdio", "http"])
def notes(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Notes]:
    if request.param == "stdio":
        yield over_stdio(tmp_path)
    else:
        with over_http(tmp_path) as server:
            yield server


def connected(source: MCPServer, use: Callable[[dict[str, MCPTool]], Awaitable[Any]], **options: Any) -> Any:
    """What `use` makes of the tools, by name; nothing is left running."""

    async def main() -> Any:
        async with AsyncExitStack() as stack:
            tools = await source.open(stack, **options)
            result = await use({tool.core.name: tool for tool in tools})
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return result

    return asyncio.run(main())


def test_values_and_errors(notes):
    async def use(tools: dict[str, MCPTool]) -> list[Any]:
        calls = [
            ("read", {"name": "a"}),
            ("look", {"name": "a"}),
            ("show", {}),
            ("fail", {"reason": "no paper"}),
            ("put", {"name": "c", "text": "gamma"}),
            ("notes_a_name_with_odd-characters", {}),
        ]
        return [await tools[name].run(args) for name, args in calls]

    structured, text, several, failed, written, odd = connected(notes.source(), use)
    assert structured == {"name": "a", "text": "alpha", "tags": []}
    assert text == '{"text": "alpha"}'
    assert several == ["a dot", {"type": "image", "mime_type": "image/png", "bytes": 3}]
    assert isinstance(failed, ErrorValue)
    assert failed.kind == "tool_error"
    assert failed.message.startswith("fail: ")
    assert failed.message.endswith("no paper")
    assert written == {"notes": 3}
    assert odd == {"result": "odd"}


def test_requests_to_one_server_overlap(notes):
    async def use(tools: dict[str, MCPTool]) -> list[Any]:
        return await asyncio.gather(*(tools["read"].run({"name": "a", "seconds": 0.3}) for _ in range(5)))

    assert len(connected(notes.source(), use)) == 5
    assert notes.overlapped() == 5


def test_hints_of_a_server_at_a_url_are_not_believed_unless_told_to(notes):
    async def effects(tools: dict[str, MCPTool]) -> tuple[bool, bool]:
        assert tools["append"].core.effects is None
        return tools["read"].core.effects is not None, tools["forget"].core.irreversible

    remote = isinstance(notes.target, str)
    assert connected(notes.source(), effects) == (not remote, True)
    assert connected(notes.source(trust_hints=True), effects) == (True, True)
    assert connected(notes.source(trust_hints=False), effects) == (False, True)


def test_a_call_that_only_reads_is_given_up_at_once_and_the_server_is_told(notes):
    async def use(tools: dict[str, MCPTool]) -> None:
        call = asyncio.create_task(tools["read"].run({"name": "a", "seconds": 20}))
        await _until(lambda: ("begin", "read") in notes.seen())
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await _until(lambda: ("cancelled", "read") in notes.seen())

    connected(notes.source(trust_hints=True), use)


def test_a_call_that_may_write_ends_when_it_has_ended(notes):
    async def use(tools: dict[str, MCPTool]) -> Any:
        call = asyncio.create_task(tools["append"].run({"name": "a", "text": "!", "seconds": 0.3}))
        await _until(lambda: ("begin", "append") in notes.seen())
        call.cancel()
        value = await call
        assert notes.seen()[-1] == ("end", "append")
        return value

    assert connected(notes.source(), use) == {"text": "alpha!"}


def test_a_server_that_dies_fails_its_calls_and_later_ones_at_once(notes):
    async def use(tools: dict[str, MCPTool]) -> list[Any]:
        waiting = asyncio.create_task(tools["read"].run({"name": "a", "seconds": 20}))
        await _until(lambda: ("begin", "read") in notes.seen())
        return [await tools["die"].run({}), await waiting, await tools["read"].run({"name": "a"})]

    died, waiting, later = connected(notes.source(trust_hints=True), use)
    for value in (died, waiting, later):
        assert isinstance(value, ErrorValue)
        assert "the MCP server notes is gone" in value.message
        if notes.target == NOTES:
            assert "the notes are on fire" in value.message  # the last that it said
    assert died.effects == "unknown"
    assert waiting.effects == later.effects == "none"


def test_closing_gives_up_what_is_under_way(notes):
    async def main() -> Any:
        async with AsyncExitStack() as stack:
            tools = {tool.core.name: tool for tool in await notes.source().open(stack)}
            call = asyncio.create_task(tools["append"].run({"name": "a", "text": "!", "seconds": 20}))
            await _until(lambda: ("begin", "append") in notes.seen())
        return await call

    value = asyncio.run(main())
    assert isinstance(value, ErrorValue)
    assert value.kind == "cancelled"
    assert value.effects == "unknown"


def test_arguments_are_checked_before_anything_is_sent(tmp_path):
    notes = over_stdio(tmp_path)

    async def use(tools: dict[str, MCPTool]) -> list[Any]:
        validate = tools["read"].core.validate
        assert validate is not None
        return [validate({"name": "a", "seconds": 1}), validate({"name": 3}), validate({})]

    fine, wrong, missing = connected(notes.source(), use)
    assert fine == {"name": "a", "seconds": 1}
    assert wrong == ErrorValue("invalid_argument", "read: name: 3 is not of type 'string'")
    assert missing == ErrorValue("invalid_argument", "read: 'name' is a required property")
    assert notes.seen() == []


def test_overrides_have_the_last_word_and_see_defaults(tmp_path):
    overrides = Overrides({"put": Override({"timeout_s": 2.0}, writes=("note:{name}/{seconds}",))})

    async def use(tools: dict[str, MCPTool]) -> None:
        core = tools["put"].core
        assert str(core.footprint({"name": "a", "text": "x"})) == "reads nothing; writes note:a/0.0"
        assert core.timeout_s == 2.0
        assert core.idempotent
        assert tools["append"].core.timeout_s == 7.0

    connected(over_stdio(tmp_path).source(timeout_s=7.0), use, override=overrides)


def test_an_override_that_names_no_argument_of_the_tool(tmp_path):
    async def use(tools: dict[str, MCPTool]) -> None: ...

    overrides = Overrides({"put": Override(reads=("note:{nmae}",))})
    with pytest.raises(ToolError, match=r"'nmae'; its parameters are: name, text, seconds"):
        connected(over_stdio(tmp_path).source(), use, override=overrides)


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("no-such-command --fast", "no-such-command --fast: there is no command 'no-such-command'"),
        ([sys.executable, "-c", "import sys; sys.exit('out of ink')"], r"it closed the connection \(out of ink\)"),
        ([sys.executable, "-c", "print('hello')"], "it closed the connection"),
        ([sys.executable, "-c", "import time; time.sleep(60)"], "no answer within 0.5 s"),
        ("http://127.0.0.1:9/mcp", "http://127.0.0.1:9/mcp: All connection attempts failed"),
    ],
    ids=["no command", "ends at once", "no MCP", "silent", "no server"],
)
def test_a_server_that_cannot_be_had_is_one_line(target, why, capfd):
    async def use(tools: dict[str, MCPTool]) -> None: ...

    patience_s = 0.5 if "0.5 s" in why else 30.0
    with pytest.raises(ConnectionError, match=why) as caught:
        connected(MCPServer(target, connect_timeout_s=patience_s), use)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_stderr_of_a_server_is_not_ours(tmp_path, capfd):
    async def use(tools: dict[str, MCPTool]) -> None:
        await tools["fail"].run({"reason": "x"})

    connected(over_stdio(tmp_path).source(), use)  # it says that it is ready
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("target", "options"), [(" ", {}), ([], {}), ("x", {"timeout_s": 0})])
def test_what_cannot_be_meant(target, options):
    with pytest.raises(MCPServerError):
        MCPServer(target, **options)


NAMES = st.text(st.sampled_from("ab_./ é"), min_size=1, max_size=100)


@given(st.lists(NAMES, max_size=6), NAMES, st.sets(NAMES, max_size=3))
def test_names_are_valid_unlike_and_the_same_each_time(given_names, server, taken):
    names = tool_names(given_names, server, taken)
    assert all(map(valid_name, names))
    assert not set(names) & taken
    assert len(set(names)) == len(set(given_names)) or len(set(given_names)) < len(given_names)
    assert names == tool_names(given_names, server, taken)


def test_a_name_is_kept_where_it_can_be():
    assert tool_names(["read", "write"], "notes", {"write"}) == ["read", "notes_write"]
    (long,) = tool_names(["x" * 80], "notes", ())
    assert long.startswith("notes_xxx")
    assert len(long) == 64


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.01)
