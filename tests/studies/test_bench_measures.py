"""What is measured of a run, held against a trace whose times are known."""

import json

import pytest

from asyncfc_sim.live.model import Usage
from asyncfc_sim.live.run import AgentRun
from asyncfc_sim.studies.bench import Found, Outcome, Plan
from asyncfc_sim.studies.bench_compare import comparisons
from asyncfc_sim.studies.bench_measures import METRICS, measured
from asyncfc_sim.studies.bench_prompts import Prompt
from asyncfc_sim.studies.bench_rows import Request, answered, row
from asyncfc_sim.traces.trace import Header, Recorder

ANSWERED = [
    (1.0, "user", {"turn": 1}),
    (1.0, "request", {"turn": 1}),
    (1.5, "first_token", {"turn": 1}),
    (1.8, "first_token", {"turn": 1}),  # of a second attempt: the first token was there already
    (2.5, "issue", {"future": 1, "tool": "look", "args": {}, "message": 1}),
    (2.5, "start", {"future": 1, "tool": "look", "args": {}, "reads": [], "writes": []}),
    (3.5, "message", {"turn": 1, "tokens": 5}),
    (5.5, "finish", {"future": 1, "value": 5}),
    (6.0, "request", {"turn": 2}),
    (6.25, "first_token", {"turn": 2}),
    (7.0, "message", {"turn": 2, "tokens": 1}),
    (7.5, "answer", {}),
]


def run_of(events, **fields):
    recorder = Recorder(Header(run="r", source="live", clock="wall"))
    for event in events:
        recorder.record(event)
    given = {"outputs": ("five",), "messages": [], "requests": 2, "usage": Usage(300, 6), **fields}
    return AgentRun(trace=recorder.run(), **given)


def test_every_figure_is_what_its_definition_says():
    one = measured(run_of(ANSWERED))
    assert one.e2el_s == 6.5  # from the user at 1.0 to the answer at 7.5
    assert one.wait_s == 2.5 + 0.5  # to the second request, and to the answer
    assert one.ttft_s == (0.5, 0.25)
    assert one.tpot_s == (0.5,)  # four tokens in two seconds; one token has no time between tokens
    assert one.decode_s == 2.5 + 1.0
    assert (one.tool_tool_s, one.decode_tool_s) == (0.0, 1.0)
    assert (one.requests, one.calls, one.certified) == (2, 1, True)
    assert (one.prompt_tokens, one.completion_tokens, one.cached_tokens) == (300, 6, None)
    assert {metric: one.values_s(metric) for metric in METRICS} == {
        "ttft": (0.5, 0.25),
        "tpot": (0.5,),
        "e2el": (6.5,),
        "wait": (3.0,),
    }


def test_what_outlives_the_answer_is_not_waited_for():
    late = [(8.0, "cancel", {"future": 1}), (9.0, "end", {"future": 1})]
    events = [event for event in ANSWERED if event[1] != "finish"]
    assert measured(run_of([*events, *late])).e2el_s == pytest.approx(6.5)


def test_transcripts_are_the_same_whatever_the_ids_of_calls():
    def chat(id, value):
        call = {"id": id, "type": "function", "function": {"name": "look", "arguments": "{}"}}
        return [
            {"role": "user", "content": "go"},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": id, "content": json.dumps(value)},
        ]

    texts = [measured(run_of(ANSWERED, messages=chat(*each))).transcript for each in (("a", 1), ("b", 1), ("a", 2))]
    assert texts[0] == texts[1] != texts[2]


def test_figures_of_two_arms_are_those_of_their_runs():
    """The second arm has one message instead of two; the server counts no tokens for one of its prompts."""
    short = [*ANSWERED[:8], (5.6, "answer", {})]
    plan = Plan(arms=("a", "b"), prompts=[Prompt("1", "go"), Prompt("2", "go on")])
    found = Found(
        [
            Outcome("a", 0, 0, run_of(ANSWERED)),
            Outcome("b", 0, 0, run_of(short, requests=1, usage=Usage())),
            Outcome("b", 1, 0, run_of(short, requests=1, usage=Usage(10, 2))),
            Outcome("a", 1, 0, run_of(ANSWERED, outputs=("six",))),
        ],
        {"a": 13.0, "b": 10.0},
    )
    runs = {arm: answered(found, arm) for arm in plan.arms}
    (one,) = comparisons(plan, found, runs)
    assert one.speedup is not None
    assert one.speedup.ratio == pytest.approx(6.5 / 4.6)
    assert one.extra_requests == -1
    assert one.alpha == pytest.approx(2.5 / 3.5 - 1)
    assert one.accuracy is None
    assert one.agreement is not None
    assert one.agreement.count == 1
    first, second = (row(plan, found, arm, runs[arm], Request()) for arm in plan.arms)
    assert (first.prompt_tokens, first.completion_tokens) == (600, 12)
    assert (second.prompt_tokens, second.completion_tokens) == (None, None)  # a part would pass for all
    assert (first.throughput, second.throughput) == (2 / 13, 2 / 10)
