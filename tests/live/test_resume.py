"""A run that broke off goes on from its journal: what was done is not done again, and nothing is guessed."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from asyncfc_sim.core.tool import Tool
from asyncfc_sim.live.agent import Agent
from asyncfc_sim.live.journal import open_journal
from asyncfc_sim.live.model import Began, CallPart, Ended, ModelError, Part, TextPart, Usage
from asyncfc_sim.live.plan import ResumeError, chosen, read_plan
from asyncfc_sim.live.resume import Done, InDoubt, Resumption, decision
from asyncfc_sim.live.run import AgentRun, RunFailed
from asyncfc_sim.tools.decorator import tool
from asyncfc_sim.tools.function_tool import function_tool
from asyncfc_sim.traces.journal import JournaledRun, read_journal
from asyncfc_sim.traces.journal_writer import JournalWriter
from asyncfc_sim.traces.trace import TraceError, read_trace
from tests.journals import cut_off, write
from tests.played import Played

Call = tuple[str, str]


class Told:
    """A model that says its lines one after the other, by how often it has spoken: calls, or an answer."""

    name, endpoint = "told", "in memory"

    def __init__(self, *lines: list[Call] | str) -> None:
        self.lines = lines
        self.asked: list[list[Mapping[str, Any]]] = []

    async def stream(
        self, messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]
    ) -> AsyncGenerator[Part, None]:
        self.asked.append(list(messages))
        spoken = sum(message["role"] == "assistant" for message in messages)
        await asyncio.sleep(0)
        yield Began()
        line = self.lines[min(spoken, len(self.lines) - 1)]  # the last is said again if it has to
        if isinstance(line, str):
            yield TextPart(line)
        else:
            for number, (name, args) in enumerate(line):
                if name == "break":
                    raise ModelError("the server is gone")
                if name in ("wait", "pause"):
                    await asyncio.sleep(60 if name == "wait" else 0.2)
                    continue
                yield CallPart(f"c{spoken}{number}", name, args)
        yield Ended("stop", Usage(100, 10))


class Bench:
    """Tools that write down what they did, and can be told to hang in a call."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.started: list[str] = []
        self.hang: set[str] = set()  # async tools wait in these calls until they are cancelled
        self.release = threading.Event()

    def tools(self) -> list[Callable[..., Any]]:
        @tool(reads=["shelf"])
        async def look(what: str) -> str:
            self.started.append(f"look {what}")
            if what in self.hang:
                await asyncio.sleep(60)
            return what.upper()

        @tool(writes=["note:{name}"])
        async def note(name: str, text: str) -> str:
            self.started.append(f"note {name}")
            if name in self.hang:
                await asyncio.sleep(60)
            self.done.append(f"{name}: {text}")
            return text

        @tool(writes=["slow:{name}"])
        def slow(name: str) -> str:
            self.started.append(f"slow {name}")
            assert self.release.wait(10)
            self.done.append(name)
            return name

        @tool(writes=["asked"], approval=True)
        async def ask(name: str) -> str:
            self.done.append(name)
            return name

        @tool(writes=["kept"], idempotent=True)
        async def keep(name: str) -> str:
            self.started.append(f"keep {name}")
            if name in self.hang:
                await asyncio.sleep(60)
            self.done.append(name)
            return name

        return [look, note, slow, ask, keep]


def cores_of(bench: Bench) -> dict[str, Tool]:
    return {core.name: core for core in (function_tool(given).core for given in bench.tools())}


def call(tool_name: str, /, **args: Any) -> Call:
    return tool_name, json.dumps(args)


async def broken_off(agent: Agent, path: Path, when: Callable[[], bool], *prompts: str) -> AgentRun:
    """Run the agent, and cancel it, as Ctrl-C does, as soon as `when`."""
    ended: list[AgentRun] = []
    with open_journal(path) as journal:
        running = asyncio.ensure_future(agent.run(*(prompts or ("go",)), journal=journal, ended=ended.append))
        deadline_s = time.monotonic() + 10
        while not when():
            assert time.monotonic() < deadline_s
            assert not running.done(), running
            await asyncio.sleep(0.002)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    return ended[0]


def journaled(agent: Agent, path: Path, *prompts: str) -> JournaledRun:
    with open_journal(path) as journal:
        agent.run_sync(*(prompts or ("go",)), journal=journal)
    return read_journal(path)[-1]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.journal"


# ------------------------------------------------------------------------------------------------ every crash point

LINES: tuple[list[Call] | str, ...] = (
    [call("look", what="a"), call("note", name="one", text="$f1"), call("keep", name="two")],
    [call("note", name="one", text="again"), call("look", what="$f2"), call("await_future", ids=["$f5"])],
    [call("note", name="three", text="${f5}!")],
    "done",
)


@pytest.mark.parametrize("policy", ["asyncfc", "sync"])
def test_from_every_point_the_run_comes_to_its_end(tmp_path: Path, policy: str):
    def agent() -> tuple[Agent, Bench]:
        bench = Bench()
        changes: dict[str, Any] = {"grace_s": 0.0} if policy == "asyncfc" else {}
        return Agent(Told(*LINES), bench.tools()[:5:2] + bench.tools()[1:2], policy=policy, **changes), bench

    whole = journaled(agent()[0], tmp_path / "whole.journal")
    rows = len(whole.events) + len(whole.inputs)
    assert rows > 30
    doubts = 0
    for seq in range(rows):
        run = cut_off(whole, seq)
        ended = {e.body["future"]: e.body["value"] for e in run.inputs if e.name == "finish"}
        written = {e.body["future"] for e in run.events if e.name == "start" and e.body["writes"]}
        doubtful = {future for future in written - ended.keys() if future != 3}  # f3 is idempotent
        doubts += len(doubtful)
        first, bench = agent()
        resumption = Resumption(run, cores_of(bench))
        assert {each.future for each in resumption.in_doubt} == doubtful
        assert set(resumption.completed) >= ended.keys()
        if run.inputs[-1:] in (whole.inputs[-2:-1], whole.inputs[-1:]):  # told the answer; the last is that it closes
            assert not resumption.is_open
            continue
        if seq % 4:
            continue  # all the way is a way for some
        path = tmp_path / f"{seq}.journal"
        write(path, run)
        ending = first.resume_sync(path, dict.fromkeys(doubtful, "again"))
        assert ending.output == "done"
        assert read_trace(path) == [ending.trace]
        ran = {e.fields["future"]: e.fields for e in ending.trace.events if e.rule == "start"}
        expected = [_label(fields) for future, fields in ran.items() if future not in ended]
        assert sorted(bench.started) == sorted(expected)  # each once, and none that had ended
    assert doubts >= 3


def _label(start: Mapping[str, Any]) -> str:
    return f"{start['tool']} {start['args'].get('what') or start['args'].get('name')}"


# ------------------------------------------------------------------------------------------------- calls in doubt

DEPENDENT: list[Call] = [
    call("note", name="one", text="first"),
    call("note", name="two", text="second"),
    call("note", name="three", text="$f2"),
    call("look", what="a"),
    call("keep", name="five"),
]


def yes(question: Any) -> bool:
    return True


def agent_of(bench: Bench, *lines: list[Call] | str, **options: Any) -> Agent:
    given = {"approve": yes, "grace_s": 0.0, "patience_s": 2.0, **options}
    return Agent(Told(*lines), bench.tools(), **given)


def with_doubts(path: Path) -> Bench:
    """f1 has ended; f2 was writing when the run was interrupted, f3 needs it; f4 looked; f5 may be repeated."""
    bench = Bench()
    bench.hang = {"two", "a", "five"}
    agent = agent_of(bench, DEPENDENT, "done")
    started = {"note one", "note two", "look a", "keep five"}
    asyncio.run(broken_off(agent, path, lambda: started <= set(bench.started) and bench.done == ["one: first"]))
    return bench


def test_without_a_decision_nothing_happens(path: Path):
    with_doubts(path)
    before = read_journal(path)
    bench = Bench()
    with pytest.raises(InDoubt) as refused:
        agent_of(bench, DEPENDENT, "done").resume_sync(path)
    (doubtful,) = refused.value.calls
    assert (doubtful.future, doubtful.tool, doubtful.args) == (2, "note", {"name": "two", "text": "second"})
    assert '$f2 note(name="two", text="second"), started at 0.' in str(refused.value)
    assert bench.started == []
    assert read_journal(path) == before


@pytest.mark.parametrize(
    ("said", "done", "failed"),
    [
        ("f2=again", ["two: second", "three: second", "five"], []),
        ('f2=done:"seen"', ["three: seen", "five"], []),
        ("f2=failed", ["five"], [2, 3]),
    ],
)
def test_a_decision_is_carried_out_and_reads_run_again(path: Path, said: str, done: list[str], failed: list[int]):
    with_doubts(path)
    bench = Bench()
    run = agent_of(bench, DEPENDENT, "done").resume_sync(path, dict([decision(said)]))
    assert run.output == "done"
    assert sorted(bench.done) == sorted(done)
    assert "look a" in bench.started
    errors = {e.fields["future"]: e.fields["error"] for e in run.trace.events if e.rule == "fail"}
    assert sorted(errors) == failed
    if failed:
        assert errors[2]["effects"] == "unknown"
        assert errors[3]["kind"] == "dependency_failed"
    assert read_trace(path) == [run.trace]
    assert run.certificate.certified


def test_a_decision_on_another_call_is_refused(path: Path):
    with_doubts(path)
    with pytest.raises(ResumeError, match=r"\$f1 is not in doubt; in doubt: \$f2"):
        agent_of(Bench(), DEPENDENT, "done").resume_sync(path, {1: "again", 2: "again"})


@pytest.mark.parametrize(
    ("text", "meant"),
    [("f3=again", (3, "again")), ("$f12=failed", (12, "failed")), ('f1=done:{"a": 1}', (1, Done({"a": 1})))],
)
def test_decisions_are_read(text: str, meant: object):
    assert decision(text) == meant


@pytest.mark.parametrize("text", ["f3", "f3=maybe", "x=again", "f3=done:{", "f=failed", "=again", "f1=done"])
def test_what_is_no_decision_is_refused(text: str):
    with pytest.raises(ResumeError, match=r"expected f3=again|broken JSON"):
        decision(text)


def test_what_may_come_is_told_before_anything_runs(path: Path):
    with_doubts(path)
    resumption = Resumption(chosen(read_journal(path)), cores_of(Bench()))
    assert resumption.completed == (1,)
    assert [each.future for each in resumption.in_doubt] == [2]
    assert resumption.is_open


def test_a_call_given_up_has_ended_with_its_process(path: Path):
    bench = Bench()
    bench.hang = {"two"}
    lines: tuple[list[Call] | str, ...] = (
        [call("note", name="two", text="x")],
        [("pause", ""), call("cancel_future", ids=["$f1"]), call("note", name="two", text="y")],
        "done",
    )
    # The tool will not stop: to be cancelled is not to have ended.
    stubborn = agent_of(bench, *lines, patience_s=0.1)
    stubborn.tools = (_stubborn(bench), *stubborn.tools[:1])
    asyncio.run(broken_off(stubborn, path, lambda: len(read_requests(path)) == 3 and "note two" in bench.started))
    resumed = Bench()
    run = agent_of(resumed, *lines).resume_sync(path)
    assert run.output == "done"
    assert resumed.done == ["two: y"]
    assert [e.rule for e in run.trace.events if e.rule in ("cancel", "end")] == ["cancel", "end"]


def _stubborn(bench: Bench) -> Callable[..., Any]:
    @tool(writes=["note:{name}"])
    async def note(name: str, text: str) -> str:
        bench.started.append(f"note {name}")
        until_s = time.monotonic() + 1.5
        while (left_s := until_s - time.monotonic()) > 0:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(left_s)
        return text

    return note


def read_requests(path: Path) -> list[Any]:
    try:
        return [e for run in read_journal(path) for e in run.events if e.name == "request"]
    except TraceError:  # it is just being made
        return []


# -------------------------------------------------------------------------------------------- while it is being closed


def test_a_result_that_comes_while_closing_is_kept_and_nothing_new_is_started(path: Path):
    lines = [call("slow", name="x"), call("note", name="after", text="$f1")]
    bench = Bench()

    def under_way() -> bool:
        """The run is closed at once then, and the call ends a little later."""
        if "slow x" not in bench.started:
            return False
        threading.Timer(0.3, bench.release.set).start()
        return True

    run = asyncio.run(broken_off(agent_of(bench, lines, "done", patience_s=10.0), path, under_way))
    assert bench.done == ["x"]
    rules = [e.rule for e in run.trace.events if e.rule in ("issue", "start", "finish")]
    assert rules == ["issue", "start", "issue", "finish"]

    second = Bench()  # goes on with what was held back, and is interrupted in it: only now is that in doubt
    second.hang = {"after"}
    asyncio.run(interrupted(agent_of(second, lines, "done"), path, lambda: "note after" in second.started))
    assert second.started == ["note after"]

    third = Bench()
    with pytest.raises(InDoubt, match=r"\$f2 note"):
        agent_of(third, lines, "done").resume_sync(path)
    ended = agent_of(third, lines, "done").resume_sync(path, {2: "again"})
    assert third.done == ["after: x"]
    assert (ended.output, read_trace(path)) == ("done", [ended.trace])


async def interrupted(agent: Agent, path: Path, when: Callable[[], bool]) -> None:
    running = asyncio.ensure_future(agent.resume(path))
    await asyncio.wait_for(until(when), 10)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def until(when: Callable[[], bool]) -> None:
    while not when():
        await asyncio.sleep(0.002)


# ------------------------------------------------------------------------------------ messages, people, timers, prompts


def test_a_message_ends_after_the_calls_that_are_complete(path: Path):
    bench = Bench()
    lines: list[Call] = [call("note", name="one", text="x"), ("wait", "{}"), call("note", name="never", text="x")]
    asyncio.run(broken_off(agent_of(bench, lines, "done"), path, lambda: bench.done == ["one: x"]))
    resumed = Bench()
    agent = agent_of(resumed, lines, "done")
    run = agent.resume_sync(path)
    assert (run.output, resumed.started) == ("done", [])
    assert isinstance(agent.model, Told)
    (asked,) = agent.model.asked
    assert [message["role"] for message in asked if message["role"] != "system"] == ["user", "assistant", "tool"]


def test_a_message_without_a_call_is_asked_for_again(path: Path):
    bench = Bench()
    waiting = agent_of(bench, [("wait", "{}")])
    assert isinstance(waiting.model, Told)
    asked = waiting.model.asked
    asyncio.run(broken_off(waiting, path, lambda: len(asked) == 1))
    agent = agent_of(Bench(), "done")
    run = agent.resume_sync(path)
    assert run.output == "done"
    assert isinstance(agent.model, Told)
    assert agent.model.asked == asked
    assert [e.rule for e in run.trace.events if e.rule in ("request", "message")] == ["request", "message"] * 2


def test_ids_of_earlier_calls_are_not_given_again(path: Path):
    class Same(Told):
        async def stream(self, messages, tools):
            async for part in super().stream(messages, tools):
                yield CallPart("same", part.tool, part.arguments) if isinstance(part, CallPart) else part

    bench = Bench()
    bench.hang = {"a"}
    lines = ([call("look", what="a")], [call("look", what="b")], "done")
    agent = agent_of(bench, *lines, policy="early_start", grace_s=float("inf"))
    agent.model = Same(*lines)
    asyncio.run(broken_off(agent, path, lambda: "look a" in bench.started))
    agent = agent_of(Bench(), *lines)
    agent.model = Same(*lines)
    run = agent.resume_sync(path)
    ids = [made["id"] for message in run.messages for made in message.get("tool_calls", ())]
    assert len(ids) == len(set(ids)) == 2


def test_people_are_asked_again(path: Path):
    asked: list[str] = []

    async def never(question: Any) -> bool:
        asked.append(question.tool)
        await asyncio.sleep(60)
        return False

    lines = [call("ask", name="really")]
    asyncio.run(broken_off(agent_of(Bench(), lines, "done", approve=never), path, lambda: asked == ["ask"]))
    bench = Bench()
    run = agent_of(bench, lines, "done").resume_sync(path)
    assert (run.output, bench.done) == ("done", ["really"])


def test_timers_start_anew(path: Path):
    bench = Bench()
    bench.hang = {"a"}
    lines = [call("look", what="a")]

    def agent(timeout_s: float) -> Agent:
        return agent_of(bench, lines, "done", override=lambda core: replace(core, timeout_s=timeout_s))

    asyncio.run(broken_off(agent(30.0), path, lambda: bench.started == ["look a"]))
    run = agent(0.1).resume_sync(path)
    assert bench.started == ["look a"] * 2
    assert [e.rule for e in run.trace.events if e.rule in ("timeout", "end")] == ["timeout", "end"]
    assert run.output == "done"


def test_prompts_that_were_not_said_are_said(path: Path):
    bench = Bench()
    bench.hang = {"a"}
    lines = ("first", [call("look", what="a")], "second", "third")
    prompts = ("one", "two", "three")
    one_by_one = {"policy": "sync", "grace_s": float("inf")}
    agent = agent_of(bench, *lines, **one_by_one)
    asyncio.run(broken_off(agent, path, lambda: bench.started == ["look a"], *prompts))
    run = agent_of(Bench(), *lines).resume_sync(path)
    assert run.outputs == ("first", "second", "third")
    assert [m["content"] for m in run.messages if m["role"] == "user"] == list(prompts)
    assert [e.fields["turn"] for e in run.trace.events if e.rule == "user"] == [1, 2, 3]


def test_a_run_that_lost_its_server_is_asked_again(path: Path):
    lines = ([call("note", name="one", text="x")], [("break", "{}")], "unused")
    bench = Bench()
    with open_journal(path) as journal, pytest.raises(RunFailed, match="the server is gone"):
        agent_of(bench, *lines, policy="sync", grace_s=float("inf")).run_sync("go", journal=journal)
    resumed = Bench()
    run = agent_of(resumed, lines[0], "done").resume_sync(path)
    assert (run.output, bench.done, resumed.done) == ("done", ["one: x"], [])


# ----------------------------------------------------------------------------------------------- what cannot be resumed


def test_a_run_that_has_ended_says_so(path: Path):
    journaled(agent_of(Bench(), "the answer"), path)
    with pytest.raises(ResumeError, match=r"has ended, there is nothing to resume: its answer is 'the answer'"):
        agent_of(Bench(), "the answer").resume_sync(path)


def test_a_run_that_gave_up_says_so(path: Path):
    agent = agent_of(Bench(), [call("look", what="a")], "done", max_requests=1)
    with open_journal(path) as journal, pytest.raises(RunFailed):
        agent.run_sync("go", journal=journal)
    with pytest.raises(ResumeError, match="it gave up: no answer after 1 requests"):
        agent.resume_sync(path)


def test_other_tools_are_found_out(path: Path):
    with_doubts(path)
    bench = Bench()

    @tool(writes=["everything"])
    def note(name: str, text: str) -> str:
        bench.done.append(name)
        return text

    agent = agent_of(bench, DEPENDENT, "done")
    agent.tools = (note, *(given for given in agent.tools if getattr(given, "__name__", "") != "note"))
    with pytest.raises(
        ResumeError, match=r"Event \d+ of its trace is: start .*note:one.*now it would be: start .*every"
    ):
        agent.resume_sync(path, {2: "again"})
    agent.tools = agent.tools[1:]
    with pytest.raises(ResumeError, match=r"is: start .*now it would be: fail"):
        agent.resume_sync(path, {2: "again"})
    assert bench.done == []


def test_files_that_are_none(tmp_path: Path):
    agent = agent_of(Bench(), "done")
    with pytest.raises(FileNotFoundError):
        agent.resume_sync(tmp_path / "none")
    assert not (tmp_path / "none").exists()
    text = tmp_path / "text"
    text.write_text("hello")
    with pytest.raises(ResumeError, match="text: no journal"):
        agent.resume_sync(text)
    broken = tmp_path / "broken"
    broken.write_bytes(b"SQLite format 3\0" + bytes(4000))
    with pytest.raises(TraceError, match="broken"):
        agent.resume_sync(broken)


def test_runs_are_named(path: Path):
    bench = Bench()
    bench.hang = {"a"}
    lines = [call("look", what="a")]
    asyncio.run(broken_off(agent_of(bench, lines, "late"), path, lambda: bench.started == ["look a"]))
    first = read_journal(path)[0].header.run
    journaled(agent_of(Bench(), "soon"), path)
    agent = agent_of(Bench(), lines, "late")
    with pytest.raises(ResumeError, match="its answer is 'soon'"):
        agent.resume_sync(path)
    with pytest.raises(ResumeError, match=f"no run 'x' in this journal; there are: {first}, live-"):
        asyncio.run(agent.resume(path, name="x"))
    assert asyncio.run(agent.resume(path, name=first)).output == "late"
    assert [len(run.events) > 3 for run in read_trace(path)] == [True, True]


def test_the_plan_says_what_was_asked_and_of_whom(path: Path):
    with open_journal(path, secrets=["sk-0123456789"], extra={"tools": ["mytools.py"]}) as journal:
        agent_of(Bench(), "done", instructions="use sk-0123456789").run_sync("one", "two", journal=journal)
    plan = read_plan(path)
    assert (plan.prompts, plan.model, plan.endpoint) == (["one", "two"], "told", "in memory")
    assert plan.policy == agent_of(Bench(), "done").policy
    assert plan.instructions == "use [redacted]"
    assert plan.extra == {"tools": ["mytools.py"]}


# --------------------------------------------------------------------------------------- the journal cannot be written


def test_no_effect_without_its_intent_on_disk(path: Path):
    bench = Bench()
    lines = ([call("look", what="a")], [call("note", name="never", text="x")], "done")
    agent = agent_of(bench, *lines, policy="sync", grace_s=float("inf"))
    with ExitStack() as stack:
        stack.enter_context(pytest.raises(OSError, match="readonly"))  # told once more when the journal is closed
        journal = stack.enter_context(open_journal(path))

        @tool(reads=["shelf"])
        async def look(what: str) -> str:
            await journal.committed()
            journal._writer._database.execute("PRAGMA query_only = ON")  # as if the disk had become read-only
            return what

        agent.tools = (look, *agent.tools[1:])
        with pytest.raises(RunFailed, match="the journal cannot be written") as failed:
            agent.run_sync("go", journal=journal)
    assert isinstance(failed.value.__cause__, OSError)
    assert bench.done == bench.started == []


def test_a_journal_that_is_being_written_is_not_resumed(path: Path):
    with_doubts(path)
    writer = JournalWriter(path)
    with pytest.raises(OSError, match="another process is writing this journal"):
        agent_of(Bench(), DEPENDENT, "done").resume_sync(path, {2: "again"})
    writer.close()


def test_as_many_threads_as_the_policy_of_the_run_allows(tmp_path: Path) -> None:
    """Of two functions that wait for one another, neither ends where there is only one thread."""
    path = tmp_path / "runs.db"
    both = threading.Barrier(2)
    resumed = threading.Event()

    @tool(reads=[])
    def meet(who: str) -> int:
        if not resumed.is_set():
            return int(resumed.wait(10))
        return both.wait(10)

    asks = Played([[("meet", {"who": "a"}), ("meet", {"who": "b"})]])
    agent = Agent(asks, [meet], policy="sync_parallel", timeout_s=0.2, patience_s=0.05)
    with open_journal(path) as journal, pytest.raises(RunFailed):
        agent.run_sync("go", journal=journal)
    resumed.set()
    run = Agent(Played(["they met"]), [meet], max_running=1).resume_sync(path)
    assert run.output == "they met"
    assert [json.loads(message["content"]) for message in run.messages[-3:-1]] in ([0, 1], [1, 0])
