"""An agent: a served model, unmodified functions, a policy. This is the way in for people who program."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from copy import copy
from os import PathLike
from typing import Any, Final
from uuid import uuid4

from asyncfc_sim.core.policy import Policy, policy_named
from asyncfc_sim.core.session_events import AskApproval
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.traces.journal import is_journal
from asyncfc_sim.traces.journal_writer import JournalError
from asyncfc_sim.traces.trace import Header, replay_told

from .asking import Asker
from .driver import Driver, GaveUp
from .injected import INPUT, Injection, injected
from .journal import Journal, no_journal, open_journal
from .live_tool import LiveTool
from .model import Model, ModelError
from .plan import Plan, ResumeError, chosen, plan_of
from .questions import Approve
from .recording import Recording
from .resume import Decision, Resumption
from .run import AgentRun, RunFailed
from .toolset import Given, blocked_notes, cores, open_tools, unused_notes

# Whether a call may run: a plain function that returns a bool, or an async one.
Approval = Callable[[AskApproval], bool | Awaitable[bool]]

# Live, a model that gains nothing from futures is soon answered in place.
LIVE_GUARDS: Final = {"max_awaits": 3, "max_misuses": 8}


class Agent:
    """A model that calls functions, and goes on while they run.

        agent = Agent("qwen3", tools=[search, book], base_url="http://localhost:8000/v1")
        run = agent.run_sync("Find a flight to Kyoto and book it")
        print(run.output)

    `model` is a name at `base_url` (without one: the first that the server has), or any `Model`. `tools` are plain
    functions (sync ones run in threads, async ones on the event loop), FunctionTools, files of tools, MCP servers.
    `policy` is a name (sync, sync_parallel, early_start, asyncfc, blind) or a Policy; beside a name, further arguments
    change fields of it (`grace_s=0.0`, say), and LIVE_GUARDS hold if they are not changed. `approve` is asked before
    calls of tools that want approval, once their arguments are known. `on_text` is given the model's text as it comes;
    a message that broke off comes again from its beginning. `timeout_s` limits a run as a whole; when it ends, calls
    under way are asked to stop and waited for, for `patience_s`. `instructions` begin the system prompt. `texts` keeps
    what was said in the trace too, which otherwise holds calls and times. `override` has the last word on what the
    scheduler knows of a tool. `inject` adds latencies to the tools, and every run says so.

    Raises ValueError for a policy that there is not.
    """

    def __init__(
        self,
        model: str | Model | None = None,
        tools: Sequence[Given] = (),
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        policy: str | Policy = "asyncfc",
        approve: Approval | None = None,
        on_text: Callable[[str], None] = lambda text: None,
        timeout_s: float | None = None,
        instructions: str | None = None,
        texts: bool = False,
        override: Callable[[Tool], Tool] = lambda tool: tool,
        inject: Injection | None = None,
        patience_s: float = 5.0,
        **changes: Any,
    ) -> None:
        if isinstance(policy, str):
            policy = policy_named(policy, **{**LIVE_GUARDS, **changes})
        elif changes:
            raise ValueError(f"a Policy says all itself: {', '.join(changes)} cannot be given beside it")
        if not policy.live:
            raise ValueError(f"the policy {policy.name!r} can be simulated, but there is no protocol to run it live")
        self.policy = policy
        self.model = model if model is not None and not isinstance(model, str) else _served(model, base_url, api_key)
        self.tools = tuple(tools)
        self._approve, self._on_text, self._timeout_s = approve, on_text, timeout_s
        self._instructions, self._texts, self._override = instructions, texts, override
        self._inject, self._patience_s = inject, patience_s

    def with_tools(self, tools: Sequence[Given]) -> Agent:
        """The same agent with other tools."""
        other = copy(self)
        other.tools = tuple(tools)
        return other

    async def prompt_tokens(self, prompt: str) -> int | None:
        """How many tokens the server counts of a first message of the user, with the system prompt and the tools.

        None if it does not count them. The model is asked, and what it answers is not looked at.

        Raises ModelError, and ToolError or ConnectionError if tools cannot be had.
        """
        async with AsyncExitStack() as stack:
            tools = await self._open(stack, self.policy, ())
            return await Asker(self.model, tools, self.policy, system=self._instructions).prompt_tokens(prompt)

    def run_sync(self, *prompts: str, journal: Journal = no_journal) -> AgentRun:
        """`run`, for code that is not async."""
        return asyncio.run(self.run(*prompts, journal=journal))

    async def run(
        self,
        *prompts: str,
        journal: Journal = no_journal,
        name: str | None = None,
        ended: Callable[[AgentRun], None] = lambda run: None,
    ) -> AgentRun:
        """One conversation: each prompt is a message of the user, sent when the one before was answered.

        `ended` is given what there is of the run however it ends, also when it is cancelled.

        Raises RunFailed, with what there is of the run, if it ends without an answer; ToolError or ConnectionError if
        tools cannot be had.
        """
        async with AsyncExitStack() as stack:
            tools = await self._open(stack, self.policy, prompts)
            header = self._header(name)
            journal.begin(header, self._plan(prompts).to_json())
            driver = self._driver(tools, self.policy, Recording(header, journal, texts=self._texts))
            return await self._converse(driver, prompts, ended)

    def resume_sync(self, path: str | PathLike[str], decisions: Mapping[int, Decision] | None = None) -> AgentRun:
        """`resume`, for code that is not async."""
        return asyncio.run(self.resume(path, decisions))

    async def resume(
        self,
        path: str | PathLike[str],
        decisions: Mapping[int, Decision] | None = None,
        *,
        name: str | None = None,
        secrets: Iterable[str] = (),
        ended: Callable[[AgentRun], None] = lambda run: None,
    ) -> AgentRun:
        """Go on with a run that broke off, from its journal at `path`: the one named, or the one that began last.

        What was done is not done again. `decisions` say, by future, what to do about calls that were started and of
        which nobody knows whether they had their effect: "again", "failed" or Done(value). The tools must be those of
        the run; its policy is taken from the journal. `secrets` are kept out of the journal, `ended` is as in `run`.

        Raises as `run` does; InDoubt if a decision lacks, and then nothing has happened; ResumeError if the run has
        ended, or the tools have changed; TraceError or OSError if the journal cannot be used.
        """
        if not is_journal(path):
            raise ResumeError(f"{path}: no journal")
        async with AsyncExitStack() as stack:
            journal = stack.enter_context(open_journal(path, secrets=secrets))
            broken_off = chosen(journal.runs(), name)
            plan = plan_of(broken_off)
            tools = await self._open(stack, plan.policy, plan.prompts)
            past = Resumption(broken_off, cores(tools))
            todo = past.decided(decisions or {})
            journal.go_on(past.run)
            driver = self._driver(tools, plan.policy, Recording(past.run.header, journal, texts=plan.texts))
            return await self._converse(driver, past.prompts, ended, past.outputs, past.take_up(driver, todo))

    async def _open(self, stack: AsyncExitStack, policy: Policy, prompts: Sequence[str]) -> dict[str, LiveTool]:
        if isinstance(self.model, AbstractAsyncContextManager):  # it has connections
            await stack.enter_async_context(self.model)
        threads = ThreadPoolExecutor(max(1, policy.max_running), thread_name_prefix="asyncfc-tool")
        stack.callback(threads.shutdown, wait=False, cancel_futures=True)
        tools = await open_tools(self.tools, stack, threads, self._override)
        for tool in tools.values():
            if tool.core.approval and self._approve is None:
                raise ValueError(f"the tool {tool.core.name!r} wants approval: give the agent `approve`")
        return tools if self._inject is None else injected(tools, self._inject, "\n".join(prompts))

    def _driver(self, tools: Mapping[str, LiveTool], policy: Policy, recording: Recording) -> Driver:
        asker = Asker(self.model, tools, policy, system=self._instructions)
        return Driver(tools, policy, asker, recording, _asked(self._approve), self._on_text)

    async def _converse(
        self,
        driver: Driver,
        prompts: Sequence[str],
        ended: Callable[[AgentRun], None],
        outputs: Sequence[str] = (),
        answer: Awaitable[str] | None = None,
    ) -> AgentRun:
        outputs = list(outputs)
        in_doubt: tuple[int, ...] = ()
        failed: Exception | None = None
        try:
            async with asyncio.timeout(self._timeout_s) as limit:
                if answer is not None:
                    outputs.append(await answer)
                for prompt in prompts:
                    outputs.append(await driver.turn(prompt))
        except TimeoutError:
            if not limit.expired():
                raise
            failed = TimeoutError(f"no answer within {self._timeout_s:g} s")
        except (GaveUp, ModelError, JournalError) as error:
            failed = error
        finally:
            try:
                in_doubt = await driver.close(self._patience_s)
            except JournalError as error:
                failed = failed or error
            finally:
                run = _what_is_there(driver, outputs, in_doubt, self._inject)
                ended(run)
        if failed is not None:
            raise RunFailed(str(failed), run) from failed
        return run

    def _header(self, name: str | None) -> Header:
        policy = self.policy
        inputs = {
            "model": self.model.name,
            "endpoint": self.model.endpoint,
            "grace_s": "inf" if policy.grace_s == float("inf") else policy.grace_s,
            "delivery": policy.delivery,
            "failure": policy.failure,
            "duplicates": policy.duplicates,
            "retries": policy.retries,
            "max_running": policy.max_running,
            "max_running_per_tool": policy.max_running_per_tool,
            **({} if self._inject is None else {INPUT: self._inject.says}),
        }
        return Header(
            run=name or f"live-{uuid4().hex[:12]}", source="live", clock="wall", policy=policy.name, inputs=inputs
        )

    def _plan(self, prompts: Sequence[str]) -> Plan:
        return Plan(prompts, self.policy, self.model.name, self.model.endpoint, self._instructions, self._texts)


def _what_is_there(
    driver: Driver, outputs: Sequence[str], in_doubt: tuple[int, ...], injection: Injection | None
) -> AgentRun:
    guards = driver.session.guards
    trace = replay_told(driver.recording.recorder.run())
    return AgentRun(
        tuple(outputs),
        tuple(driver.session.transcript.messages),
        trace,
        driver.recording.requests,
        driver.asker.usage,
        in_doubt,
        dict(guards.counts),
        (
            *driver.asker.notes,
            *guards.notes,
            *blocked_notes(driver.tools.values()),
            *(unused_notes(driver.tools, trace) if outputs else ()),
            *(() if injection is None else (injection.note,)),
        ),
        cores(driver.tools),
    )


def _served(model: str | None, base_url: str | None, api_key: str | None) -> Model:
    from .openai_chat import OpenAIChat

    return OpenAIChat(model, base_url=base_url, api_key=api_key)


def _asked(approve: Approval | None) -> Approve:
    async def asked(question: AskApproval) -> bool:
        assert approve is not None
        answer = approve(question)
        return bool(await answer) if inspect.isawaitable(answer) else bool(answer)

    return asked
