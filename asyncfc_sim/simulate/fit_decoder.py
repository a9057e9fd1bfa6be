"""A decoder fitted to recorded messages: TTFT by uncached prompt tokens, and the time of a token.

Where the first token was timed, in at least half of the messages,

    ttft_s = a + b x uncached prompt tokens         llm_s - ttft_s = c x output tokens

and otherwise, or if that is asked for, llm_s = a + b x uncached prompt tokens + c x output tokens, all by least squares
after the slowest 1 % of the messages were cut (one stalled request outweighs hundreds). A prompt term that is negative
or not distinguishable from zero is zero; so is a negative `a`. What the data cannot carry is refused, with what would
be needed.

Where it is known how much of the messages is text, and its tokens clearly take another time than those of calls, they
have figures of their own, and c is the mean over all tokens: servers send text token by token, and calls in larger
parts.

Where nobody says what was cached, a prompt's uncached tokens are taken to be those it has grown by. A server may also
keep no prefix and read each prompt whole: that is believed where it leaves clearly less unexplained.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from asyncfc_sim.traces.sessions import RecordedSession

from .decoder import Curve, Decoder
from .fit_samples import CACHE_S, MIN_STEPS, FitError, Samples, model_meant, samples
from .fit_terms import BASE, PROMPT, TEXT, TOKEN, Term, term_of
from .fit_text import clearly_apart, more_text, text_share, with_and_without_text
from .fit_tokens import assumed_tokens, token_figures
from .linear_fit import CONFIDENCE, Floats, LinearFit, linear_fit, r2
from .model_file import Quantity

MIN_R2: Final = 0.5
CUT: Final = 99  # the percentile of llm_s from which messages are cut
ENOUGH_TO_CUT: Final = 100
CLEARLY_LESS: Final = 0.9  # of the variance left: then a server keeps no prefix


@dataclass(frozen=True, slots=True)
class DecoderFit:
    """A fitted decoder. `r2` and `residuals_s` (p10, p50, p90) are of llm_s as the decoder predicts it."""

    decoder: Decoder
    model: str | None
    n: int
    cut: int
    terms: tuple[Term, ...]
    r2: float
    ttft_r2: float | None
    residuals_s: tuple[float, float, float]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Fitted:
    """The terms, and what was said while they were fitted. `text` is by how much the time of a token of text exceeds
    that of a token of a call, if these can be told apart; `text_share` of all tokens are text."""

    base: Term
    prompt: Term
    token: Term
    text: Term | None
    text_share: float
    notes: tuple[str, ...]
    ttft_r2: float | None = None
    prefix_cache: bool = True

    def predict_ttft(self, data: Samples) -> Floats:
        base = np.full(len(data), self.base.value)
        return base if self.prompt.value == 0 else base + self.prompt.value * data.uncached

    def predict(self, data: Samples) -> Floats:
        more_s = 0.0 if self.text is None else self.text.value * more_text(data, self.text_share)
        return self.predict_ttft(data) + self.token.value * data.out + more_s

    def token_s(self, text_share: float) -> float:
        """Seconds a token of a message of which so much is text."""
        more_s = 0.0 if self.text is None else self.text.value * (text_share - self.text_share)
        return self.token.value + more_s

    @property
    def terms(self) -> tuple[Term, ...]:
        return (self.base, self.prompt, self.token, *(() if self.text is None else (self.text,)))

    def said(self) -> tuple[str, ...]:
        """The terms that are not what was fitted, and why."""
        return tuple(f"{term.name}: {term.set_to}" for term in (self.base, self.prompt) if term.set_to)


def fit_decoder(
    sessions: Sequence[RecordedSession],
    *,
    name: str,
    source: str,
    model: str | None = None,
    min_r2: float = MIN_R2,
    constant_ttft: bool = False,
    whole: bool = False,
    rounds: Sequence[int] = (),
    sampled: bool = False,
) -> DecoderFit:
    """Fit a decoder to the messages of one model. `source` stands in each figure.

    `constant_ttft` leaves the prompt term out. `whole` fits in one though first tokens were timed: where a stream shows
    a call only once its name is complete, that is not when its first token was decoded. `rounds` numbers the sessions
    by when they were recorded: then messages of an earlier round may all have taken so much longer, or shorter, and
    what is fitted is the last. (Prompts that were read before are in a cache, so else a load that changes from round to
    round would pass for a price of reading them.) `sampled` takes times, too, that measure no model: those of a server
    which replays a recording, for a study of that server. Raises FitError.
    """
    model = model_meant(sessions, model)
    every = samples(sessions, model, sampled=sampled)
    _check_enough(every, model)
    data = every.where(every.llm_s < np.percentile(every.llm_s, CUT)) if len(every) >= ENOUGH_TO_CUT else every
    if len(np.unique(data.out)) < 2:
        raise FitError(
            f"all {len(data)} messages have {data.out[0]:.0f} output tokens, so the time of a token cannot be told "
            "from that of a request; messages of different lengths are needed"
        )
    data, prompts = _with_prompts(data, constant_ttft=constant_ttft)
    prefix_cache = not (prompts and _reads_whole(data, rounds))
    data = data if prefix_cache else data.read_whole()
    timed = ~np.isnan(data.ttft_s)
    if not whole and timed.sum() >= max(MIN_STEPS, len(data) / 2):
        data = data.where(timed)
        fitted = _fit_parts(data, prompts=prompts)
    else:
        fitted = _fit_whole(data, prompts=prompts, wanted=whole, rounds=rounds)
    fitted = replace(fitted, prefix_cache=prefix_cache)
    predicted = fitted.predict(data)
    share = r2(data.llm_s, predicted)
    decoder = _decoder(fitted, sessions, model, name=name, source=source, n=len(data), share=share)
    if share < min_r2:
        raise FitError(
            f"R2 is {share:.3f}, below {min_r2:g}: {equation(decoder)} explains too little of llm_s over {len(data)} "
            "messages (queueing, batching or a changing load are in these times). Needed: times of a steady server, "
            f"or --min-r2 {np.floor(share * 100) / 100:g} to take it all the same"
        )
    residuals = tuple(float(value) for value in np.percentile(data.llm_s - predicted, [10, 50, 90]))
    notes = (*fitted.said(), *_cache_notes(data, fitted), *fitted.notes)
    return DecoderFit(
        decoder,
        model,
        len(data),
        len(every) - len(data),
        fitted.terms,
        share,
        fitted.ttft_r2,
        (residuals[0], residuals[1], residuals[2]),
        notes,
    )


def _check_enough(data: Samples, model: str | None) -> None:
    if len(data) < MIN_STEPS:
        raise FitError(
            f"{len(data)} messages{'' if model is None else f' of {model}'} have both out_tokens and llm_s; "
            f"at least {MIN_STEPS} are needed (sampled times do not count)"
        )


def _with_prompts(data: Samples, *, constant_ttft: bool) -> tuple[Samples, bool]:
    """The rows to fit, and whether with a prompt term."""
    known = ~np.isnan(data.uncached)
    if constant_ttft:
        return data, False
    if not known.any():
        raise FitError(
            "no prompt_tokens are recorded, so how TTFT grows with a prompt cannot be told; sessions that have them "
            "are needed, or --constant-ttft to leave that term out"
        )
    data = data.where(known)
    if len(data) < MIN_STEPS:
        raise FitError(
            f"only {len(data)} messages have prompt_tokens; at least {MIN_STEPS} are needed, or --constant-ttft to "
            "leave the prompt out"
        )
    if len(np.unique(data.uncached)) < 2:
        raise FitError(
            f"every prompt has {data.uncached[0]:.0f} uncached tokens, so how TTFT grows with a prompt cannot be told; "
            "prompts of different lengths are needed, or --constant-ttft to leave that term out"
        )
    return data, True


def _reads_whole(data: Samples, rounds: Sequence[int]) -> bool:
    """Whether whole prompts explain the times, and clearly better than what these have grown by does."""
    if data.cached.any():
        return False
    left = []
    for one in (data, data.read_whole()):
        columns = {BASE: np.ones(len(one)), PROMPT: one.uncached, TOKEN: one.out, **_earlier(one, rounds)}
        fit = linear_fit(columns, one.llm_s, one.session)
        left.append(float(np.var(one.llm_s - sum(fit.value(name) * column for name, column in columns.items()))))
    return fit.coefficients[PROMPT].low > 0 and left[1] < CLEARLY_LESS * left[0]


# ------------------------------------------------------------------------------------------------ the two ways


def _fit_parts(data: Samples, *, prompts: bool) -> _Fitted:
    columns = {BASE: np.ones(len(data)), **({PROMPT: data.uncached} if prompts else {})}
    first, base, prompt = _without_bad_terms(columns, data.ttft_s, data)
    decode_s = data.llm_s - data.ttft_s
    for tokens in with_and_without_text({TOKEN: data.out}, data):
        rest = linear_fit(tokens, decode_s, data.session)
        if clearly_apart(rest, data):
            break
    rates = np.percentile((data.llm_s - data.ttft_s) / data.out, [10, 50, 90]) * 1000
    how = (
        f"fitted in two parts, since {len(data)} messages say when their first token came; one by one their time per "
        f"token is {rates[0]:.3g} / {rates[1]:.3g} / {rates[2]:.3g} ms at p10 / p50 / p90"
    )
    fitted = _Fitted(base, prompt, _token(rest), _text(rest), text_share(data), (how, _intervals(first)))
    return replace(fitted, ttft_r2=r2(data.ttft_s, fitted.predict_ttft(data)))


def _fit_whole(data: Samples, *, prompts: bool, wanted: bool, rounds: Sequence[int]) -> _Fitted:
    with_prompt = {PROMPT: data.uncached} if prompts else {}
    columns = {BASE: np.ones(len(data)), **with_prompt, TOKEN: data.out, **_earlier(data, rounds)}
    for terms in with_and_without_text(columns, data):
        fit, base, prompt = _without_bad_terms(terms, data.llm_s, data)
        if clearly_apart(fit, data):
            break
    few = int((~np.isnan(data.ttft_s)).sum())
    why = f"{few} of {len(data)} messages say" if few else "no message says"
    how = f"fitted in one, since {why} when the first token came: the TTFT of no prompt also holds the network"
    if wanted:
        how = "fitted in one: what is first seen of a message need not be its first token"
    return _Fitted(base, prompt, _token(fit), _text(fit), text_share(data), (how, _intervals(fit)))


def _text(fit: LinearFit) -> Term | None:
    return term_of(TEXT, "s/token", fit) if TEXT in fit.coefficients else None


def _earlier(data: Samples, rounds: Sequence[int]) -> dict[str, Floats]:
    """A column for each round but the last: 1 for its messages."""
    of_round = np.array(rounds)[data.session] if rounds else np.zeros(len(data))
    return {f"round {number}": (of_round == number) * 1.0 for number in np.unique(of_round)[:-1]}


def _without_bad_terms(columns: dict[str, Floats], y: Floats, data: Samples) -> tuple[LinearFit, Term, Term]:
    """Fit, and again without a term that cannot be: the prompt's first, since it is the weaker one."""
    fit = linear_fit(columns, y, data.session)
    said = {BASE: "", PROMPT: "" if PROMPT in columns else "left out of the fit"}
    prompt = fit.coefficients.get(PROMPT)
    if prompt is not None and prompt.low <= 0:
        why = "negative" if prompt.value < 0 else "not distinguishable from 0"
        said[PROMPT] = f"set to 0: {prompt.value:.3g} s/token [{prompt.low:.3g}, {prompt.high:.3g}] is {why}"
        columns = {name: column for name, column in columns.items() if name != PROMPT}
        fit = linear_fit(columns, y, data.session)
    if (base := fit.coefficients[BASE]).value < 0:
        said[BASE] = f"set to 0: {base.value:.3g} s is negative"
        columns = {name: column for name, column in columns.items() if name != BASE}
        fit = linear_fit(columns, y, data.session)
    return fit, term_of(BASE, "s", fit, said[BASE]), term_of(PROMPT, "s/token", fit, said[PROMPT])


def _token(fit: LinearFit) -> Term:
    token = term_of(TOKEN, "s/token", fit)
    if token.low <= 0:
        raise FitError(
            f"the time per token is {token.value:.3g} s [{token.low:.3g}, {token.high:.3g}], which is not above 0: "
            "longer messages did not take longer here; messages of more, and more different, lengths are needed"
        )
    return token


def _intervals(fit: LinearFit) -> str:
    return f"{100 * CONFIDENCE:.0f} % intervals: {fit.units} taken as independent of one another"


# ------------------------------------------------------------------------------------------------ in words, as a model


def equation(decoder: Decoder) -> str:
    """What a fitted decoder says of the time of a message."""
    named = {"text": "tokens of text", "call": "tokens of calls"}
    tokens = {named[kind]: figure for kind, figure in decoder.itl_kinds.items()}
    tokens = tokens or {"output tokens": decoder.itl.points[0][1]}
    read = "uncached prompt tokens" if decoder.prefix_cache else "prompt tokens"
    costs = {read: decoder.ttft.slope, **tokens}
    terms = [f"{decoder.ttft_s(0):.4g} s", *(f"{figure.value:.4g} s x {of}" for of, figure in costs.items())]
    return f"llm_s = {' + '.join(terms)}"


def _cache_notes(data: Samples, fitted: _Fitted) -> tuple[str, ...]:
    if not fitted.prefix_cache:
        return ("uncached tokens are not recorded, and whole prompts explain the times better: it keeps no prefix",)
    if fitted.prompt.value == 0 or data.cached.all():
        return ()
    how = (
        "uncached tokens are not recorded of all: then taken as the growth of the prompt since the message before, or "
        f"all of it after {CACHE_S:.0f} s without one"
    )
    return (how,)


def _decoder(
    fitted: _Fitted,
    sessions: Sequence[RecordedSession],
    model: str | None,
    *,
    name: str,
    source: str,
    n: int,
    share: float,
) -> Decoder:
    def figure(term: Term, unit: str) -> Quantity:
        note = f"R2 {share:.3f} of llm_s; 95 % CI {term.low:.4g} to {term.high:.4g}"
        if term.set_to:
            note = f"R2 {share:.3f} of llm_s; {term.set_to}"
        return Quantity(term.value, unit, n, source, "derived", note)

    def of_kind(text_share: float) -> Quantity | None:
        if fitted.text is None:
            return None
        more = f"a token of text takes {fitted.text.low:.4g} to {fitted.text.high:.4g} s more (95 % CI)"
        return Quantity(fitted.token_s(text_share), "s/token", n, source, "derived", f"R2 {share:.3f} of llm_s; {more}")

    tokens = token_figures(sessions, model, source, share)
    constants = assumed_tokens(tokens.chars_per_token)
    return Decoder(
        name=name,
        title=f"{model or 'a model'}, fitted to recorded messages",
        engine="not stated in the recording",
        hardware="not stated in the recording",
        date="not stated in the recording",
        ttft=Curve(((0, figure(fitted.base, "s")),), figure(fitted.prompt, "s/token")),
        itl=Curve(
            ((1, figure(fitted.token, "s/token")),),
            Quantity(
                0.0, "s/token per request", 0, "no measurement", "assumed", "constant: batches are not in the recording"
            ),
        ),
        chars_per_token=constants.chars_per_token,
        call=tokens.call,
        step=tokens.step or constants.step,
        answer=tokens.answer or constants.answer,
        await_=constants.await_,
        placeholder=constants.placeholder,
        prefix_cache=fitted.prefix_cache,
        itl_text=of_kind(1),
        itl_call=of_kind(0),
    )
