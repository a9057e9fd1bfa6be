"""What the numbers of a study rest on, in words: they stand under every table and in every document."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from asyncfc_sim.core.policy import Delivery

from .experiment import ArmResult
from .models import Models


def assumptions(
    models: Models, delivery: Delivery, results: Sequence[ArmResult], *, recorded: bool = False
) -> list[str]:
    """What was assumed. `recorded`: the tasks come with times of their own."""
    notes = [_times(models, recorded=recorded), *_dominant(models, results, recorded=recorded)]
    if models.decoder.ttft.slope.value == 0:
        notes.append("prompts cost this decoder nothing per token (assumed), so neither does a lost prefix cache")
    thought = "a median message's thinking (assumed)" if models.await_thinking else "no thinking (assumed)"
    notes.append(f"futures: delivery {delivery}; to await is a message with {thought}; every call is run, none shared")
    if rates := sorted({one.arm.await_rate for one in results} - {0.0}):
        chances = ", ".join(f"{rate:g}" for rate in rates)
        notes.append(f"a model with futures awaits all it has not been shown before a message with chance {chances}")
    if any(one.arm.stream for one in results):
        notes.append(
            "interrupt: the model and its engine are changed (AsyncLM), a turn is one request, to wait is to write "
            "nothing (assumed); the bound is of the chat protocol, and does not hold for it"
        )
        if recorded:
            notes.append(
                "interrupt: but for the first of a turn, the recorded times to first tokens are left out whole, though "
                "some of that was reading results, which a stream must read too (assumed: an upper bound of its saving)"
            )
    failures = sorted({one.arm.policy.failure for one in results if one.arm.policy is not None} - {"poison"})
    if failures and any(one.arm.policy is None for one in results):
        notes.append(
            f"bound: of the calls that run under poison; where one fails, {' and '.join(failures)} may run fewer, and "
            "a policy take less than it"
        )
    needs = "every result of its turn" if recorded else "what `return` names, in BFCL every result of its turn"
    notes.append(f"the answer needs {needs} (assumed); users take no time")
    return notes


def _times(models: Models, *, recorded: bool) -> str:
    decoder, durations = models.decoder, models.durations
    kinds = " and ".join(sorted({rule.provenance for rule in (*durations.rules, durations.default)}))
    decoding, tools = (
        f"decoding as in models/decoders/{decoder.name}",
        f"tool times as in models/tools/{durations.name}",
    )
    if recorded and models.replay_decoding:
        decoding = f"messages as recorded, others (an await, say) by the decoder {decoder.name}"
    if recorded and models.replay_tools:
        tools = f"calls as recorded, else {tools}"
    return f"simulated, not measured: {decoding}; {tools}, where which tool takes how long is {kinds}"


def _dominant(models: Models, results: Sequence[ArmResult], *, recorded: bool) -> list[str]:
    """The kind of tool that takes the most time, and how much is known of it."""
    dominant = dominant_kind(results)
    if dominant is None or (recorded and models.replay_tools):  # the kind of a recorded call decides nothing
        return []
    kind, share = dominant
    figure = models.durations.kinds[kind]
    known_by = f"median {figure.value:g} s, {figure.provenance}, n = {figure.n}"
    return [f"{100 * share:.0f} % of the tool time is of the kind {kind} ({known_by})"]


def dominant_kind(results: Iterable[ArmResult]) -> tuple[str, float] | None:
    """The kind of tool on which most of the tool time goes, and its share; None where no tool takes time."""
    seconds: dict[str, float] = {}
    for one in next(iter(results)).eq1:
        for kind, s in one.kinds_s.items():
            seconds[kind] = seconds.get(kind, 0.0) + s
    total = sum(seconds.values())
    kind = max(seconds, key=lambda name: seconds[name], default="")
    return (kind, seconds[kind] / total) if total else None
