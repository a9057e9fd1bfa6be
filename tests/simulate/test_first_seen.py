"""Messages of which something is seen only late: fitted as a whole their ends are right, and when they are seen too."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from asyncfc_sim.simulate.emitted import modelled
from asyncfc_sim.simulate.first_seen import FirstSeen, as_decoded, first_seen
from asyncfc_sim.simulate.fit_decoder import fit_decoder
from asyncfc_sim.traces.emission import EmittedCall, EmittedMessage
from asyncfc_sim.traces.sessions import RecordedCall, RecordedSession, RecordedStep, RecordedTurn

TTFT_S, PREFILL_S, ITL_S = 0.1, 0.001, 0.01
HIDDEN = 8  # tokens of a call that the stream does not show


def messages(n: int, seed: int = 0) -> list[EmittedMessage]:
    """Answers, and calls after some text, seen from their first token; and calls alone, of which eight tokens are not
    shown."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(n):
        text, calls = (("so", False), ("", True), ("so", True))[number % 3]
        tokens, uncached = int(rng.integers(12, 90)), int(rng.integers(1, 200))
        ttft_s = TTFT_S + PREFILL_S * uncached + (0.0 if text else HIDDEN * ITL_S)
        ended_s = TTFT_S + PREFILL_S * uncached + ITL_S * tokens
        written = (EmittedCall("t", {}, "{}", ended_s),) if calls else ()
        made.append(EmittedMessage(written, text, tokens, uncached, ttft_s, ended_s - ttft_s))
    return made


def session(made: list[EmittedMessage]) -> RecordedSession:
    steps = tuple(
        RecordedStep(
            prompt_tokens=message.uncached_tokens,
            cached_tokens=0,
            out_tokens=message.tokens,
            ttft_s=message.ttft_s,
            llm_s=message.ttft_s + message.decode_s,
            calls=(RecordedCall(id=f"c{number}", tool="t"),) if message.calls else (),
        )
        for number, message in enumerate(made)
    )
    marks = ("prompt_tokens", "cached_tokens", "out_tokens", "ttft_s", "llm_s")
    return RecordedSession(
        session="s",
        source="made up",
        turns=(RecordedTurn(steps=steps),),
        provenance={f"step.{name}": "measured" for name in marks},
    )


def test_fitted_as_a_whole_all_kinds_end_and_are_seen_when_they_should() -> None:
    made = messages(60)
    decoder = fit_decoder([session(made)], name="x", source="x", whole=True).decoder
    seen = first_seen(made, decoder)
    assert decoder.itl_s() == pytest.approx(ITL_S, rel=1e-6)
    assert (seen.text_s, seen.calls_s) == pytest.approx((0.0, HIDDEN * ITL_S), abs=1e-6)
    pace = modelled(decoder, seen)
    for message in messages(20, seed=1):
        times = pace(message)
        assert (times.seen_s, times.end_s) == pytest.approx((message.ttft_s, message.llm_s), abs=1e-6)
        assert times.calls_s == pytest.approx([message.llm_s] * len(message.calls), abs=1e-6)


def test_fitted_in_two_parts_they_do_not() -> None:
    made = messages(60)
    decoder = fit_decoder([session(made)], name="x", source="x").decoder
    errors = [modelled(decoder)(message).end_s - message.llm_s for message in made]
    assert max(map(abs, errors)) > 0.02


def test_nothing_is_seen_after_its_end_nor_before_its_request() -> None:
    short = EmittedMessage((EmittedCall("t", {}, "{}", 0.1),), "", 1, 0, 0.1, 0.0)
    made = messages(40)
    decoder = fit_decoder([session(made)], name="x", source="x", whole=True).decoder
    late = modelled(decoder, FirstSeen(0.0, 9.0))(short)
    assert (late.seen_s, late.end_s) == pytest.approx((TTFT_S + ITL_S, TTFT_S + ITL_S), abs=1e-6)
    assert modelled(decoder, FirstSeen(0.0, -9.0))(short).seen_s == 0.0


def test_a_call_keeps_its_place_among_the_tokens_though_nothing_was_seen_before_it() -> None:
    """Two calls of 20 and 30 tokens: the first is seen when it is complete, and so the message is."""
    decoder = fit_decoder([session(messages(40))], name="x", source="x", whole=True).decoder
    ends = [TTFT_S + 20 * ITL_S, TTFT_S + 50 * ITL_S]
    calls = tuple(EmittedCall("t", {}, "{}", end_s) for end_s in ends)
    message = EmittedMessage(calls, "", 50, 0, ends[0], ends[1] - ends[0])
    pace = modelled(decoder, FirstSeen(calls_s=20 * ITL_S))
    assert pace(message).calls_s == pytest.approx(ends, abs=1e-6)
    slow = replace(
        message,
        calls=tuple(replace(call, complete_s=2 * call.complete_s) for call in calls),
        ttft_s=2 * message.ttft_s,
        decode_s=2 * message.decode_s,
    )
    assert pace(slow).end_s == pytest.approx(ends[1], abs=1e-6), "its own noise is no prediction"
    assert TTFT_S < pace(slow).calls_s[0] < ends[1]


def test_recorded_messages_are_given_the_first_token_that_was_decoded() -> None:
    made = messages(60)
    told = session(made)
    decoder = fit_decoder([told], name="x", source="x", whole=True).decoder
    for step, message in zip(as_decoded(told, decoder).steps(), made, strict=True):
        assert step.ttft_s == pytest.approx(TTFT_S + PREFILL_S * (message.uncached_tokens or 0), abs=1e-6)
        assert step.llm_s == pytest.approx(message.llm_s)
    late = [step.ttft_s for step in told.steps() if step.calls]
    assert any(seen_s != pytest.approx(TTFT_S, abs=0.05) for seen_s in late), "some were seen later"


def test_a_message_whose_tokens_nobody_counted_has_as_many_as_its_time_allows() -> None:
    decoder = fit_decoder([session(messages(40))], name="x", source="x", whole=True).decoder
    steps = (RecordedStep(llm_s=TTFT_S + 25 * ITL_S), RecordedStep(llm_s=TTFT_S / 2), RecordedStep())
    told = RecordedSession(session="s", source="made up", turns=(RecordedTurn(steps=steps),))
    found = [*as_decoded(told, decoder).steps()]
    assert [step.out_tokens for step in found] == [25, 0, None]
    assert [step.ttft_s for step in found] == [pytest.approx(TTFT_S), TTFT_S / 2, None]


def test_what_is_hardly_shown_is_neither_text_nor_calls() -> None:
    shown = EmittedMessage((EmittedCall("t", {}, "{}", 1.0),), "so", 20, 0, 0.5, 0.5)
    assert shown.text_share == pytest.approx(2 / 32)
    assert replace(shown, tokens=2000).text_share is None
    assert replace(shown, calls=(), text="").text_share is None


def test_what_nobody_counted_as_cached_is_what_the_prompt_had_before() -> None:
    steps = tuple(RecordedStep(prompt_tokens=tokens, out_tokens=10, llm_s=1.0) for tokens in (100, 130, 170))
    told = RecordedSession(session="s", source="made up", turns=(RecordedTurn(steps=steps),))
    decoder = fit_decoder([session(messages(40))], name="x", source="x", whole=True).decoder
    assert [step.cached_tokens for step in as_decoded(told, decoder).steps()] == [0, 100, 130]
    forgetful = replace(decoder, prefix_cache=False)
    assert [step.cached_tokens for step in as_decoded(told, forgetful).steps()] == [0, 0, 0]


def test_without_counted_prompts_nothing_is_known() -> None:
    made = messages(40)
    decoder = fit_decoder([session(made)], name="x", source="x", whole=True).decoder
    assert first_seen([EmittedMessage((), "a", 1, None, 0.1, 0.1)], decoder) == FirstSeen()


def test_a_load_that_changes_from_round_to_round_is_no_price_of_a_prompt() -> None:
    """In the second round all prompts are in the cache; in the first the server was slow, for all messages alike."""
    first, second = messages(40), messages(40, seed=1)
    slow = [replace(message, ttft_s=message.ttft_s + 0.3) for message in first]
    cached = [
        replace(message, uncached_tokens=1, ttft_s=message.ttft_s - PREFILL_S * ((message.uncached_tokens or 0) - 1))
        for message in second
    ]
    sessions = [replace(session(made), session=name) for name, made in (("one", slow), ("two", cached))]
    apart = fit_decoder(sessions, name="x", source="x", whole=True, rounds=[0, 1]).decoder
    assert apart.ttft.slope.value == pytest.approx(PREFILL_S, rel=1e-6)
    assert apart.ttft_s(0) == pytest.approx(TTFT_S, rel=1e-6)
    together = fit_decoder(sessions, name="x", source="x", whole=True).decoder
    assert together.ttft.slope.value > 2 * PREFILL_S
