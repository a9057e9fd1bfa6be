"""Conversations in which a model says anything at all, under any policy, with tools of every kind."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from typing import Any, get_args

from hypothesis import strategies as st

from asyncfc_sim.core.policy import ASYNCFC, EARLY_START, SYNC, SYNC_PARALLEL, Delivery, Duplicates, Policy
from asyncfc_sim.core.scheduler import Failure
from asyncfc_sim.core.tool import Tool
from asyncfc_sim.core.values import ErrorValue, Value
from tests.scripted import Choose, Said
from tests.toys import TOOLS


def chooser(data: st.DataObject) -> Choose:
    return lambda n: data.draw(st.integers(0, n - 1)) if n > 1 else 0


def policies(failures: list[Failure]) -> st.SearchStrategy[Policy]:
    return st.builds(
        lambda base, **changes: replace(base, **changes),
        st.sampled_from([SYNC, SYNC_PARALLEL, EARLY_START, ASYNCFC]),
        grace_s=st.sampled_from([0.0, 0.0, 0.25, inf]),
        delivery=st.sampled_from(get_args(Delivery)),
        failure=st.sampled_from(failures),
        duplicates=st.sampled_from(get_args(Duplicates)),
        retries=st.integers(0, 1),
        max_running=st.sampled_from([1, 2, 32]),
        max_pending=st.sampled_from([1, 128]),
        max_awaits=st.sampled_from([None, 0]),
        max_misuses=st.sampled_from([None, 0, 2]),
        blind=st.sampled_from([False, False, True]),
        max_requests=st.just(12),
    )


def tools() -> st.SearchStrategy[dict[str, Tool]]:
    """The toy tools, some of which need approval, time out, or may be repeated."""

    def changed(**changes: Any) -> st.SearchStrategy[dict[str, Any]]:
        return st.fixed_dictionaries({name: st.sampled_from(values) for name, values in changes.items()})

    options = changed(approval=[False, False, True], timeout_s=[None, None, 1.0], idempotent=[False, True])
    names = ["read", "write", "pure", "fail"]
    return st.tuples(*[options] * len(names)).map(
        lambda drawn: {**TOOLS, **{name: replace(TOOLS[name], **o) for name, o in zip(names, drawn, strict=True)}}
    )


def any_future() -> st.SearchStrategy[str]:
    return st.integers(1, 7).map(lambda number: f"$f{number}")


def any_call() -> st.SearchStrategy[Any]:
    path = st.sampled_from(["a", "b", "a", "b", "zz"]) | any_future()
    text = st.sampled_from(["x", "y"]) | any_future() | any_future().map(lambda ref: f"of ${{{ref[1:]}}}")
    ids: st.SearchStrategy[Any] = st.lists(any_future(), min_size=1, max_size=3) | any_future() | st.just([])
    waits: dict[str, Any] = {"mode": st.sampled_from(["all", "any"]), "timeout_s": st.sampled_from([None, 1])}
    return st.one_of(
        st.tuples(st.just("read"), st.fixed_dictionaries({"path": path})),
        st.tuples(st.just("read"), st.just({"path": "a"})),
        st.tuples(st.just("write"), st.fixed_dictionaries({"path": path, "text": text})),
        st.tuples(st.just("pure"), st.fixed_dictionaries({"x": text})),
        st.tuples(st.sampled_from(["fail", "incr", "send", "ls", "nosuch"]), st.just({})),
        st.tuples(st.just("undeclared"), st.just({"path": "a", "text": "z"})),
        st.tuples(st.just("await_future"), st.fixed_dictionaries({"ids": ids, **waits})),
        st.tuples(st.just("cancel_future"), st.fixed_dictionaries({"ids": ids})),
        st.tuples(st.sampled_from(["pure", "await_future"]), st.just(ErrorValue("invalid_argument", "no JSON"))),
    )


def conversations() -> st.SearchStrategy[list[Said]]:
    answers = st.sampled_from(["done", "it is ${f1}", "$f2", "${f9} ${f3.x}"]).map(lambda text: Said((), text))
    some_calls = st.lists(any_call(), min_size=1, max_size=4).map(lambda calls: Said(calls))
    return st.lists(some_calls | some_calls | answers, max_size=6)


def value_of(future: int) -> Value:
    """A value that can be told from any other in a transcript. Some futures fail, in a way that may be tried again."""
    if future % 5 == 4:
        return ErrorValue("tool_error", f"<{future}>", retryable=future % 2 == 0)
    return {"x": f"<{future}>"}
