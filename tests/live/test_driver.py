"""What the live driver does at its edges: calls given up before they began, streams cut off, people who are asked."""

from __future__ import annotations

import asyncio
import contextvars
import types
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import inf
from pathlib import Path
from typing import Any

import pytest

from asyncfc_sim.core.session_events import AskApproval
from asyncfc_sim.core.tool import Tool, pure
from asyncfc_sim.live import driver, virtual_clock
from asyncfc_sim.live.agent import Agent
from asyncfc_sim.live.run import AgentRun, RunFailed
from asyncfc_sim.tools.decorator import tool
from tests.played import Played, Script


def play(script: Script, tools: Sequence[Any], **changes: Any) -> tuple[AgentRun, Played]:
    """Run a script on the virtual clock, with no grace unless told otherwise; nothing may be left behind."""
    model = Played(script)
    agent = Agent(model, tools, **{"grace_s": 0.0, **changes})

    async def main() -> AgentRun:
        try:
            return await agent.run("go")
        finally:
            assert asyncio.all_tasks() == {asyncio.current_task()}

    return virtual_clock.run(main()), model


def rules(run: AgentRun, *rules: str) -> list[tuple[str, Any]]:
    """The events of these rules, with their futures."""
    return [(event.rule, event.fields.get("future")) for event in run.trace.events if event.rule in rules]


@tool(reads=["world"])
async def look(seconds: float = 1.0) -> str:
    await asyncio.sleep(seconds)
    return "seen"


@tool(writes=["world"])
async def act(seconds: float = 1.0) -> str:
    await asyncio.sleep(seconds)
    return "done"


@tool(reads=[], writes=[])
async def think(about: str = "", seconds: float = 1.0) -> str:
    await asyncio.sleep(seconds)
    return about


# ------------------------------------------------------------------------------------------------------ calls given up


@pytest.mark.parametrize("called", ["look", "act"])
def test_a_call_cancelled_before_its_task_took_a_step_ends(called: str) -> None:
    """The call and its cancellation come in one message, at once: the task is cancelled before it has begun."""
    script: Script = [[(called, {}), ("cancel_future", {"ids": ["$f1"]})], [("act", {})], "done"]
    run, model = play(script, [look, act])
    assert run.output == "done"
    assert model.shown(1)[1]["calls"]["$f1"]["error"]["kind"] == "cancelled"
    assert rules(run, "cancel", "end") == [("cancel", 1), ("end", 1)]
    assert rules(run, "finish") == [("finish", 2)]  # nothing holds the key any more


def test_a_writer_that_timed_out_holds_its_keys_until_it_has_ended() -> None:
    """It sees that it is to stop, and takes its time; what does not conflict with it goes on."""
    log: list[tuple[float, str]] = []

    def note(what: str) -> None:
        log.append((asyncio.get_running_loop().time(), what))

    @tool(writes=["world"], timeout_s=1.0)
    async def stubborn() -> str:
        try:
            await asyncio.sleep(100)
        except asyncio.CancelledError:
            note("asked to stop")
            await asyncio.sleep(5)
            note("stubborn ended")
        return "late"

    @tool(writes=["world"])
    async def later() -> str:
        note("later began")
        return "ok"

    script: Script = [
        [("stubborn", {}), ("later", {}), ("think", {"about": "x"})],
        [("await_future", {"ids": ["$f1"]})],
    ]
    run, model = play([*script, "done"], [stubborn, later, think])
    assert [what for _, what in log] == ["asked to stop", "stubborn ended", "later began"]
    asked_s, ended_s, began_s = (t for t, _ in log)
    assert ended_s == pytest.approx(asked_s + 5)
    assert began_s == pytest.approx(ended_s)
    error = model.shown(2)[0]["resolved"]["$f1"]["error"]
    assert (error["kind"], error["effects"], error["retryable"]) == ("timeout", "unknown", False)
    assert rules(run, "start") == [("start", 1), ("start", 3), ("start", 2)]
    assert rules(run, "timeout", "end") == [("timeout", 1), ("end", 1)]
    assert run.in_doubt == ()


def test_a_timeout_counts_from_the_start_not_from_the_issue() -> None:
    @tool(reads=["world"], timeout_s=1.5)
    async def hurry() -> str:
        await asyncio.sleep(1)
        return "in time"

    run, _ = play([[("act", {"seconds": 10.0}), ("hurry", {})], "done"], [act, hurry])
    assert rules(run, "timeout") == []
    assert [event.t for event in run.trace.events if event.rule == "finish"] == pytest.approx([10, 11])


def test_the_timeout_of_a_call_that_has_ended_is_forgotten() -> None:
    """Else a long conversation would be full of timers."""

    @tool(reads=[], writes=[], timeout_s=3600)
    async def quick() -> int:
        return len(asyncio.get_running_loop()._scheduled)  # type: ignore[attr-defined]

    run, _ = play([[0.1, ("quick", {})] for _ in range(20)] + ["done"], [quick], policy="sync")
    seen = [event.fields["value"] for event in run.trace.events if event.rule == "finish"]
    assert len(seen) == 20
    assert max(seen) <= 3


def test_a_call_given_up_by_the_run_itself_is_not_said_to_have_ended() -> None:
    """How far it came is not known, so nothing is recorded of it: a resumed run will ask."""
    ended: list[AgentRun] = []

    async def main() -> None:
        agent = Agent(Played([[("act", {"seconds": 50.0}), 100.0]]), [act])
        running = asyncio.create_task(agent.run("go", ended=ended.append))
        await asyncio.sleep(10)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert asyncio.all_tasks() == {asyncio.current_task()}

    virtual_clock.run(main())
    assert rules(ended[0], "start", "finish", "fail", "end") == [("start", 1)]
    assert [event.fields["reason"] for event in ended[0].trace.events if event.rule == "give_up"]


def test_a_call_that_ends_while_the_run_is_given_up_has_ended() -> None:
    """It was asked to stop, and finished first."""
    ended: list[AgentRun] = []

    @tool(writes=["world"])
    async def thorough() -> str:
        try:
            await asyncio.sleep(100)
        except asyncio.CancelledError:
            await asyncio.sleep(1)
        return "finished all the same"

    async def main() -> None:
        agent = Agent(Played([[("thorough", {}), ("act", {}), 100.0]]), [thorough, act], timeout_s=10)
        with pytest.raises(RunFailed, match="no answer within 10 s"):
            await agent.run("go", ended=ended.append)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    virtual_clock.run(main())
    assert rules(ended[0], "start", "finish") == [("start", 1), ("finish", 1)]  # and the next one was not begun


def test_a_call_that_would_not_end_is_let_go_and_in_doubt() -> None:
    let_go: list[str] = []

    @tool(writes=["world"])
    async def deaf() -> str:
        for _ in range(3):
            try:
                await asyncio.sleep(1000)
            except asyncio.CancelledError:
                let_go.append("asked")
        return "hm"

    ended: list[AgentRun] = []

    async def main() -> float:
        agent = Agent(Played([[("deaf", {}), 100.0]]), [deaf], timeout_s=10, patience_s=3)
        with pytest.raises(RunFailed):
            await agent.run("go", ended=ended.append)
        return asyncio.get_running_loop().time()

    assert virtual_clock.run(main()) == pytest.approx(13, abs=0.5)
    assert ended[0].in_doubt == (1,)
    assert rules(ended[0], "finish", "fail", "end") == []


# ---------------------------------------------------------------------------------------------------- what tools raise


class Rude(BaseException):
    pass


def test_what_tools_raise_never_ends_the_run() -> None:
    """Whatever it is, and siblings keep their results."""

    @tool(reads=[], writes=[])
    async def exits() -> None:
        raise SystemExit("bye")

    @tool(reads=[], writes=[])
    async def cancels_itself() -> None:
        raise asyncio.CancelledError

    @tool(reads=[], writes=[])
    async def stops() -> None:
        raise StopIteration("no more")

    @tool(reads=[], writes=[])
    async def is_rude() -> None:
        raise Rude("!")

    @tool(reads=[], writes=[])
    async def closes() -> None:
        raise GeneratorExit

    bad = [exits, cancels_itself, stops, is_rude, closes]
    calls: list[Any] = [(each.__name__, {}) for each in bad]
    script = [[*calls, ("think", {"about": "x"})], [("await_future", {"ids": [f"$f{n}" for n in range(1, 7)]})], "done"]
    run, model = play(script, [*bad, think])
    shown = model.shown(2)[0]["resolved"]
    assert [shown[f"$f{number}"]["error"]["kind"] for number in range(1, 6)] == ["tool_error"] * 5
    assert "SystemExit: bye" in shown["$f1"]["error"]["message"]
    assert shown["$f6"] == "x"
    assert run.output == "done"


class Broken:
    """A LiveTool that raises, which it has promised not to do."""

    core: Tool = pure("broken")
    description = "It breaks"
    input_schema: Mapping[str, Any] = {"type": "object", "properties": {}}

    async def run(self, args: Mapping[str, Any]) -> Any:
        raise LookupError("it is broken")


def test_a_live_tool_that_breaks_its_promise_fails_its_call_only() -> None:
    run, model = play(
        [[("broken", {}), ("think", {})], [("await_future", {"ids": ["$f1"]})], "done"], [Broken(), think]
    )
    assert "it is broken" in model.shown(2)[0]["resolved"]["$f1"]["error"]["message"]
    assert run.output == "done"


# --------------------------------------------------------------------------------------------------- streams cut off


def test_strict_cuts_a_stream_off_at_once_even_if_all_of_it_has_arrived() -> None:
    """The failing call and what follows come in one packet: no call behind the failure is taken for one of the next
    message."""
    script: Script = [
        [("act", {"seconds": "soon"}), ("act", {}), "and so on"],
        [("act", {})],
        "done",
    ]
    run, model = play(script, [act], failure="strict", delivery="on_touch")
    assert run.output == "done"
    assert [message["role"] for message in model.asked[1]] == ["user", "assistant", "tool"]
    assert rules(run, "issue", "cut") == [("issue", 1), ("cut", 1), ("issue", 2)]
    assert model.closed == len(model.asked)


def test_strict_cuts_a_stream_off_in_the_middle() -> None:
    @tool(writes=["world"])
    async def breaks() -> str:
        await asyncio.sleep(1)
        raise ValueError("broke")

    script: Script = [[("breaks", {}), 5.0, ("act", {}), "and so on"], [0.5, ("act", {})], "done"]
    run, model = play(script, [breaks, act], failure="strict", delivery="on_touch")
    assert run.output == "done"
    assert rules(run, "issue", "cut") == [("issue", 1), ("cut", 1), ("issue", 2)]
    messages = [event.t for event in run.trace.events if event.rule == "message"]
    assert messages[:2] == pytest.approx([1, 1.5])
    assert model.closed == len(model.asked)
    assert run.notes == (), "what was cut off had never been sent"


def test_a_stream_cancelled_from_within_ends_the_run() -> None:
    """Nobody had asked it to stop: to wait for it would be to wait for ever."""

    def cancelled() -> None:
        raise asyncio.CancelledError

    with pytest.raises(RunFailed, match="ended from within"):
        play([[("think", {}), cancelled]], [think])


def test_text_that_cannot_be_shown_ends_the_run_with_its_reason() -> None:
    def on_text(text: str) -> None:
        raise BrokenPipeError("nobody reads")

    with pytest.raises(BrokenPipeError, match="nobody reads"):
        play(["hello"], [think], on_text=on_text)


# ---------------------------------------------------------------------------------------------------------- approval


@tool(writes=["bank"], irreversible=True)
async def pay(amount: int) -> str:
    return f"paid {amount}"


async def amount() -> int:
    await asyncio.sleep(1)
    return 7


tool(reads=["bank"])(amount)


def asks(core: Tool) -> Tool:
    """A person is to be asked before anything is paid."""
    return replace(core, approval=core.name == "pay")


PAYING: Script = [
    [("amount", {}), ("pay", {"amount": "$f1"})],
    [("await_future", {"ids": ["$f2"]})],
    "done",
]


@pytest.mark.parametrize("yes", [True, False])
def test_a_person_is_shown_bound_values_before_the_call_runs(yes: bool) -> None:
    asked: list[AskApproval] = []

    async def approve(question: AskApproval) -> bool:
        asked.append(question)
        await asyncio.sleep(30)
        return yes

    run, model = play(PAYING, [amount, pay], approve=approve, override=asks)
    assert [(question.tool, dict(question.args)) for question in asked] == [("pay", {"amount": 7})]
    answer = model.shown(2)[0]["resolved"]["$f2"]
    assert answer == "paid 7" if yes else answer["error"]["kind"] == "not_executed"
    assert run.output == "done"


def test_a_question_is_withdrawn_when_its_call_is_cancelled() -> None:
    withdrawn: list[float] = []

    async def approve(question: AskApproval) -> bool:
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            withdrawn.append(asyncio.get_running_loop().time())
        return True  # too late

    script = [PAYING[0], [5.0, ("cancel_future", {"ids": ["$f2"]})], "done"]
    run, model = play(script, [amount, pay], approve=approve, override=asks)
    assert withdrawn == pytest.approx([5])
    assert model.shown(2)[0]["calls"]["$f2"]["error"]["kind"] == "cancelled"
    assert rules(run, "start") == [("start", 1)]


def test_an_approval_that_raises_ends_the_run_with_its_reason() -> None:
    async def approve(question: AskApproval) -> bool:
        raise LookupError("nobody is there")

    with pytest.raises(LookupError, match="nobody is there"):
        play(PAYING, [amount, pay], approve=approve, override=asks)


def test_a_run_given_up_while_a_person_is_asked_leaves_nothing_behind() -> None:
    async def approve(question: AskApproval) -> bool:
        await asyncio.sleep(1000)
        return True

    with pytest.raises(RunFailed, match="within 20 s") as failed:
        play(PAYING, [amount, pay], approve=approve, override=asks, timeout_s=20)
    assert failed.value.run.in_doubt == ()


# ----------------------------------------------------------------------------------------------- context and the rest

user = contextvars.ContextVar("user", default="nobody")


def test_tools_see_the_context_of_who_called_the_agent_and_not_that_of_one_another() -> None:
    seen: list[str] = []

    @tool(writes=["world"])
    async def whoami() -> str:
        seen.append(user.get())
        user.set(f"a tool, after {len(seen)}")
        await asyncio.sleep(1)
        return "ok"

    async def main() -> None:
        user.set("me")
        # The second runs when the first has ended: it is started by what the first one's task does last.
        await Agent(Played([[("whoami", {}), ("whoami", {})], "done"]), [whoami]).run("go")

    virtual_clock.run(main())
    assert seen == ["me", "me"]


def test_a_run_may_speak_with_the_contexts_of_its_callers_in_text_and_approval() -> None:
    seen: list[str] = []

    def approve(question: AskApproval) -> bool:
        seen.append(user.get())
        return True

    async def main() -> None:
        user.set("me")
        agent = Agent(
            Played([*PAYING[:2], "done"]),
            [amount, pay],
            approve=approve,
            override=asks,
            on_text=lambda _: seen.append(user.get()),
        )
        await agent.run("go")

    virtual_clock.run(main())
    assert seen == ["me", "me"]


def test_caps_hold() -> None:
    now: Counter[str] = Counter()
    most: Counter[str] = Counter()

    def counted(name: str) -> Any:
        @tool(reads=[], writes=[], name=name)
        async def call(number: int) -> int:
            for key in (name, "all"):
                now[key] += 1
                most[key] = max(most[key], now[key])
            await asyncio.sleep(1)
            for key in (name, "all"):
                now[key] -= 1
            return number

        return call

    calls: list[Any] = [(name, {"number": number}) for number in range(20) for name in ("a", "b")]
    run, _ = play([calls, "done"], [counted("a"), counted("b")], max_running=7, max_running_per_tool=4)
    assert most == {"a": 4, "b": 4, "all": 7}
    assert run.elapsed_s == pytest.approx(6)  # 40 calls, seven at a time


def test_identical_pending_reads_are_one_execution() -> None:
    began: list[str] = []

    @tool(reads=["page:{url}"])
    async def fetch(url: str) -> str:
        began.append(url)
        await asyncio.sleep(1)
        return f"page {url}"

    script: Script = [
        [("fetch", {"url": "a"}), ("fetch", {"url": "a"}), ("fetch", {"url": "b"})],
        [("await_future", {"ids": ["$f1", "$f2", "$f3"]})],
        [("fetch", {"url": "a"})],  # it is over by now
        "done",
    ]
    _, model = play(script, [fetch])
    assert began == ["a", "b", "a"]
    assert model.shown(2)[0]["resolved"] == {"$f1": "page a", "$f2": "page a", "$f3": "page b"}


def test_many_conversations_of_one_agent_at_once() -> None:
    class PerRun(Played):
        """What it says depends on what it is told, so that conversations that mixed would show."""

        async def stream(self, messages: Any, tools: Any) -> Any:
            said = next(message["content"] for message in messages if message["role"] == "user")
            answers = [message["content"] for message in messages if message["role"] == "tool"]
            script: Script = [[("think", {"about": said}), ("act", {})], f"{said}: {answers[:1]}"]
            one = Played([script[min(len(answers), 1)]])
            async for part in one.stream(messages, tools):
                yield part

    agent = Agent(PerRun([]), [think, act], grace_s=float("inf"))

    async def main() -> list[AgentRun]:
        return list(await asyncio.gather(*(agent.run(f"number {number}") for number in range(50))))

    runs = virtual_clock.run(main())
    assert [run.output for run in runs] == [f"number {n}: ['\"number {n}\"']" for n in range(50)]
    assert len({run.trace.header.run for run in runs}) == 50
    assert all(run.elapsed_s == pytest.approx(1) for run in runs)


def test_what_a_loop_guard_ended_is_recorded_once() -> None:
    with pytest.raises(RunFailed, match="no answer after 3 requests") as failed:
        play([[("think", {})]], [think], max_requests=3)
    assert len(rules(failed.value.run, "give_up")) == 1


def test_what_a_call_returns_after_it_was_given_up_is_dropped() -> None:
    """It was asked to stop, and finished: its value comes too late, its end does not."""

    @tool(writes=["world"])
    async def finishes() -> str:
        try:
            await asyncio.sleep(50)
        except asyncio.CancelledError:
            await asyncio.sleep(2)
        return "too late"

    script: Script = [[("finishes", {}), ("act", {})], [1.0, ("cancel_future", {"ids": ["$f1"]})], "done"]
    run, model = play(script, [finishes, act])
    assert model.shown(2)[0]["calls"]["$f1"]["error"]["effects"] == "unknown"
    assert rules(run, "cancel", "end", "finish") == [("cancel", 1), ("end", 1), ("finish", 2)]
    assert "too late" not in str(run.messages)
    assert run.elapsed_s == pytest.approx(1 + 2 + 1)


def test_streams_that_are_slow_to_close_hold_nothing_up() -> None:
    """Two messages are cut off one after the other while the connection of the first is still being closed."""

    class SlowToClose(Played):
        async def stream(self, messages: Any, tools: Any) -> Any:
            try:
                async for part in super().stream(messages, tools):
                    yield part
            finally:
                await asyncio.sleep(30)

    @tool(writes=["world"])
    async def breaks() -> str:
        await asyncio.sleep(1)
        raise ValueError("broke")

    async def main() -> AgentRun:
        begun: Script = [[("breaks", {}), 5.0, "on and on"], [("breaks", {}), 5.0, "on and on"], "done"]
        agent = Agent(SlowToClose(begun), [breaks], grace_s=0.0, failure="strict", delivery="on_touch", patience_s=60)
        try:
            return await agent.run("go")
        finally:
            assert asyncio.all_tasks() == {asyncio.current_task()}

    run = virtual_clock.run(main())
    cuts = [event.t for event in run.trace.events if event.rule == "cut"]
    assert cuts == pytest.approx([1, 2])
    assert run.output == "done"


def test_the_time_a_person_takes_is_not_the_time_of_the_call() -> None:
    async def approve(question: AskApproval) -> bool:
        await asyncio.sleep(1000)
        return True

    @tool(writes=["bank"], timeout_s=2.0)
    async def pay() -> str:
        await asyncio.sleep(1)
        return "paid"

    run, _ = play([[("pay", {})], "done"], [pay], approve=approve, override=asks)
    assert rules(run, "timeout") == []
    assert rules(run, "finish") == [("finish", 1)]


@types.coroutine
def rest_of(work: Any, waits_for: Any) -> Any:
    """`await work`, which has begun already and now waits for something."""
    while True:
        try:
            given = yield waits_for
        except BaseException as error:
            step = partial(work.throw, error)
        else:
            step = partial(work.send, given)
        try:
            waits_for = step()
        except StopIteration as end:
            return end.value


def eager(loop: asyncio.AbstractEventLoop, work: Any, context: contextvars.Context | None = None) -> Any:
    """A task factory that begins at once, as `asyncio.eager_task_factory` does from Python 3.12 on."""
    try:
        waits_for = (context or contextvars.copy_context()).run(work.send, None)
    except StopIteration as end:
        return asyncio.Task(asyncio.sleep(0, end.value), loop=loop, context=context)

    async def rest() -> Any:
        return await rest_of(work, waits_for)

    return asyncio.Task(rest(), loop=loop, context=context)


def test_calls_that_could_end_at_once_are_not_lost_where_tasks_begin_at_once() -> None:
    @tool(reads=["world"])
    async def at_once() -> str:
        return "seen"

    async def main() -> AgentRun:
        asyncio.get_running_loop().set_task_factory(eager)
        return await Agent(Played([[("at_once", {})] * 2, "done"]), [at_once], grace_s=inf).run("go")

    assert virtual_clock.run(main()).output == "done"


def test_the_driver_is_small_since_it_decides_nothing() -> None:
    source = Path(driver.__file__).read_text(encoding="utf-8")
    assert len(source.splitlines()) < 150
