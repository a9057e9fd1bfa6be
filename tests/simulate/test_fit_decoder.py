"""Fitted decoders: data made by a known model give that model back, and data that cannot carry a fit are refused."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asyncfc_sim.core.policy import SYNC
from asyncfc_sim.simulate.decoder import load_decoder
from asyncfc_sim.simulate.driver import Simulation
from asyncfc_sim.simulate.durations import load_durations
from asyncfc_sim.simulate.fit_decoder import DecoderFit, equation, fit_decoder
from asyncfc_sim.simulate.fit_samples import CACHE_S, FitError, samples
from asyncfc_sim.simulate.models import Models
from asyncfc_sim.traces.importers.formats import read_sessions
from asyncfc_sim.traces.sessions import RecordedCall, RecordedSession, RecordedStep, RecordedTurn, check_session
from asyncfc_sim.traces.trace import Header, write_trace
from asyncfc_sim.workloads.program_file import load_program
from tests.session_examples import marked

PROGRAM = str(Path(__file__).parents[2] / "examples" / "01_two_lookups.fc")
SHARED_DATA = Path(__file__).parents[2].parent / "shared" / "data"
WEKA = SHARED_DATA / "kv-cache-tester" / "claude_code_traces_compact.jsonl.gz"
VLLM = SHARED_DATA / "llmservingsim"


def needs(path: Path):
    return pytest.mark.skipif(not path.exists(), reason=f"real data are not beside the checkout: {path.name}")


def recorded(
    rng: np.random.Generator,
    *,
    n: int = 40,
    steps: int = 8,
    base: float = 0.5,
    per_prompt: float = 4e-5,
    per_token: float = 0.02,
    noise: float = 0.1,
    ttft: bool = True,
    model: str | None = "m",
    tokens: Callable[[np.random.Generator], int] = lambda rng: int(rng.integers(20, 600)),
    uncached: Callable[[np.random.Generator], int] = lambda rng: int(rng.integers(100, 20_000)),
) -> list[RecordedSession]:
    """Sessions of which every message took what the model says, and noise of that many seconds."""
    sessions = []
    for number in range(n):
        made = []
        prompt = 0
        for _ in range(steps):
            new, out = uncached(rng), tokens(rng)
            prompt += new
            first_s = max(0.0, base + per_prompt * new + rng.normal(0, noise / 2))
            llm_s = first_s + max(0.0, per_token * out + rng.normal(0, noise))
            made.append(
                RecordedStep(
                    model=model,
                    prompt_tokens=prompt,
                    cached_tokens=prompt - new,
                    out_tokens=out,
                    ttft_s=first_s if ttft else None,
                    llm_s=llm_s,
                )
            )
        turns = (RecordedTurn(steps=tuple(made)),)
        sessions.append(check_session(marked(RecordedSession(session=f"s{number}", source="made", turns=turns))))
    return sessions


def fit(sessions, **options) -> DecoderFit:
    return fit_decoder(sessions, name="x", source="made", **options)


def changed(sessions, **fields):
    """The sessions with fields of every step replaced."""
    return [
        marked(
            replace(
                session,
                turns=tuple(
                    replace(turn, steps=tuple(replace(step, **fields) for step in turn.steps)) for turn in session.turns
                ),
            )
        )
        for session in sessions
    ]


# ------------------------------------------------------------------------------------------------ what is found


@settings(max_examples=15)
@given(
    st.floats(0.2, 3),
    st.floats(2e-5, 2e-4),
    st.floats(5e-3, 0.05),
    st.booleans(),
    st.integers(0, 10_000),
)
def test_the_model_that_made_the_data_is_found_within_the_intervals_stated(base, per_prompt, per_token, ttft, seed):
    sessions = recorded(
        np.random.default_rng(seed), base=base, per_prompt=per_prompt, per_token=per_token, noise=0.05, ttft=ttft
    )
    found = fit(sessions)
    assert found.r2 > 0.9
    for term, truth in zip(found.terms, (base, per_prompt, per_token), strict=True):
        # An interval at 95 % may miss; three times as wide it may not. The cut of the slowest moves a fit a little.
        wide = 3 * (term.high - term.low) / 2 + 0.01 * truth
        assert abs(term.value - truth) <= wide
        assert wide < 0.6 * truth
    assert found.decoder.ttft_s(10_000) == pytest.approx(base + per_prompt * 10_000, rel=0.1)
    assert found.decoder.itl_s() == pytest.approx(per_token, rel=0.05)


def test_both_ways_of_fitting_agree_and_say_which_was_taken():
    sessions = recorded(np.random.default_rng(1))
    parts, whole = fit(sessions), fit(changed(sessions, ttft_s=None))
    assert parts.ttft_r2 is not None
    assert whole.ttft_r2 is None
    assert any("fitted in two parts" in note for note in parts.notes)
    assert any("fitted in one, since no message says" in note for note in whole.notes)
    for one, other in zip(parts.terms, whole.terms, strict=True):
        assert one.value == pytest.approx(other.value, rel=0.05)


def test_a_prompt_that_does_not_matter_is_set_to_zero_and_said():
    found = fit(recorded(np.random.default_rng(2), per_prompt=0.0))
    assert found.terms[1].value == 0
    assert found.terms[1].set_to.startswith("set to 0: ")
    assert found.decoder.ttft.slope.value == 0
    assert "set to 0" in found.decoder.ttft.slope.note
    assert any(note.startswith("TTFT per uncached token: set to 0") for note in found.notes)
    # Where it does matter, nothing is set.
    assert fit(recorded(np.random.default_rng(2))).terms[1].set_to == ""


def test_a_message_of_no_token_takes_no_less_than_no_time():
    """Where the line meets zero below zero it goes through the origin instead."""
    sessions = recorded(np.random.default_rng(8), base=0.0, per_prompt=0.0, noise=0.0, ttft=False)
    early = [
        replace(
            session,
            turns=tuple(
                replace(
                    turn, steps=tuple(replace(s, llm_s=max(0.0, 0.02 * (s.out_tokens or 0) - 0.4)) for s in turn.steps)
                )
                for turn in session.turns
            ),
        )
        for session in sessions
    ]
    found = fit(early)
    assert found.terms[0].value == found.decoder.ttft_s(0) == 0
    assert re.fullmatch(r"set to 0: -0\.\d+ s is negative", found.terms[0].set_to)
    assert 0.018 < found.decoder.itl_s() < 0.02


def test_the_slowest_hundredth_cannot_move_a_fit():
    sessions = recorded(np.random.default_rng(3))
    first = sessions[0].turns[0].steps
    stalled = replace(first[0], llm_s=4000.0)
    moved = [replace(sessions[0], turns=(RecordedTurn(steps=(stalled, *first[1:])),)), *sessions[1:]]
    assert fit(moved).terms[2].value == pytest.approx(fit(sessions).terms[2].value, rel=0.02)
    assert fit(moved).cut == 4


@pytest.mark.parametrize("constant", [False, True])
def test_prompts_may_be_left_out_if_asked(constant):
    sessions = changed(recorded(np.random.default_rng(4), per_prompt=0.0), prompt_tokens=None, cached_tokens=None)
    if constant:
        assert fit(sessions, constant_ttft=True).decoder.ttft_s(0) == pytest.approx(0.5, rel=0.1)
    else:
        with pytest.raises(FitError, match=r"no prompt_tokens are recorded.*--constant-ttft"):
            fit(sessions)


def test_every_figure_says_where_it_comes_from():
    for quantity in fit(recorded(np.random.default_rng(5))).decoder.quantities().values():
        assert quantity.source
        assert quantity.provenance in ("derived", "assumed")
        if quantity.source == "made":
            assert quantity.provenance == "derived"
            assert "R2 0." in quantity.note


# ------------------------------------------------------------------------------------------------ what is refused


def test_too_few_messages_are_refused():
    with pytest.raises(FitError, match=r"24 messages of m have both out_tokens and llm_s; at least 30 are needed"):
        fit(recorded(np.random.default_rng(0), n=3))
    assert fit(recorded(np.random.default_rng(0), n=4)).n == 32


def test_sampled_times_are_no_measurements():
    sessions = [
        replace(s, provenance={**s.provenance, "step.llm_s": "sampled"}) for s in recorded(np.random.default_rng(0))
    ]
    with pytest.raises(FitError, match=r"0 messages of m have both.*sampled times do not count"):
        fit(sessions)
    assert fit([*sessions, *recorded(np.random.default_rng(0), n=10)]).n == 80
    assert fit(sessions, sampled=True).n > 80  # unless a server is studied that has drawn them


def test_messages_of_one_length_are_refused():
    with pytest.raises(FitError, match=r"all 3\d\d messages have 100 output tokens.*different lengths"):
        fit(recorded(np.random.default_rng(0), tokens=lambda rng: 100))


def test_prompts_of_one_length_are_refused_unless_they_are_left_out():
    sessions = recorded(np.random.default_rng(0), uncached=lambda rng: 500)
    with pytest.raises(FitError, match=r"every prompt has 500 uncached tokens.*--constant-ttft"):
        fit(sessions)
    assert fit(sessions, constant_ttft=True).r2 > 0.9


def test_times_that_tokens_do_not_explain_are_refused_unless_told_otherwise():
    sessions = recorded(np.random.default_rng(0), per_token=0.005, noise=1.0, ttft=False)
    with pytest.raises(
        FitError, match=r"R2 is 0\.\d+, below 0\.5: llm_s = .* or --min-r2 (0\.\d+) to take it"
    ) as refused:
        fit(sessions, constant_ttft=True)
    shown = float(str(refused.value).split("--min-r2 ")[1].split()[0])
    assert 0 <= fit(sessions, constant_ttft=True, min_r2=shown).r2 < 0.5


def test_longer_messages_that_did_not_take_longer_are_refused():
    with pytest.raises(FitError, match=r"the time per token is .* which is not above 0"):
        fit(recorded(np.random.default_rng(0), per_token=0.0, noise=0.5, ttft=False), min_r2=-1)


def test_of_several_models_one_must_be_chosen():
    one = recorded(np.random.default_rng(0), model="one", per_token=0.01)
    two = recorded(np.random.default_rng(0), model="two", per_token=0.03)
    with pytest.raises(FitError, match=r"choose one by --model: one \(320 steps\), two \(320 steps\)"):
        fit([*one, *two])
    with pytest.raises(FitError, match=r"no step is of the model 'three'"):
        fit([*one, *two], model="three")
    assert fit([*one, *two], model="two").decoder.itl_s() == pytest.approx(0.03, rel=0.05)
    assert fit(recorded(np.random.default_rng(0), model=None)).model is None


# ------------------------------------------------------------------------------------------------ prompts and tokens


def test_what_is_not_in_a_cache_is_the_growth_of_the_prompt_or_all_of_it_after_a_long_pause():
    step = RecordedStep(prompt_tokens=100, out_tokens=5, llm_s=1.0)
    slow = RecordedCall(id="a", tool="t", exec_s=CACHE_S + 1)
    turns = (
        RecordedTurn(steps=(step, replace(step, prompt_tokens=130, calls=(slow,)), replace(step, prompt_tokens=150))),
        RecordedTurn(user_gap_s=10.0, steps=(replace(step, prompt_tokens=180), replace(step, prompt_tokens=60))),
        RecordedTurn(user_gap_s=CACHE_S + 1, steps=(replace(step, prompt_tokens=90),)),
        RecordedTurn(user_gap_s=1.0, steps=(replace(step, prompt_tokens=99, cached_tokens=98),)),
    )
    found = samples([marked(RecordedSession(session="s", source="made", turns=turns))], None)
    assert list(found.uncached) == [100, 30, 150, 30, 0, 90, 1]
    assert list(found.cached) == [False] * 6 + [True]


def reading_whole(sessions, per_prompt: float):
    """The sessions on a server that keeps no prefix, and does not count what it has cached."""
    return [
        marked(
            replace(
                session,
                turns=tuple(
                    replace(
                        turn,
                        steps=tuple(
                            replace(
                                step,
                                cached_tokens=None,
                                ttft_s=None,
                                llm_s=(step.llm_s or 0.0) + per_prompt * (step.cached_tokens or 0),
                            )
                            for step in turn.steps
                        ),
                    )
                    for turn in session.turns
                ),
            )
        )
        for session in sessions
    ]


@settings(max_examples=10)
@given(st.integers(0, 10_000))
def test_whether_a_server_keeps_prefixes_is_found_where_it_does_not_say(seed):
    made = recorded(np.random.default_rng(seed), noise=0.05)
    forgetful = fit(reading_whole(made, 4e-5))
    assert not forgetful.decoder.prefix_cache
    assert forgetful.terms[1].value == pytest.approx(4e-5, rel=0.05)
    assert any("it keeps no prefix" in note for note in forgetful.notes)
    keeps = fit(changed(made, cached_tokens=None))
    assert keeps.decoder.prefix_cache
    assert keeps.terms[1].value == pytest.approx(4e-5, rel=0.2)
    # What is recorded is not doubted.
    assert fit(made).decoder.prefix_cache
    # Nor is anything found where prompts do not matter.
    assert fit(reading_whole(recorded(np.random.default_rng(seed), per_prompt=0.0), 0.0)).decoder.prefix_cache


def of_two_kinds(rng, text_s, call_s, *, noise=0.05, known=True, chars=4):
    """Messages that are text, calls, or some of both, whose tokens take different times. A token is so many `chars`."""
    sessions = []
    for number in range(30):
        steps = []
        for place in range(8):
            text, calls = ((40, 0), (0, 60), (20, 30))[place % 3]
            text, calls = (int(rng.integers(1, 9)) * tokens for tokens in (text, calls))
            llm_s = 0.5 + text_s * text + call_s * calls + rng.normal(0, noise)
            call = RecordedCall(id=str(place), tool="t", args={"x": "y" * (chars * calls - 37)})
            assert not calls or call.chars == chars * calls
            step = RecordedStep(
                prompt_tokens=1000,
                cached_tokens=1000,
                out_tokens=text + calls,
                text_chars=chars * text if known else None,
                llm_s=llm_s,
                calls=(call,) if calls else (),
            )
            steps.append(step)
        sessions.append(
            marked(RecordedSession(session=str(number), source="x", turns=(RecordedTurn(steps=(*steps,)),)))
        )
    return sessions


@settings(max_examples=10)
@given(st.integers(0, 10_000))
def test_tokens_of_text_and_of_calls_are_told_apart_where_they_clearly_differ(seed):
    rng = np.random.default_rng(seed)
    found = fit(of_two_kinds(rng, 0.03, 0.02), constant_ttft=True)
    assert found.decoder.token_s(1.0) == pytest.approx(0.03, rel=0.02)
    assert found.decoder.token_s(0.0) == pytest.approx(0.02, rel=0.02)
    assert 0.02 < found.decoder.itl_s() < 0.03, "of all tokens the mean"
    assert found.decoder.token_s(None) == found.decoder.itl_s()
    assert [term.name for term in found.terms][3:] == ["more for a token of text than of a call"]
    assert "x tokens of text + " in equation(found.decoder)
    # Of which it is not known what they are, they are one.
    unknown = fit(of_two_kinds(rng, 0.03, 0.02, known=False), constant_ttft=True)
    assert (unknown.decoder.itl_kinds, len(unknown.terms)) == ({}, 3)
    assert unknown.r2 < found.r2


def test_tokens_that_all_take_the_same_time_are_mostly_not_told_apart():
    found = [fit(of_two_kinds(np.random.default_rng(seed), 0.02, 0.02), constant_ttft=True) for seed in range(20)]
    apart = [one for one in found if one.decoder.itl_kinds]
    assert len(apart) <= 4  # 1 in 20 is expected
    for one in found:
        assert one.decoder.token_s(1.0) == pytest.approx(one.decoder.token_s(0.0), rel=0.02)


def test_told_apart_in_two_parts_too():
    made = changed(of_two_kinds(np.random.default_rng(1), 0.03, 0.02), ttft_s=0.5)
    decoder = fit(made, constant_ttft=True).decoder
    assert (decoder.token_s(1.0), decoder.token_s(0.0)) == pytest.approx((0.03, 0.02), rel=0.02)


@pytest.mark.parametrize("chars", [3, 5])
def test_what_a_token_is_in_characters_is_found_and_so_how_long_an_await_is(chars):
    decoder = fit(of_two_kinds(np.random.default_rng(2), 0.02, 0.02, chars=chars), constant_ttft=True).decoder
    assert (decoder.chars_per_token.value, decoder.chars_per_token.provenance) == (chars, "derived")
    assert decoder.await_tokens == -(-len(decoder.await_.source) // chars)
    assert fit(recorded(np.random.default_rng(2))).decoder.chars_per_token.provenance == "assumed"


def with_calls(sessions, **fields):
    calls = tuple(RecordedCall(id="?", tool="cd", args={"folder": "document"}, **fields) for _ in range(2))

    def steps(turn):
        for place, step in enumerate(turn.steps[:-1]):
            first = 0 if calls[0].emit_tok is None else (step.out_tokens or 0)
            ends = [None, None] if calls[0].emit_tok is None else [first - 30, first]
            yield replace(
                step,
                calls=tuple(replace(call, id=f"{place}.{n}", emit_tok=ends[n]) for n, call in enumerate(calls)),
            )
        yield turn.steps[-1]

    return [
        check_session(
            marked(replace(session, turns=tuple(replace(turn, steps=tuple(steps(turn))) for turn in session.turns)))
        )
        for session in sessions
    ]


def test_tokens_of_calls_messages_and_answers():
    sessions = recorded(np.random.default_rng(6), tokens=lambda rng: int(rng.integers(100, 600)))
    outs = [step.out_tokens or 0 for session in sessions for step in session.turns[0].steps[:-1]]
    # No call: nothing is known of messages with calls.
    none = fit(sessions).decoder
    assert (none.call, none.step.provenance, none.answer.n) == (None, "assumed", 40)
    # By their text, 52 characters or 13 tokens each.
    text = fit(with_calls(sessions)).decoder
    assert text.call is None
    assert text.step.value == pytest.approx(np.median(outs) - 2 * 13)
    assert "less those of the calls" in text.step.note
    # By their place in the stream.
    place = fit(with_calls(sessions, emit_tok=1)).decoder
    assert place.call is not None
    assert (place.call.value, place.call.n) == (30, 40 * 7)
    assert place.step.value == pytest.approx(np.median(outs) - 2 * 30)


def test_where_nothing_tells_calls_apart_all_tokens_are_prose_and_that_is_said():
    sessions = with_calls(recorded(np.random.default_rng(7)))
    hidden = [
        replace(
            session,
            turns=tuple(
                replace(
                    turn,
                    steps=tuple(replace(s, calls=tuple(replace(c, args=None) for c in s.calls)) for s in turn.steps),
                )
                for turn in session.turns
            ),
        )
        for session in sessions
    ]
    step = fit(hidden).decoder.step
    assert "nothing tells the calls apart" in step.note
    assert step.value > fit(sessions).decoder.step.value


# ------------------------------------------------------------------------------------------------ real files


@needs(WEKA)
def test_the_decoder_of_claude_opus_is_found_again_in_the_real_file():
    """models/decoders/claude-opus-4.5.toml, by the sessions that an importer makes, of which pauses are less exact."""
    sessions = read_sessions(str(WEKA), format="weka").sessions
    found = fit(sessions, model="claude-opus-4-5-20251101")
    known = load_decoder("claude-opus-4.5")
    assert found.n == known.itl.points[0][1].n
    assert found.r2 == pytest.approx(0.838, abs=1e-3)
    assert found.decoder.ttft_s(0) == pytest.approx(known.ttft_s(0), rel=0.01)
    assert found.decoder.itl_s() == pytest.approx(known.itl_s(), rel=0.002)
    assert found.terms[1].low <= known.ttft.slope.value <= found.terms[1].high
    # Published without a prompt term: 2.84 s + 71 tokens/s, R2 0.80.
    constant = fit(sessions, model="claude-opus-4-5-20251101", constant_ttft=True)
    assert constant.decoder.ttft_s(50_000) == pytest.approx(2.84, rel=0.02)
    assert 1 / constant.decoder.itl_s() == pytest.approx(71, rel=0.03)
    assert found.r2 > constant.r2 > 0.8


@needs(VLLM)
@pytest.mark.parametrize(
    ("name", "median_ms"),
    [("RTX4090_Llama-3.1-8B", 30.8), ("RTXPRO6000_Qwen3-32B", 84), ("RTXPRO6000_Qwen3-30B-A3B-Instruct-2507", 49)],
)
def test_the_times_per_token_published_for_vllm_are_found_and_a_queue_in_ttft_is_refused(name, median_ms):
    sessions = read_sessions(str(VLLM / f"{name}.requests.jsonl"), format="llmservingsim").sessions
    found = fit(sessions, min_r2=-1)
    (note,) = (note for note in found.notes if "time per token is" in note)
    assert float(note.split(" / ")[1]) == pytest.approx(median_ms, rel=0.02)
    if found.r2 < 0.5:  # a minute in the queue is no property of the model
        with pytest.raises(FitError, match="queueing"):
            fit(sessions)


# ------------------------------------------------------------------------------------------------ the loop


def test_what_a_simulation_decoded_with_is_found_in_its_own_trace(tmp_path):
    """A known decoder runs, its trace is read as sessions, and the fit gives the decoder back, to the last digits."""
    known = load_decoder("claude-opus-4.5")
    task = load_program(PROGRAM, None)
    models = Models(known, load_durations("default"))
    runs = [
        Simulation(
            replace(task, name=f"case {number}"),
            SYNC,
            models,
            Header(run=f"case {number}", source="simulate", policy="sync", inputs={"decoder": known.name}),
            seed=number,
            messages="call",
            dependence="values",
        ).run().recorder.run()
        for number in range(30)
    ]  # fmt: skip
    write_trace(tmp_path / "runs.jsonl", runs)
    sessions = read_sessions(str(tmp_path / "runs.jsonl"), format="trace").sessions
    with pytest.raises(FitError, match="sampled times do not count"):  # a simulation measures nothing
        fit(sessions)
    found = fit([marked(session) for session in sessions])
    assert found.r2 == pytest.approx(1)
    assert found.decoder.ttft_s(0) == pytest.approx(known.ttft_s(0), rel=1e-6)
    assert found.decoder.ttft.slope.value == pytest.approx(known.ttft.slope.value, rel=1e-4)
    assert found.decoder.itl_s() == pytest.approx(known.itl_s(), rel=1e-6)
