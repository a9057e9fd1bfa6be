"""Random programs over the toy tools: aliases, touches, branches, failures, bad references."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from asyncfc_sim.core.references import Ref, Text
from asyncfc_sim.core.syntax import Branch, Call, Done, Program, Statement, Touch

_keys = st.sampled_from(["a", "b", "ptr", "zz"])


# Draw a call with this number, which may refer to these earlier futures.
DrawCall = Callable[[st.DrawFn, int, list[int]], Call]


@st.composite
def toy_programs(draw: st.DrawFn, max_calls: int = 6, min_calls: int = 1, call: DrawCall | None = None) -> Program:
    return Program(tuple(_block(draw, draw(st.integers(min_calls, max_calls)), [], 0, call or toy_call)))


def _block(draw: st.DrawFn, size: int, issued: list[int], depth: int, call: DrawCall) -> list[Statement]:
    body: list[Statement] = []
    for _ in range(size):
        kind = draw(st.integers(0, 9))
        if kind == 0 and issued:
            body.append(Touch((draw(st.sampled_from(issued)),)))
        elif kind == 1 and issued and depth < 2:
            ref = Ref(draw(st.sampled_from(issued)))
            literal = draw(st.sampled_from(["a", "b", "ok", 1]))
            then, orelse = (_block(draw, draw(st.integers(1, 2)), issued, depth + 1, call) for _ in range(2))
            body.append(Branch(ref, literal, tuple(then), tuple(orelse)))
        else:
            future = max(issued, default=0) + 1
            body.append(call(draw, future, issued))
            issued.append(future)
    if depth == 0:
        body.append(Done(tuple(Ref(future) for future in issued[-2:])))
    return body


def toy_call(draw: st.DrawFn, future: int, issued: list[int]) -> Call:
    def value(fresh: Any) -> Any:
        if issued and draw(st.integers(0, 2)) == 0:
            ref = Ref(draw(st.sampled_from(issued)), draw(st.sampled_from([(), (), ("x", 0)])))
            return draw(st.sampled_from([ref, ref, Text(("v", ref))]))
        return fresh

    tool = draw(
        st.sampled_from(["read", "write", "append", "copy", "incr", "add", "send", "ls", "fail", "pure", "undeclared"])
    )
    args: dict[str, Any]
    match tool:
        case "read":
            args = {"path": value(draw(_keys))}
        case "write" | "append" | "undeclared":
            args = {"path": value(draw(_keys)), "text": value(draw(st.sampled_from(["a", "b"])))}
        case "copy":
            args = {"src": value(draw(_keys)), "dst": value(draw(_keys))}
        case "add":
            args = {"n": draw(st.integers(1, 2))}
        case "send":
            args = {"body": value("hi")}
        case "pure":
            args = {"x": value("a")}
        case _:
            args = {}
    return Call(future, tool, args)
