"""Which GenAI spans belong together: the chats and calls of one turn of one agent, and the turns of one session.

A trace is a turn. An agent in an agent is a sub-agent with a turn of its own; but an agent straight in one of the same
name, a chat straight in a chat and a tool straight in a tool are one thing that two instrumentations have recorded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from asyncfc_sim.traces import semconv

from .otlp_spans import Key, Span


@dataclass(slots=True)
class Scope:
    """The chats and calls of one turn of one agent. `agent` is its span, if there is one.

    Of a sub-agent, `outer` is what started it, and `caller` the call that it stands in, if it stands in one.
    """

    trace: str
    agent: Span | None = None
    outer: Scope | None = None
    caller: Key | None = None
    chats: list[Span] = field(default_factory=list)
    tools: list[Span] = field(default_factory=list)
    around: dict[Key, Key] = field(default_factory=dict)  # the chat that the span of a call stands in

    @property
    def spans(self) -> list[Span]:
        """All of it, the agent first."""
        return [*([self.agent] if self.agent else []), *self.chats, *self.tools]

    @property
    def start_ns(self) -> int:
        return min(span.start_ns for span in self.spans)

    @property
    def end_ns(self) -> int:
        return max(span.end_ns for span in self.spans)

    @property
    def line(self) -> int | None:
        """Where it begins in its file."""
        return min((span.line for span in self.spans if span.line is not None), default=None)

    @property
    def session(self) -> str:
        """The name of the session that this is a turn of."""
        named = self.get(semconv.CONVERSATION)
        if self.outer is None:
            return str(self.trace if named is None else named)
        # Some give a sub-agent the conversation of the agent that started it.
        own = named if named not in (None, self.outer.get(semconv.CONVERSATION)) else None
        return f"{self.outer.session}/{own or (self.agent.key[1] if self.agent else self.trace)}"

    @property
    def parent(self) -> str | None:
        """The session that started this one. An agent that asked no model itself has none."""
        if self.outer is None:
            named = self.get(semconv.PARENT)
            return None if named is None else str(named)
        return self.outer.session if self.outer.chats else self.outer.parent

    def get(self, names: str | tuple[str, ...]) -> Any:
        """The first of these attributes that one of its spans has."""
        return next((value for span in self.spans if (value := span.get(names)) is not None), None)


def sessions_of(spans: Iterable[Span]) -> list[list[Scope]]:
    """The turns of each session in the order of time, the sessions in the order of their first spans."""
    scopes = sorted((scope for scope in _scopes(list(spans)) if scope.chats or scope.tools), key=lambda s: s.start_ns)
    sessions: dict[str, list[Scope]] = {}
    for scope in scopes:
        sessions.setdefault(scope.session, []).append(scope)
    return list(sessions.values())


def _scopes(spans: list[Span]) -> Iterable[Scope]:
    known = {span.key: span for span in spans}
    above = {span.key: list(_ancestors(span, known)) for span in spans if span.operation}
    wrappers = {up.key for span in spans if span.operation == semconv.CHAT for up in _straight(above[span.key])}
    scopes: dict[Key | str, Scope] = {}
    for span in spans:
        up = above.get(span.key, [])
        if span.operation == semconv.CHAT and span.key not in wrappers:
            _scope(scopes, span, above).chats.append(span)
        elif span.operation == semconv.TOOL and not (up and up[0].operation == semconv.TOOL):
            scope = _scope(scopes, span, above)
            scope.tools.append(span)
            if up and up[0].operation == semconv.CHAT:
                scope.around[span.key] = up[0].key
    return scopes.values()


def _ancestors(span: Span, known: Mapping[Key, Span]) -> Iterator[Span]:
    """The GenAI spans above a span, the nearest first; in a circle of parents, each once."""
    seen = {span.key}
    while span.parent is not None and span.parent in known and span.parent not in seen:
        span = known[span.parent]
        seen.add(span.key)
        if span.operation:
            yield span


def _straight(above: list[Span]) -> Iterator[Span]:
    """The chats above a chat, up to the first span that is none."""
    for span in above:
        if span.operation != semconv.CHAT:
            return
        yield span


def _scope(scopes: dict[Key | str, Scope], span: Span, above: Mapping[Key, list[Span]]) -> Scope:
    """The scope of a span: that of its sub-agent, or else that of its trace."""
    agents = _agents(above[span.key])
    if len(agents) < 2:
        return scopes.setdefault(span.key[0], Scope(span.key[0], agents[0] if agents else None))
    agent = agents[0]
    if agent.key not in scopes:
        tools = (up.key for up in above[agent.key] if up.operation == semconv.TOOL)
        scopes[agent.key] = Scope(span.key[0], agent, _scope(scopes, agent, above), next(tools, None))
    return scopes[agent.key]


def _agents(above: list[Span]) -> list[Span]:
    """The agents above a span, the nearest first."""
    agents: list[Span] = []
    for place, span in enumerate(above):
        outer = above[place + 1] if place + 1 < len(above) else None
        wrapped = (
            outer is not None
            and outer.operation == semconv.AGENT
            and outer.get(semconv.AGENT_NAME) == span.get(semconv.AGENT_NAME)
        )
        if span.operation == semconv.AGENT and not wrapped:
            agents.append(span)
    return agents
