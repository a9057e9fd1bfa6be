"""How long messages take: prompts outside the cache, thinking, calls; and what is free without overhead."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from asyncfc_sim.core.messages import assistant_message, tool_message
from asyncfc_sim.core.references import Ref
from asyncfc_sim.simulate.decoder import Curve, load_decoder
from asyncfc_sim.simulate.durations import uniform
from asyncfc_sim.simulate.models import Models
from asyncfc_sim.simulate.script import NextMessage, ToolUse
from asyncfc_sim.simulate.writing import Writer, thinking_number
from asyncfc_sim.workloads.recorded_times import Recorded, RecordedMessage, RecordedPart
from tests.toy_tasks import durations, plain_decoder, quantity, task

CALL = ToolUse("pure", {"x": "four by four 16"}, origin=1)
AWAIT = NextMessage((ToolUse("await_future", {"ids": [Ref(1)]}),))
ANSWER = NextMessage()
USER = {"role": "user", "content": "x" * 40}


@pytest.fixture
def models(tmp_path: Path) -> Models:
    """A token is four characters and takes an eighth of a second to write; to read, 1/64 s, after half a second."""
    decoder = replace(
        load_decoder(str(plain_decoder(tmp_path))),
        ttft=Curve(((0, quantity(0.5)),), quantity(1 / 64)),
        call=None,
        step=quantity(8),
        answer=quantity(16),
        await_=quantity(4),
        placeholder=quantity(2),
    )
    return Models(decoder, durations())


def writer(models: Models) -> Writer:
    return Writer(models, 0, task(name="case"))


def test_a_message_is_read_thought_over_and_written_call_by_call(models: Models):
    writing = writer(models).time(NextMessage((CALL, CALL)), [USER], 0)
    assert (writing.prompt_tokens, writing.uncached_tokens) == (10, 10)
    assert writing.first_token_s == 0.5 + 10 / 64
    text = '{"x": "four by four 16"}'
    assert writing.texts == (text, text)
    call_tokens = models.decoder.text_tokens('{"name": "pure"}' + text)
    assert writing.tokens == 8 + 2 * call_tokens
    first_s, second_s = (writing.first_token_s + (8 + n * call_tokens) / 8 for n in (1, 2))
    assert writing.calls_s == (first_s, second_s)
    assert writing.end_s == second_s, "the last call closes when the message ends"


def test_an_answer_and_an_await_have_lengths_of_their_own(models: Models):
    assert writer(models).time(ANSWER, [USER], 0).tokens == 16
    assert writer(models).time(AWAIT, [USER], 0).tokens == 8 + 4
    assert writer(replace(models, await_thinking=False)).time(AWAIT, [USER], 0).tokens == 4


def test_what_was_read_before_is_in_the_cache_and_so_is_what_was_just_written(models: Models):
    timing = writer(models)
    transcript: list[dict[str, Any]] = [USER]
    timing.time(NextMessage((CALL,)), transcript, 0)
    transcript += [assistant_message("x" * 400, [("id", "pure", "y" * 40)]), tool_message("id", "z" * 80)]
    writing = timing.time(ANSWER, transcript, 1)
    assert writing.prompt_tokens == 10 + 100 + 10 + 20
    assert writing.uncached_tokens == 20
    transcript.append(USER)
    assert timing.time(ANSWER, transcript, 3).uncached_tokens == 10


def test_what_was_rewritten_is_read_again_with_all_that_follows_it(models: Models):
    timing = writer(models)
    transcript: list[dict[str, Any]] = [USER, tool_message("id", "z" * 40), assistant_message("x" * 12, []), USER]
    timing.time(ANSWER, transcript, 0)
    transcript[1] = tool_message("id", "z" * 80)
    writing = timing.time(ANSWER, transcript, 1)
    assert (writing.prompt_tokens, writing.uncached_tokens) == (10 + 20 + 3 + 10, 20 + 3 + 10)
    assert timing.time(ANSWER, transcript, 4).uncached_tokens == 0


def test_a_transcript_that_was_cut_back_is_shorter(models: Models):
    timing = writer(models)
    timing.time(ANSWER, [USER, USER, USER], 0)
    assert timing.time(ANSWER, [USER, USER], 1).prompt_tokens == 20


def test_the_same_message_takes_as_long_under_every_policy(models: Models):
    spread = replace(models, decoder=replace(models.decoder, step=quantity(8, p90=80)))
    one, another = writer(spread), writer(spread)
    shared, *others = (one.time(NextMessage((replace(CALL, origin=n),), turn=1), [USER], 0).tokens for n in range(1, 9))
    another.time(NextMessage(AWAIT.calls, turn=1), [USER], 0)  # takes no place
    again = another.time(NextMessage((replace(CALL, origin=3), CALL), turn=1), [USER] * 9, 0).tokens
    call_tokens = models.decoder.text_tokens('{"name": "pure"}{"x": "four by four 16"}')
    assert again - call_tokens == shared
    assert set(others) != {shared}, "at other places it thinks for other times"
    assert shared - call_tokens == spread.decoder.step_tokens_at(uniform(0, "case/step", thinking_number(1, 1)))


def test_without_overhead_awaits_prompts_and_long_arguments_are_free(models: Models):
    timing = writer(replace(models, overhead=False))
    awaiting = timing.time(AWAIT, [USER], 0)
    assert (awaiting.first_token_s, awaiting.end_s, awaiting.uncached_tokens) == (0.0, 0.0, 0)
    calling = timing.time(NextMessage((CALL,)), [USER], 0)
    assert calling.first_token_s == 0.5
    assert calling.tokens == 8 + models.decoder.text_tokens('{"name": "pure"}')
    assert calling.texts == ('{"x": "four by four 16"}',), "free, but not left out"


def test_what_another_request_costs(models: Models):
    assert models.turn_overhead_s == 0.5 + 2 / 64 + (8 + 4) / 8
    assert replace(models, await_thinking=False).turn_overhead_s == 0.5 + 2 / 64 + 4 / 8
    assert replace(models, overhead=False).turn_overhead_s == 0.0


def recorded_writer(models: Models, *prompts: int, cached: int | None = None) -> Writer:
    """Of a task whose calls were recorded as messages, with prompts of so many tokens."""
    messages = [RecordedMessage(8, tokens, cached, ttft_s=0.75, llm_s=1.75) for tokens in prompts]
    parts = {number: RecordedPart(message, 8, True) for number, message in enumerate(messages, 1)}
    return Writer(models, 0, replace(task(name="case"), recorded=Recorded(parts=parts)))


ASKED = [USER, assistant_message("", [("id", "pure", "y" * 40)]), tool_message("id", "z" * 80)]
LATER = NextMessage((replace(CALL, origin=2),))


def test_between_recorded_messages_prompts_go_on_from_them(models: Models):
    timing = recorded_writer(models, 1000, 1100)
    first = timing.time(NextMessage((CALL,)), [USER], 0)
    assert (first.prompt_tokens, first.uncached_tokens, first.end_s) == (1000, 1000, 1.75)
    awaiting = timing.time(AWAIT, ASKED, 1)
    assert (awaiting.prompt_tokens, awaiting.uncached_tokens) == (1000 + 10 + 20, 20)
    writing = timing.time(LATER, [*ASKED, tool_message("id", "z" * 80)], 3)
    assert (writing.prompt_tokens, writing.uncached_tokens, writing.end_s) == (1100, 70, 1.75)


def test_a_recorded_prompt_that_got_shorter_is_what_the_next_one_goes_on_from(models: Models):
    timing = recorded_writer(models, 1000, 200, 300)
    timing.time(NextMessage((CALL,)), [USER], 0)
    assert timing.time(LATER, ASKED, 1).uncached_tokens == 0
    assert timing.time(NextMessage((replace(CALL, origin=3),)), [*ASKED, USER], 3).uncached_tokens == 100


@pytest.mark.parametrize("cached", [None, 1000])
def test_a_rewriting_costs_a_recorded_message_what_it_had_in_the_cache(models: Models, cached: int | None):
    """What it had to read anyway is in its recorded time already."""
    timing = recorded_writer(models, 1000, 1100, cached=cached)
    timing.time(NextMessage((CALL,)), [USER], 0)
    timing.time(AWAIT, ASKED, 1)
    writing = timing.time(LATER, ASKED, 2)
    assert (writing.prompt_tokens, writing.uncached_tokens) == (1100, 100)
    usual = 1100 - (cached or 1030)
    assert writing.first_token_s == 0.75 + (100 - usual) / 64


def test_without_a_prefix_cache_every_prompt_is_read_whole(models: Models):
    forgetful = replace(models, decoder=replace(models.decoder, prefix_cache=False))
    timing = writer(forgetful)
    timing.time(NextMessage((CALL,)), [USER], 0)
    assert timing.time(ANSWER, ASKED, 1).uncached_tokens == 10 + 10 + 20
    free = writer(replace(forgetful, overhead=False))
    assert free.time(NextMessage((CALL,)), [USER], 0).uncached_tokens == 0
    # Of recorded messages too; their time is as it was, and a rewriting costs nothing.
    timing = recorded_writer(forgetful, 1000, 1100)
    timing.time(NextMessage((CALL,)), [USER], 0)
    assert timing.time(AWAIT, ASKED, 1).uncached_tokens == 1030
    writing = timing.time(LATER, ASKED, 2)
    assert (writing.uncached_tokens, writing.first_token_s) == (1100, 0.75)
    timing = recorded_writer(replace(forgetful, replay_decoding=False), 1000)
    assert timing.time(NextMessage((CALL,)), [USER], 0).first_token_s == 0.5 + 1000 / 64


def test_an_await_after_a_rewriting_reads_again_what_was_recorded(models: Models):
    timing = recorded_writer(models, 1000, 1100)
    timing.time(NextMessage((CALL,)), [USER], 0)
    timing.time(LATER, ASKED, 1)
    assert timing.time(AWAIT, ASKED, 2).uncached_tokens == 100, "70 of them have no text"
