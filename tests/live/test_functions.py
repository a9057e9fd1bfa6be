"""Functions as live tools, by the real clock: threads that overlap, what is raised in them, what cannot be stopped."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import coroutine
from typing import Any

import pytest

from asyncfc_sim.live.agent import Agent
from asyncfc_sim.live.run import AgentRun
from asyncfc_sim.live.watchdog import watched
from asyncfc_sim.tools.decorator import tool
from tests.played import Played, Script

PATIENCE_S = 10.0  # for what should happen at once


def play(script: Script, *tools: Any, **changes: Any) -> tuple[AgentRun, Played]:
    model = Played(script)
    return Agent(model, tools, **changes).run_sync("go"), model


def ids(*numbers: int) -> tuple[str, dict[str, Any]]:
    return "await_future", {"ids": [f"$f{number}" for number in numbers]}


def test_plain_functions_run_beside_one_another() -> None:
    """Each waits until the other is there."""
    meeting = threading.Barrier(2)

    @tool(reads=[])
    def meet(who: str) -> str:
        meeting.wait(PATIENCE_S)
        return f"{who} in {threading.current_thread().name}"

    run, _ = play([[("meet", {"who": "a"}), ("meet", {"who": "b"})], "done"], meet, grace_s=float("inf"))
    values = [event.fields["value"] for event in run.trace.events if event.rule == "finish"]
    assert len(values) == 2
    assert all("asyncfc-tool" in value for value in values)


user = contextvars.ContextVar("user", default="nobody")


def test_context_variables_of_the_caller_are_seen_in_threads_and_on_the_loop() -> None:
    @tool(reads=[], writes=[])
    def in_thread() -> str:
        mine, _ = user.get(), user.set("a thread")
        return mine

    @tool(reads=[], writes=[])
    async def on_loop() -> str:
        mine, _ = user.get(), user.set("a task")
        return mine

    async def main() -> AgentRun:
        user.set("me")
        calls: list[Any] = [("in_thread", {}), ("on_loop", {})]
        return await Agent(Played([calls, calls, "done"]), [in_thread, on_loop], policy="sync").run("go")

    run = asyncio.run(main())
    assert [event.fields["value"] for event in run.trace.events if event.rule == "finish"] == ["me"] * 4
    assert user.get() == "nobody"


class Rude(BaseException):
    pass


@pytest.mark.parametrize(
    "error",
    [ValueError("v"), SystemExit(3), StopIteration("s"), KeyboardInterrupt(), asyncio.CancelledError(), Rude("r")],
    ids=lambda error: type(error).__name__,
)
def test_whatever_is_raised_in_a_thread_is_the_error_of_its_call(error: BaseException) -> None:
    """KeyboardInterrupt too: Ctrl-C is never raised in a thread, so this is the function's own."""

    @tool(reads=[], writes=[])
    def bad() -> None:
        raise error

    @tool(reads=[], writes=[])
    def good() -> str:
        return "fine"

    run, model = play([[("bad", {}), ("good", {})], "done"], bad, good, grace_s=float("inf"))
    failed, fine = model.shown()
    assert failed["error"]["kind"] == "tool_error"
    assert type(error).__name__ in failed["error"]["message"]
    assert (fine, run.output) == ("fine", "done")


def test_a_plain_function_may_return_something_to_await() -> None:
    async def later() -> str:
        await asyncio.sleep(0)
        return "awaited"

    @tool(reads=[], writes=[])
    def lazy() -> Any:
        return later()

    _, model = play([[("lazy", {})], "done"], lazy, grace_s=float("inf"))
    assert model.shown() == ["awaited"]


# ------------------------------------------------------------------------------------------ what cannot be stopped


def test_a_function_in_a_thread_runs_on_when_it_timed_out_and_holds_its_keys_until_it_has_returned() -> None:
    log: list[str] = []
    beside = threading.Event()

    @tool(writes=["file"], timeout_s=0.05)
    def slow() -> str:
        assert beside.wait(PATIENCE_S)  # an independent call runs while this one is in doubt
        time.sleep(0.05)
        log.append("slow wrote")
        return "late"

    @tool(writes=["file"])
    def after() -> str:
        log.append("after wrote")
        return "ok"

    @tool(reads=["other"])
    def independent() -> str:
        beside.set()
        return "beside"

    script: Script = [[("slow", {}), ("after", {})], [ids(1)], [("independent", {})], [ids(2, 3)], "done"]
    run, model = play(script, slow, after, independent, grace_s=0.0)
    assert log == ["slow wrote", "after wrote"]
    error = model.shown(2)[0]["resolved"]["$f1"]["error"]
    assert (error["kind"], error["effects"]) == ("timeout", "unknown")
    assert [event.rule for event in run.trace.events if event.fields.get("future") == 1][-3:] == [
        "timeout",
        "fail",
        "end",
    ]
    assert run.certificate.certified
    assert run.in_doubt == ()


def test_a_function_that_never_returns_does_not_keep_the_run_from_ending() -> None:
    release = threading.Event()

    @tool(writes=["file"], timeout_s=0.05)
    def stuck() -> str:
        release.wait(60)
        return "at last"

    began_s = time.monotonic()
    try:
        run, _ = play([[("stuck", {})], [ids(1)], "done"], stuck, grace_s=0.0, patience_s=0.1)
    finally:
        release.set()
    assert time.monotonic() - began_s < PATIENCE_S
    assert run.output == "done"
    assert run.in_doubt == (1,)


# ---------------------------------------------------------------------------------------------------------- retries


class Busy(Exception):
    retryable = True


@pytest.mark.parametrize("error", [ConnectionResetError("reset"), TimeoutError("slow"), Busy("busy")])
def test_a_call_that_may_succeed_later_is_tried_again_if_it_is_idempotent(error: Exception) -> None:
    tries: list[float] = []

    @tool(reads=["net"], idempotent=True)
    def fetch() -> str:
        tries.append(time.monotonic())
        if len(tries) < 3:
            raise error
        return "page"

    run, model = play([[("fetch", {})], "done"], fetch, grace_s=float("inf"), retries=2, retry_delay_s=0.01)
    assert model.shown() == ["page"]
    assert len(tries) == 3
    assert [event.rule for event in run.trace.events if event.rule in ("start", "finish", "fail")] == [
        *["start"] * 3,
        "finish",
    ]


@pytest.mark.parametrize(
    ("idempotent", "error"), [(False, ConnectionResetError("reset")), (True, ValueError("no")), (True, OSError("full"))]
)
def test_no_other_call_is_tried_again(idempotent: bool, error: Exception) -> None:
    tries: list[int] = []

    @tool(writes=["net"], idempotent=idempotent)
    def push() -> str:
        tries.append(1)
        raise error

    _, model = play([[("push", {})], "done"], push, grace_s=float("inf"), retries=5, retry_delay_s=0.01)
    assert len(tries) == 1
    assert model.shown()[0]["error"]["kind"] == "tool_error"


# ------------------------------------------------------------------------------------------ who blocks the event loop


def test_an_async_function_that_blocks_the_loop_is_named() -> None:
    @tool(reads=[], writes=[])
    async def blocks() -> str:
        time.sleep(0.15)
        return "slept"

    @tool(reads=[], writes=[])
    async def awaits() -> str:
        await asyncio.sleep(0.15)
        return "waited"

    @tool(reads=[], writes=[])
    def threaded() -> str:
        time.sleep(0.15)
        return "slept aside"

    run, _ = play([[("blocks", {}), ("awaits", {}), ("threaded", {})], "done"], blocks, awaits, threaded)
    (note,) = (note for note in run.notes if "blocked" in note)
    assert "blocks" in note
    assert "awaits" not in note
    assert "threaded" not in note


@contextmanager
def noted() -> Iterator[list[float]]:
    blocked: list[float] = []
    yield blocked
    assert blocked == []


def test_watching_changes_nothing() -> None:
    """What is returned, raised, sent in and cancelled passes through; a coroutine that is dropped is closed."""
    closed: list[str] = []

    async def work(how: str) -> str:
        try:
            await asyncio.sleep(0)
            if how == "raises":
                raise LookupError("no")
            await asyncio.sleep(0 if how == "returns" else 60)
        except asyncio.CancelledError:
            if how == "survives":
                return "cancelled, and went on"
            raise
        finally:
            closed.append(how)
        return how

    async def main(blocked: list[float]) -> None:
        assert await watched(work("returns"), blocked.append) == "returns"
        with pytest.raises(LookupError):
            await watched(work("raises"), blocked.append)
        for how in ("survives", "gives up"):
            task = asyncio.ensure_future(_run(watched(work(how), blocked.append)))
            await asyncio.sleep(0.01)
            task.cancel()
            done, _ = await asyncio.wait([task])
            assert done == {task}
            assert task.cancelled() == (how == "gives up")
        dropped = watched(work("dropped"), blocked.append)
        next(iter(dropped))
        dropped.close()

    with noted() as blocked:
        asyncio.run(main(blocked))
    assert closed == ["returns", "raises", "survives", "gives up", "dropped"]


async def _run(work: Any) -> Any:
    return await work


def test_a_value_sent_into_watched_work_arrives() -> None:
    @coroutine
    def asks() -> Any:
        answer = yield "question"
        return answer * 2

    async def work() -> int:
        return int(await asks())

    watching = watched(work(), lambda seconds: None)
    assert next(iter(watching)) == "question"
    with pytest.raises(StopIteration) as end:
        watching.send(21)
    assert end.value.value == 42
