"""Tools of MCP servers, on real ones: what is listed, what is returned, and whatever can go wrong."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asyncfc_sim.core.values import ErrorValue
from asyncfc_sim.live.mcp_arguments import check_of
from asyncfc_sim.live.mcp_names import tool_names
from asyncfc_sim.live.mcp_tools import MCPServer, MCPServerError, MCPTool
from asyncfc_sim.tools.decorator import valid_name
from asyncfc_sim.tools.errors import ToolError
from asyncfc_sim.tools.overrides import Override, Overrides
from tests.mcp_servers import Notes, over_http, over_stdio


@dataclass(frozen=True)
class Opened:
    """A connection that is kept open for all tests here, since a server takes its time to start."""

    notes: Notes
    tools: dict[str, MCPTool]
    do: Callable[[Coroutine[Any, Any, Any]], Any]


@contextmanager
def opened(notes: Notes, **options: Any) -> Iterator[Opened]:
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        tools = runner.run(notes.source(**options).open(stack))
        yield Opened(notes, {tool.core.name: tool for tool in tools}, runner.run)

        async def close() -> None:
            await stack.aclose()
            assert asyncio.all_tasks() == {asyncio.current_task()}

        runner.run(close())


@pytest.fixture(scope="module", params=["stdio", "http"])
def kept(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    stdio = request.param == "stdio"
    notes = over_stdio(tmp_path_factory.mktemp("notes")) if stdio else request.getfixturevalue("notes_over_http")
    with opened(notes, trust_hints=True) as connection:
        yield connection


@pytest.fixture
def notes(kept: Opened) -> Opened:
    kept.notes.forget()
    return kept


@pytest.fixture
def remote(notes_over_http: Notes) -> Notes:
    notes_over_http.forget()
    return notes_over_http


def test_values_and_errors(notes):
    calls = [
        ("read", {"name": "a"}),
        ("look", {"name": "a"}),
        ("show", {}),
        ("fail", {"reason": "no paper"}),
        ("put", {"name": "c", "text": "gamma"}),
        ("notes_a_name_with_odd-characters", {}),
    ]

    async def use() -> list[Any]:
        return [await notes.tools[name].run(args) for name, args in calls]

    structured, text, several, failed, written, odd = notes.do(use())
    assert structured == {"name": "a", "text": "alpha", "tags": []}
    assert text == '{"text": "alpha"}'
    assert several == ["a dot", {"type": "image", "mime_type": "image/png", "bytes": 3}]
    assert isinstance(failed, ErrorValue)
    assert failed.kind == "tool_error"
    assert failed.message.startswith("fail: ")
    assert failed.message.endswith("no paper")
    assert written["notes"] >= 3
    assert odd == {"result": "odd"}


def test_requests_to_one_server_overlap(notes):
    async def use() -> list[Any]:
        return await asyncio.gather(*(notes.tools["read"].run({"name": "a", "seconds": 0.3}) for _ in range(5)))

    assert len(notes.do(use())) == 5
    assert notes.notes.overlapped() == 5


def test_a_call_that_only_reads_is_given_up_at_once_and_the_server_is_told(notes):
    async def use() -> None:
        call = asyncio.create_task(notes.tools["read"].run({"name": "a", "seconds": 20}))
        await _until(lambda: ("begin", "read") in notes.notes.seen())
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await _until(lambda: ("cancelled", "read") in notes.notes.seen())

    notes.do(use())


def test_a_call_that_may_write_ends_when_it_has_ended(notes):
    async def use() -> Any:
        call = asyncio.create_task(notes.tools["append"].run({"name": "new", "text": "!", "seconds": 0.3}))
        await _until(lambda: ("begin", "append") in notes.notes.seen())
        call.cancel()
        value = await call
        assert notes.notes.seen()[-1] == ("end", "append")
        return value

    assert notes.do(use()) == {"text": "!"}


def test_a_call_that_is_cancelled_twice_is_left_alone(remote):
    async def main() -> None:
        async with AsyncExitStack() as stack:
            tools = {tool.core.name: tool for tool in await remote.source().open(stack)}
            call = asyncio.create_task(tools["append"].run({"name": "b", "text": "!", "seconds": 20}))
            await _until(lambda: ("begin", "append") in remote.seen())
            for _ in range(2):
                assert not call.done()
                call.cancel()
                await asyncio.sleep(0.05)
            assert call.cancelled()
        await _until(lambda: ("cancelled", "append") in remote.seen())

    asyncio.run(main())


@pytest.mark.parametrize("how", ["stdio", "http"])
def test_a_server_that_dies_fails_its_calls_and_later_ones_at_once(how, tmp_path, capfd):
    with over_http(tmp_path) if how == "http" else nullcontext(over_stdio(tmp_path)) as server:  # noqa: SIM117
        with opened(server, trust_hints=True) as notes:

            async def use() -> list[Any]:
                waiting = asyncio.create_task(notes.tools["read"].run({"name": "a", "seconds": 20}))
                await _until(lambda: ("begin", "read") in server.seen())
                died = await notes.tools["die"].run({})
                return [died, await waiting, await notes.tools["read"].run({"name": "a"})]

            died, waiting, later = notes.do(use())
    assert capfd.readouterr() == ("", "")  # what a server says on stderr is not said on ours
    for value in (died, waiting, later):
        assert isinstance(value, ErrorValue)
        assert "the MCP server notes is gone" in value.message
        assert how == "http" or "the notes are on fire" in value.message  # the last that it said
    assert died.effects == "unknown"
    assert waiting.effects == later.effects == "none"


def test_closing_gives_up_what_is_under_way(remote):
    async def main() -> Any:
        async with AsyncExitStack() as stack:
            tools = {tool.core.name: tool for tool in await remote.source().open(stack)}
            call = asyncio.create_task(tools["append"].run({"name": "b", "text": "!", "seconds": 20}))
            await _until(lambda: ("begin", "append") in remote.seen())
        await _until(lambda: ("cancelled", "append") in remote.seen())  # now that nobody waits, the server is told
        return await call

    value = asyncio.run(main())
    assert isinstance(value, ErrorValue)
    assert value.kind == "cancelled"
    assert value.effects == "unknown"


def connected(source: MCPServer, **options: Any) -> dict[str, MCPTool]:
    """The tools, by name, of a server that was connected to and left again."""

    async def main() -> list[MCPTool]:
        async with AsyncExitStack() as stack:
            return await source.open(stack, **options)

    return {tool.core.name: tool for tool in asyncio.run(main())}


def test_hints_of_a_server_at_a_url_are_not_believed_unless_told_to(remote):
    for trust, believed in ((None, False), (False, False), (True, True)):
        tools = connected(remote.source(trust_hints=trust))
        assert (tools["read"].core.effects is not None) == believed
        assert tools["append"].core.effects is None
        assert tools["forget"].core.irreversible
    assert MCPServer("some command").believed
    assert not MCPServer("some command", trust_hints=False).believed


def test_arguments_are_checked_before_anything_is_sent(remote):
    validate = connected(remote.source())["read"].core.validate
    assert validate is not None
    assert validate({"name": "a", "seconds": 1}) == {"name": "a", "seconds": 1}
    assert validate({"name": 3}) == ErrorValue("invalid_argument", "read: name: 3 is not of type 'string'")
    assert validate({}) == ErrorValue("invalid_argument", "read: 'name' is a required property")
    assert remote.seen() == []


@pytest.mark.parametrize(
    "schema", [{"type": "nonsense"}, {"properties": {"a": {"$ref": "https://example.com/a.json"}}}]
)
def test_a_schema_that_cannot_be_followed_refuses_nothing(schema):
    check = check_of("t", schema)
    assert check is None or check({"a": 1}) == {"a": 1}


def test_parts_that_no_result_has_are_known_before_there_is_one(remote):
    tools = connected(remote.source())
    lacks = tools["read"].core.lacks
    assert lacks is not None
    assert lacks(("tags", 0)) is None
    assert lacks(("text", "length")) == ".text is a string: it has no .length"
    assert tools["look"].core.lacks is None


def test_overrides_have_the_last_word_and_see_defaults(remote):
    overrides = Overrides({"put": Override({"timeout_s": 2.0}, writes=("note:{name}/{seconds}",))})
    tools = connected(remote.source(timeout_s=7.0, trust_hints=True), override=overrides)
    put = tools["put"].core
    assert str(put.footprint({"name": "a", "text": "x"})) == "reads nothing; writes note:a/0.0"
    assert put.timeout_s == 2.0
    assert put.idempotent
    assert tools["append"].core.timeout_s == 7.0


def test_an_override_that_names_no_argument_of_the_tool(remote):
    overrides = Overrides({"put": Override(reads=("note:{nmae}",))})
    with pytest.raises(ToolError, match=r"'nmae'; its parameters are: name, text, seconds"):
        connected(remote.source(), override=overrides)


def test_names_that_are_taken(remote):
    assert {"notes_read", "put"} <= connected(remote.source(), taken={"read"}).keys()


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("no-such-command --fast", "no-such-command --fast: there is no command 'no-such-command'"),
        ([sys.executable, "-c", "import sys; sys.exit('out of ink')"], r"it closed the connection \(out of ink\)"),
        ([sys.executable, "-c", "print('hello')"], "it closed the connection"),
        ([sys.executable, "-c", "import time; time.sleep(60)"], "no answer within 0.5 s"),
        ("http://127.0.0.1:9/mcp", "http://127.0.0.1:9/mcp: All connection attempts failed"),
        ("REMOTE/elsewhere", r"Not Found \(HTTP 404\)"),
    ],
    ids=["no command", "ends at once", "no MCP", "silent", "no server", "no MCP at the URL"],
)
def test_a_server_that_cannot_be_had_is_one_line(target, why, capfd, remote):
    if isinstance(target, str):
        target = target.replace("REMOTE", str(remote.target))
    patience_s = 0.5 if "0.5 s" in why else 30.0
    with pytest.raises(ConnectionError, match=why) as caught:
        connected(MCPServer(target, connect_timeout_s=patience_s))
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_messages_hold_no_secrets():
    says = "import os, sys; sys.exit('\\x1b[31mno: ' + os.environ['NOTES_TOKEN'] + ' ' + os.environ['NOTES_DIR'])"
    source = MCPServer([sys.executable, "-c", says], env={"NOTES_TOKEN": "tok-12345", "NOTES_DIR": "/notes"})
    assert source.secrets == ["tok-12345"]
    with pytest.raises(ConnectionError, match=r"no: \*\*\* /notes\)$") as caught:
        connected(source)
    assert str(caught.value).isprintable()

    source = MCPServer("http://me:hunter22@127.0.0.1:9/mcp?key=k-12345", headers={"Authorization": "Bearer b-12345"})
    assert {"hunter22", "k-12345", "b-12345", "Bearer b-12345"} < set(source.secrets)
    with pytest.raises(ConnectionError, match=r"^MCP server http://127.0.0.1:9/mcp: ") as caught:
        connected(source)
    for secret in source.secrets:
        assert secret not in str(caught.value)


@pytest.mark.parametrize(("target", "options"), [(" ", {}), ([], {}), ("a 'b", {}), ("x", {"timeout_s": 0})])
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
