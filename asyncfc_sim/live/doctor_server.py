"""What a server does beside writing messages: which models it has, what it refuses, how many it serves at once."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier
from typing import Final

from .doctor_finding import Finding, Verdict, counted
from .doctor_patient import Patient
from .model import ModelError
from .replay_server import OWNER

NO_MODEL: Final = "a-model-that-is-not-there"
NO_FIELD: Final = "a_field_that_is_not_there"
ROUNDS: Final = 3  # at most: most of them decide, as a part may come late on a busy machine
CLEAR_S: Final = 0.05  # a message that is written in less may have been written before the other was read
_HELLO: Final = [{"role": "user", "content": "Hello."}]


def models(patient: Patient) -> Finding:
    """Which models it lists. One that lists none may yet name the one that it has when it is asked for another."""
    name, tried = "reachable", "GET /models"
    try:
        listed = patient.wire.get("/models")
    except ModelError as error:
        if patient.model is not None and "(404)" in error.reason:
            return Finding(name, "unknown", tried, error.reason, f"{patient.model} is asked all the same")
        return Finding(name, "unreachable", tried, error.reason, "no run is possible")
    found = listed.get("data") if isinstance(listed, dict) else None
    found = found if isinstance(found, list) else []
    has = [each for each in found if isinstance(each, dict) and isinstance(each.get("id"), str)]
    names = [each["id"] for each in has]
    patient.replay = any(each.get("owned_by") == OWNER for each in has)
    patient.model = patient.model or (names[0] if names else None)
    some = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    came = f"{counted(len(names), 'model')}: {some}" if names else "no models"
    if patient.replay:
        came += "; a replay, no model"
    if patient.model is None:
        if said := _asked_for_none(patient):
            came += f"; asked for {NO_MODEL!r}, it says: {said}"
        return Finding(name, "unreachable", tried, came, "no run is possible without a model: name one")
    return Finding(name, "ok", tried, came, f"{patient.model} is asked", {"models": list(names)})


def wrong_name(patient: Patient) -> Finding:
    """Whether a model's name is looked at. Raises ModelError."""
    tried = f"a message of the model {NO_MODEL!r}"
    if said := _asked_for_none(patient):
        return Finding("model name", "ok", tried, said, "a name that is misspelt is found out")
    means = "whatever is served there answers: a name that is misspelt is not found out"
    return Finding("model name", "ok", tried, "a message", means)


def unknown_fields(patient: Patient) -> Finding:
    """Whether a request may have fields that the server does not know. Raises ModelError."""
    tried = f"a request with {NO_FIELD!r} in it"
    try:
        patient.wire.once(_HELLO, stream=patient.stream, model=patient.model, max_tokens=1, **{NO_FIELD: 1})
    except ModelError as error:
        if error.unreachable or error.retryable:
            raise
        return Finding("unknown fields", "ok", tried, error.reason, "--extra-body may only have fields that it knows")
    return Finding("unknown fields", "ok", tried, "a message", "fields that it does not know are passed over")


def side_by_side(patient: Patient) -> Finding:
    """Whether two messages are written at once, seen by when their parts come. Raises ModelError."""
    name, tried = "side by side", "two messages asked for at once"
    longest_s, rounds = 0.0, 0
    seen: Counter[Verdict] = Counter()
    while rounds < ROUNDS and max(seen["ok"], seen["costs"]) <= ROUNDS // 2:
        rounds += 1
        both = _both(patient)
        seen[written(*both)] += 1
        longest_s = max(longest_s, *(each.writing_s for each in both))
    together, apart = seen["ok"], seen["costs"]
    if together > ROUNDS // 2:
        return Finding(name, "ok", tried, "both were written at once", "conversations do not wait for one another")
    if apart > ROUNDS // 2:
        came = f"one began when the other had ended, {apart} times of {rounds}"
        means = "several conversations wait for one another; a single one loses nothing"
        return Finding(name, "costs", tried, came, means)
    came = f"at once {together} times, one after the other {apart} times of {rounds}; written within {longest_s:.3f} s"
    return Finding(name, "unknown", tried, came, "not clear from this")


@dataclass(frozen=True, slots=True)
class Written:
    """When a message was asked for, when its first part came, and when its last."""

    asked_s: float
    first_s: float
    end_s: float

    @property
    def writing_s(self) -> float:
        return self.end_s - self.first_s


def written(one: Written, other: Written) -> Verdict:
    """Whether these were written at once: ok if so; costs if one had to wait, though it was asked for in time."""
    earlier, later = sorted((one, other), key=lambda each: each.first_s)
    shorter_s = min(earlier.writing_s, later.writing_s)
    if min(earlier.end_s, later.end_s) - later.first_s > shorter_s / 2:
        return "ok"
    waited = later.asked_s <= earlier.first_s and later.first_s >= earlier.end_s
    return "costs" if waited and shorter_s > CLEAR_S else "unknown"


def _both(patient: Patient) -> tuple[Written, Written]:
    """Two messages at once."""
    ready = Barrier(2)  # a thread that is slow to start would ask when the other has its answer

    def one() -> Written:
        ready.wait()
        asked_s = time.monotonic()
        heard = patient.ask(patient.exam.several, tools=patient.exam.schemas)
        first_s = heard.end_s if heard.first_s is None else heard.first_s
        return Written(asked_s, asked_s + first_s, asked_s + heard.end_s)

    with ThreadPoolExecutor(2) as threads:
        asked = [threads.submit(one), threads.submit(one)]
        return asked[0].result(), asked[1].result()


def _asked_for_none(patient: Patient) -> str:
    """What the server says when it is asked for a model that it does not have; nothing if it sends a message.

    Raises ModelError if it does not answer at all.
    """
    try:
        patient.wire.once(_HELLO, stream=patient.stream, model=NO_MODEL, max_tokens=1)
    except ModelError as error:
        if error.retryable or (error.unreachable and "(404)" not in error.reason):
            raise
        return error.reason
    return ""
