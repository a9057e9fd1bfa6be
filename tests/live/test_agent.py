"""An agent as its caller sees it: text as it comes, answers filled in, deliveries, graces, ends of all kinds."""

from __future__ import annotations

import asyncio
import json
from math import inf
from typing import Any

import pytest

from asyncfc_sim.core.session_events import AskApproval
from asyncfc_sim.live import virtual_clock
from asyncfc_sim.live.agent import Agent
from asyncfc_sim.live.asking import REWRITTEN
from asyncfc_sim.live.model import ModelError
from asyncfc_sim.live.run import AgentRun, RunFailed
from asyncfc_sim.tools.decorator import tool
from asyncfc_sim.workloads.office.office import Office
from asyncfc_sim.workloads.office.tools import office_tools
from tests.office_model import OfficeModel, office_tasks
from tests.played import Played, Script


@tool(reads=[], writes=[])
async def think(about: str = "", seconds: float = 1.0) -> dict[str, str]:
    await asyncio.sleep(seconds)
    return {"thought": about}


@tool(writes=["world"])
async def act(seconds: float = 1.0) -> str:
    await asyncio.sleep(seconds)
    return "done"


def play(script: Script, **changes: Any) -> tuple[AgentRun, Played]:
    model = Played(script)
    return virtual_clock.run(Agent(model, [think, act], **{"grace_s": 0.0, **changes}).run("go")), model


def awaits(*numbers: int) -> tuple[str, dict[str, Any]]:
    return "await_future", {"ids": [f"$f{number}" for number in numbers]}


# ------------------------------------------------------------------------------------------------------- what is said


def test_text_is_streamed_as_it_comes() -> None:
    heard: list[tuple[str, float]] = []

    async def main() -> AgentRun:
        now = asyncio.get_running_loop().time
        script: Script = [["Let me see. ", 2.0, ("think", {})], ["It ", 1.0, "is ", 1.0, "so."]]
        agent = Agent(Played(script), [think], policy="sync", on_text=lambda text: heard.append((text, now())))
        return await agent.run("go")

    run = virtual_clock.run(main())
    assert heard == [("Let me see. ", 0), ("It ", 3), ("is ", 4), ("so.", 5)]
    assert run.output == "It is so."
    assert run.elapsed_s == 5


def test_a_value_that_is_still_pending_is_filled_into_the_answer_when_it_is_there() -> None:
    run, model = play([[("think", {"about": "x", "seconds": 9.0})], "It is ${f1.thought}, no $${f1}."])
    assert run.output == "It is x, no ${f1}."
    assert len(model.asked) == 2
    assert run.elapsed_s == 9


def test_without_late_binding_the_model_looks_first() -> None:
    run, model = play([[("think", {"about": "x"})], "It is ${f1.thought}.", "It is x."], late_bound=False)
    assert run.output == "It is x."
    assert len(model.asked) == 3


def test_results_that_were_not_seen_are_looked_at_before_the_answer_counts() -> None:
    run, model = play([[("think", {"about": "x"})], "Done.", "It is x."])
    assert run.output == "It is x."
    assert model.shown(2) == [{"resolved": {"$f1": {"thought": "x"}}}]


def test_a_model_that_answers_without_any_of_its_tools_is_said_to() -> None:
    run, _ = play(["Done."])
    (note,) = run.notes
    assert "called none of the 2 tools" in note
    assert play([[("think", {"about": "x"})], "Done.", "Done."])[0].notes == ()
    assert Agent(Played(["Done."]), []).run_sync("go").notes == ()


# --------------------------------------------------------------------------------------- how values are handed over

PENDING = {"future": "$f1", "status": "pending"}


def two(**changes: Any) -> list[list[Any]]:
    """What was shown after each of two messages; the first call returns while the second message is written."""
    script: Script = [[("think", {"about": "x"})], [3.0, ("act", {"seconds": 5.0})], [awaits(1, 2)], "done"]
    _, model = play(script, **changes)
    tools = [json.loads(message["content"]) for message in model.asked[2] if message["role"] == "tool"]
    return [model.shown(1), tools, model.shown(3)]


def test_delivery_on_touch_gives_a_value_when_it_is_asked_for() -> None:
    first, second, awaited = two(delivery="on_touch")
    assert first == [PENDING]
    assert second == [PENDING, {"future": "$f2", "status": "pending"}]
    assert awaited == [{"resolved": {"$f1": {"thought": "x"}, "$f2": "done"}}]


def test_delivery_when_idle_gives_a_value_with_the_next_answer() -> None:
    first, second, _ = two(delivery="when_idle")
    assert first == [PENDING]
    assert second == [
        PENDING,
        {"future": "$f2", "status": "pending", "resolved": {"$f1": {"thought": "x"}}},
    ]


def test_delivery_rewrite_puts_a_value_where_its_placeholder_stood() -> None:
    first, second, _ = two(delivery="rewrite")
    assert first == [PENDING]
    assert second == [{"thought": "x"}, {"future": "$f2", "status": "pending"}]


@pytest.mark.parametrize("delivery", ["on_touch", "when_idle", "rewrite"])
def test_a_run_says_that_what_had_been_sent_was_changed(delivery: str) -> None:
    run, _ = play([[("think", {"about": "x"})], [1.5, ("act", {})], [awaits(1, 2)], "done"], delivery=delivery)
    assert (REWRITTEN in run.notes) == (delivery == "rewrite")


def test_an_infinite_grace_waits_for_values_and_says_nothing_of_futures() -> None:
    first, second, _ = two(grace_s=inf)
    assert [first, second] == [[{"thought": "x"}], [{"thought": "x"}, "done"]]


def test_the_automatic_grace_is_as_long_as_a_request_takes_and_no_longer_than_half_a_second() -> None:
    """The model takes 0.2 s to its first token: a call of 0.1 s is waited for, one of 0.3 s is not."""

    class Slow(Played):
        async def stream(self, messages: Any, tools: Any) -> Any:
            await asyncio.sleep(0.2)
            async for part in super().stream(messages, tools):
                yield part

    def shown(seconds: float) -> Any:
        model = Slow([[("think", {"about": "x", "seconds": seconds})], [awaits(1)], "done"])
        virtual_clock.run(Agent(model, [think], grace_s="auto").run("go"))
        return model.shown(1)

    assert shown(0.1) == [{"thought": "x"}]
    assert shown(0.3) == [PENDING]


def test_an_await_with_a_timeout_names_what_is_still_pending() -> None:
    wait = ("await_future", {"ids": ["$f1", "$f2"], "timeout_s": 2})
    script: Script = [[("think", {"about": "x"}), ("act", {"seconds": 9.0})], [wait], [awaits(2)], "done"]
    run, model = play(script)
    assert model.shown(2) == [{"resolved": {"$f1": {"thought": "x"}}, "pending": ["$f2"]}]
    assert run.elapsed_s == 9


# ------------------------------------------------------------------------------------------------------ how runs end


def test_several_messages_of_the_user_are_one_conversation() -> None:
    async def main() -> AgentRun:
        script: Script = [[("think", {"about": "x"})], "one", [("think", {"about": "$f1.thought"})], [awaits(2)], "two"]
        return await Agent(Played(script), [think], grace_s=0.0, late_bound=False).run("first", "second")

    run = virtual_clock.run(main())
    assert len(run.outputs) == 2
    assert [event.fields["turn"] for event in run.trace.events if event.rule == "user"] == [1, 2]


def test_a_run_that_takes_too_long_ends_with_what_there_is_of_it() -> None:
    with pytest.raises(RunFailed, match="no answer within 5 s") as failed:
        play([[("think", {"about": "x"}), ("act", {"seconds": 60.0})], [awaits(1, 2)], "done"], timeout_s=5)
    run = failed.value.run
    assert [event.fields["future"] for event in run.trace.events if event.rule == "finish"] == [1]
    assert run.output == ""
    assert run.elapsed_s == 5


def test_a_timeout_of_somebody_else_is_not_taken_for_that_of_the_run() -> None:
    def approve(question: AskApproval) -> bool:
        raise TimeoutError("nobody answered the phone")

    @tool(writes=["bank"], approval=True)
    async def pay() -> str:
        return "paid"

    for timeout_s in (None, 60):
        agent = Agent(Played([[("pay", {})], "done"]), [pay], approve=approve, timeout_s=timeout_s)
        with pytest.raises(TimeoutError, match="nobody answered the phone"):
            virtual_clock.run(agent.run("go"))


def test_a_model_that_cannot_be_had_ends_the_run_and_what_is_under_way() -> None:
    script: Script = [[("act", {"seconds": 60.0})], [ModelError("it is gone")]]
    with pytest.raises(RunFailed, match="it is gone") as failed:
        play(script)
    assert failed.value.run.elapsed_s < 60


@pytest.mark.parametrize("at_s", [0.0, 0.5, 1.5, 2.5, 4.0])
def test_a_run_that_is_cancelled_leaves_no_task_behind(at_s: float) -> None:
    """Whatever it is doing: asking the model, writing, running tools, waiting."""

    async def main() -> None:
        script: Script = [[1.0, ("think", {}), 1.0, ("act", {"seconds": 9.0})], [awaits(1, 2)], "done"]
        running = asyncio.create_task(Agent(Played(script), [think, act], grace_s=0.0).run("go"))
        await asyncio.sleep(at_s)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert asyncio.all_tasks() == {asyncio.current_task()}

    virtual_clock.run(main())


# --------------------------------------------------------------------------------------------------------- is counted


def test_the_tokens_of_a_prompt_are_those_that_its_run_begins_with() -> None:
    """And more with futures, of which a model is told."""
    tasks = office_tasks(1)

    def counted(policy: str) -> int | None:
        with Office() as office:
            agent = Agent(OfficeModel(tasks), office_tools(office), policy=policy)
            tokens = virtual_clock.run(agent.prompt_tokens(tasks[0].prompts[0]))
            run = virtual_clock.run(agent.run(*tasks[0].prompts))
        asked = [fields for _, rule, fields in run.trace.events if rule == "message"]
        assert tokens == asked[0]["prompt_tokens"]
        return tokens

    sync, futures = counted("sync"), counted("asyncfc")
    assert sync is not None
    assert futures is not None
    assert sync < futures
