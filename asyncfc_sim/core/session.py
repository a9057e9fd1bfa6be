"""The protocol above the scheduler: a conversation under one policy, as a pure state machine.

# Theory of operation
#
# A turn begins with the user's message and ends with an answer. In between the model is asked (`Request`), streams a
# message (`CallClosed`..., `MessageEnd`), and is answered: every call of a message exactly once, in order, before the
# next request, because the chat protocol demands it. So a call that has not returned within the grace time is
# answered with its future, and its value is handed over later.
#
#     idle --UserMessage--> asking --Request--> streaming --MessageEnd--> answering --(settled | grace | await)--+
#       ^                      ^                                              |                                  |
#       +------ Answer --------+-------------------- tool messages <----------+----------------------------------+
#
# Calls are numbered f1, f2, ... in emission order over the whole conversation, whatever becomes of them, so that a
# model can name a call's future before it has seen the answer. `await_future` and `cancel_future` have no number.
#
# The session decides nothing about *when a call may run*: that is the scheduler's. It decides when to issue, what to
# show, and when to ask again. Time comes in as fired timers; estimates of it as arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from math import inf
from typing import Any

from . import events, messages
from .attempts import Attempts
from .duplicates import Duplicates, key_of
from .events import Cut, Deliver, End, Fail, Finish, Issue, ProtocolError, Resolved, Resume, Settle, Touch
from .guards import Guards
from .policy import Policy
from .references import Template, parse_string
from .scheduler import Scheduler
from .session_events import (
    Action,
    Answer,
    CallClosed,
    Decide,
    Event,
    GiveUp,
    Interrupt,
    MessageEnd,
    Placeholder,
    Request,
    SetTimer,
    TimerFired,
    UserMessage,
)
from .syntax import Call
from .tool import Tool
from .transcript import Message, Slot, Transcript
from .values import ErrorValue, Value, with_origin

LONGEST_AWAIT_S = 1e9  # a model may write any number; one that is larger is no limit

Log = Callable[[events.Event | Action], None]


class Session:
    """One conversation. `feed` is the only way in; see the theory of operation at the top of this file.

    `turn_overhead_s` is what an extra request is estimated to cost (for the grace `auto`). `instructions` is what the
    model is told beside the transcript: numbers that stand there are not made up (guards.py). `log` is shown every
    scheduler event and every action, in the order in which they happen.
    """

    def __init__(
        self,
        tools: Mapping[str, Tool],
        policy: Policy,
        *,
        turn_overhead_s: float = inf,
        instructions: str = "",
        log: Log | None = None,
    ) -> None:
        self.policy = policy
        self.scheduler = Scheduler(
            tools,
            failure=policy.failure,
            max_running=policy.max_running,
            max_running_per_tool=policy.max_running_per_tool,
        )
        self.transcript = Transcript(
            futures=policy.futures, preview_chars=policy.preview_chars, cuts=policy.failure == "strict"
        )
        self.guards = Guards(policy, instructions)
        self.turn_overhead_s = turn_overhead_s  # a driver that measures may change it
        self._log = log
        self._message: Message | None = None
        self.numbered = 0  # calls numbered so far
        self._messages = 0  # the model's, over the whole conversation: timers name them
        self._requests = 0  # in this turn
        self._duplicates = Duplicates()
        self._attempts = Attempts(self.scheduler, policy, log)
        self._closing: str | None = None  # the final text, while it waits for calls under way
        self._actions: list[Action] = []

    def feed(self, event: Event) -> list[Action]:
        """Apply one event and return the actions to perform, in order. Raises ProtocolError on a driver's fault."""
        match event:
            case UserMessage(text):
                self._begin_turn(text)
            case CallClosed():
                self._take_call(event)
            case MessageEnd(text):
                self._end_message(text)
            case Finish() | Fail() | End():
                self._perform(self._attempts.ended(event))
            case TimerFired(timer):
                self._timer_fired(*timer)
            case Decide(future, approved):
                self._perform(self._attempts.decided(future, approved))
        self._answer_if_due()
        actions, self._actions = self._actions, []
        return actions

    # -------------------------------------------------------------------------------------------------- a turn

    def _begin_turn(self, text: str) -> None:
        if self._message is not None:
            raise ProtocolError("a user message while a turn is under way")
        self.transcript.user(text)
        self._requests = 0
        self.guards.begin_turn()
        self._ask()

    def _ask(self) -> None:
        """Have the model go on, unless it has done so too often."""
        self._requests += 1
        if self._requests > self.policy.max_requests:
            self._message = None
            if self._requests == self.policy.max_requests + 1:
                self._act(GiveUp(f"no answer after {self.policy.max_requests} requests"))
            return
        self._messages += 1
        self._message = Message(self._messages)
        self._act(Request(self.transcript.messages, self.transcript.known))
        self.transcript.known = len(self.transcript.messages)

    def _take_call(self, event: CallClosed) -> None:
        message = self._message
        if message is None or message.ended:
            raise ProtocolError("a call outside a message")
        fault = event.args if isinstance(event.args, ErrorValue) else None
        args: Mapping[str, Any] = {} if isinstance(event.args, ErrorValue) else event.args
        slot = Slot(event.tool_call_id, event.tool, args, text=event.text if fault is None else None)
        message.slots.append(slot)
        if event.tool not in (messages.AWAIT, messages.CANCEL):
            self._watch_for_made_up_numbers(args)
            self.numbered += 1
            fault = fault and with_origin(fault, self.numbered)
            if fault is None:
                slot.future, slot.held = self.numbered, Call(self.numbered, event.tool, args)
        if fault is not None:
            slot.answer = messages.result(fault)
        elif self.policy.dispatch == "call":
            self._issue(slot)

    def _issue(self, slot: Slot) -> None:
        written, slot.held = slot.held, None
        if written is None:
            return
        args = self._duplicates.renamed(written.args)
        call = written if args is written.args else replace(written, args=args)
        ignored = self.policy.duplicates == "run" or not self.policy.futures
        key = None if ignored else key_of(call)
        twin = None if ignored else self._duplicates.twin_of(key, call, self.scheduler)
        if twin is not None and twin.harmless:
            self._duplicates.share(call.future, twin.future)
            self.guards.count("shared_duplicates")
            slot.future = twin.future
        elif twin is not None and self.policy.duplicates == "refuse":
            self.guards.count("refused_duplicates")
            reason = f"the same call is pending as $f{twin.future}; it was not repeated"
            slot.future, slot.answer = 0, messages.result(ErrorValue("not_executed", reason, twin.future))
        else:
            if not ignored:
                self._duplicates.note(key, call.future)
            slot.refused = self.scheduler.fault_of(call) is not None
            if slot.refused:
                self.guards.count("bad_references")
            self._schedule(Issue(call))

    def _end_message(self, text: str | None) -> None:
        message = self._message
        if message is None or message.ended:
            raise ProtocolError("the end of a message that had not begun")
        message.ended, message.text = True, text
        if not message.slots:
            self._close(text or "")
            return
        for slot in message.slots:
            self._issue(slot)
            if self._message is not message:
                return  # strict: the call failed at once, and the rest of the message was cut off
        self._watch_for_awaits_at_once(message)
        for slot in message.slots:
            if slot.tool == messages.CANCEL and slot.answer is None:
                self._cancel(slot)
                if self._message is not message:
                    return
        self._await(message)
        message.unsettled = [slot.future for slot in message.slots if slot.future]
        message.blind = self.policy.blind and not self.guards.tripped
        grace_s = inf if self.guards.tripped else self.policy.grace(self.turn_overhead_s)
        if grace_s <= 0:
            message.grace_over, message.blind = True, self.policy.delivery == "on_touch"
        elif grace_s != inf and not message.settled(self.scheduler.values):
            self._act(SetTimer(("grace", message.number), grace_s))

    def _answer_if_due(self) -> None:
        """Answer the message once nothing is awaited any more and its calls have settled, or the grace is over."""
        message = self._message
        if message is None or not message.ended or message.awaits is not None or self._closing is not None:
            return
        values = self.scheduler.values
        if not message.settled(values):
            too_many = len(self.scheduler.futures) - len(values) > self.policy.max_pending
            if not message.grace_over or too_many or message.waits_for(self.guards.slow_tools, values):
                return
        self._answer(message)

    def _answer(self, message: Message) -> None:
        values = self.scheduler.values
        shown = {slot.future for slot in message.slots if slot.refused or slot.tool in self.guards.slow_tools}
        in_place = {f: values[f] for f in shown & values.keys()} if message.blind else values
        given, promised = self.transcript.answer(message, in_place)
        self._act(*map(Placeholder, promised))
        self._deliver(given + self.transcript.hand_over(values, self.policy.delivery))
        self._ask()

    def _deliver(self, futures: list[int]) -> None:
        if futures:
            self._schedule(Deliver(tuple(dict.fromkeys(futures))))

    # --------------------------------------------------------------------------------- await, cancel, the answer

    def _await(self, message: Message) -> None:
        """Wait for what the first `await_future` names; a second one would have to wait for the first."""
        awaits = [slot for slot in message.slots if slot.tool == messages.AWAIT and slot.answer is None]
        valid = [(slot, set(named.values())) for slot in awaits if (named := self._named(slot))]
        for slot, _ in valid[1:]:
            reason = "one await_future in a message is enough: name all futures in its ids"
            slot.answer = messages.result(ErrorValue("invalid_argument", reason))
        for slot, futures in valid[:1]:
            message.awaits = slot
            timeout_s = slot.args.get("timeout_s")
            waits = not self.scheduler.values.keys() >= futures
            if waits and isinstance(timeout_s, int | float) and timeout_s < LONGEST_AWAIT_S:
                self._act(SetTimer(("await", message.number), float(max(0, timeout_s))))
            self._schedule(Touch(tuple(sorted(futures)), any=slot.args.get("mode") == "any"))

    def _awaited(self, values: Mapping[int, Value]) -> None:
        assert self._message is not None
        slot, self._message.awaits = self._message.awaits, None
        assert slot is not None
        named = self._named(slot)
        shown = {number: values[future] for number, future in named.items() if future in values}
        pending = [number for number, future in named.items() if future not in values]
        slot.answer = messages.awaited(self.transcript.previews(shown), pending)
        slot.gives = tuple(values)

    def _cancel(self, slot: Slot) -> None:
        message, futures = self._message, self._named(slot)
        for future in sorted(set(futures.values())):
            self._perform(self._attempts.give_up(future))
            if self._message is not message:
                return  # strict: a call that was cancelled has failed
        self._show(slot, futures, messages.cancelled)

    def _show(self, slot: Slot, futures: dict[int, int], text: Callable[[Mapping[int, Value]], str]) -> None:
        """Answer a call with the values of the futures that it names, all of which have settled."""
        if futures:
            values = {number: self.scheduler.values[future] for number, future in futures.items()}
            slot.answer = text(self.transcript.previews(values))
            slot.gives = tuple(sorted(set(futures.values())))
            self._deliver(list(slot.gives))

    def _named(self, slot: Slot) -> dict[int, int]:
        """What an await or a cancel names, each number with the future that it stands for.

        If it names none that exists, it is answered with an error.
        """
        futures = messages.named(slot.tool, slot.args, self._known)
        if isinstance(futures, ErrorValue):
            self.guards.count("bad_references")
            slot.answer, futures = messages.result(futures), {}
        return futures

    def _known(self, number: int) -> int:
        """The future that a number stands for; 0 if there is none."""
        future = self._duplicates.future_of(number)
        return future if future in self.scheduler.futures else 0

    def _watch_for_awaits_at_once(self, message: Message) -> None:
        """A model that always awaits what it has just been promised gains nothing from placeholders."""
        before = self.transcript.latest
        if before is None or any(slot.tool != messages.AWAIT for slot in message.slots):
            return
        tools = {slot.future: slot.tool for slot in before.slots if slot.future}
        mine = [slot for slot in message.slots if slot.answer is None]
        awaited = {future for slot in mine for future in self._named(slot).values()}
        if not awaited or not awaited <= tools.keys():
            return
        self.guards.awaited_at_once(tools[future] for future in awaited)

    def _watch_for_made_up_numbers(self, written: Template) -> None:
        if self.transcript.placeholders:
            self.guards.wrote(written, self.transcript.messages)

    def _close(self, text: str) -> None:
        """The model has answered. Wait for what is under way: returning now would lose effects and hide errors."""
        self._closing = text
        self._watch_for_made_up_numbers(parse_string(text))
        unsettled = [future for future, state in self.scheduler.futures.items() if not isinstance(state, Resolved)]
        self._schedule(Touch(tuple(unsettled)))

    def _closed(self) -> None:
        """All calls have settled: fill the text in. If the model has not seen some result, have it look first.

        It looks again only if it has issued new calls, since by then it has seen all the others.
        """
        text, self._closing = self._closing or "", None
        values = self.scheduler.values
        template = parse_string(text) if self.policy.futures and self.policy.late_bound else text
        filled, used = messages.late_bound(self._duplicates.renamed(template), values)
        unseen = self.transcript.placeholders.keys()
        if unseen and (isinstance(filled, ErrorValue) or not used >= unseen):
            self._deliver(self.transcript.drain(text, values))
            self._ask()
            return
        answer = messages.result(filled) if isinstance(filled, ErrorValue) else filled
        self._message = None
        self.transcript.close(answer)
        self._act(Answer(answer))

    def values(self) -> dict[int, Value]:
        """The value of every settled call by its number, those that share the future of an earlier call included."""
        return self.by_number(self.scheduler.values)

    def by_number(self, values: Mapping[int, Value]) -> dict[int, Value]:
        """`values` of futures, by every number that stands for one of them."""
        return self._duplicates.by_number(values)

    # ------------------------------------------------------------------------------------- around the scheduler

    def _schedule(self, event: events.Event) -> None:
        self._perform(self._attempts.feed(event))

    def _perform(self, actions: Iterable[Action]) -> None:
        """Pass actions on, and do what the session itself must do about them."""
        for action in actions:
            self._act(action)
            match action:
                case Resume() if self._closing is not None:
                    self._closed()
                case Resume(values):
                    self._awaited(values)
                case Cut(future):
                    self._cut_back(future)
                case Settle(future):
                    self._duplicates.settled(future)

    def _timer_fired(self, kind: str, number: int) -> None:
        message = self._message
        match kind:
            case "grace" if message is not None and message.number == number:
                message.grace_over = True
            case "await" if message is not None and message.number == number and message.awaits is not None:
                self._schedule(events.Wake())
            case "timeout":
                self._perform(self._attempts.timeout(number))
            case "retry":
                self._perform(self._attempts.retry(number))

    def _cut_back(self, failed: int) -> None:
        """strict: the transcript ends with the failing call and its error; the model goes on from there."""
        self._duplicates.cut(failed)
        streaming, self._closing = self._message, None
        if streaming is not None and not streaming.ended:
            self._act(Interrupt())
        message = self.transcript.cut(failed, streaming)
        texts = {messages.AWAIT: lambda values: messages.awaited(values, []), messages.CANCEL: messages.cancelled}
        for slot in message.slots:
            if slot.tool in texts and slot.answer is None:  # every call up to the failed one has settled
                self._show(slot, self._named(slot), texts[slot.tool])
        self._answer(message)

    def _act(self, *actions: Action) -> None:
        for action in actions:
            if self._log is not None:
                self._log(action)
            self._actions.append(action)
