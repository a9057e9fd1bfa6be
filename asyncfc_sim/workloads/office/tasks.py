"""What people ask of an office: random tasks of one to three turns, with names, rooms, times and amounts made up.

A turn asks for one or two things. Each is a few steps, whose arguments may use the results of others, and a sentence
that says how it went. What a turn needs is thus known without any model: see `expert` and `judge`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .names import a_city, a_name, a_room, a_time, an_amount, one_of
from .office import CURRENCIES, DAYS, SKIES, Office


@dataclass(frozen=True, slots=True)
class Use:
    """A part of another step's result, with text around it."""

    step: str
    field: str
    before: str = ""
    after: str = ""

    def of(self, result: Mapping[str, Any]) -> Any:
        """What it is, given that step's result."""
        known = result[self.field]
        return f"{self.before}{known}{self.after}" if self.before or self.after else known


@dataclass(frozen=True, slots=True)
class Step:
    """A call. `when` (step, field, literal, so): only if that part of that step's result equals the literal, or not."""

    name: str
    tool: str
    args: Mapping[str, Any]
    when: tuple[str, str, str, bool] | None = None

    @property
    def uses(self) -> list[str]:
        """The steps that its arguments use."""
        return [value.step for value in self.args.values() if isinstance(value, Use)]


Results = Mapping[str, Any]  # by step: its result, None if it failed; a step that was not needed is not in it


@dataclass(frozen=True, slots=True)
class Wish:
    """One thing that a turn asks for: the words, the steps, and what to say of their results."""

    words: str
    steps: tuple[Step, ...]
    says: Callable[[Results], str]


@dataclass(frozen=True, slots=True)
class Turn:
    """What the user says, and the wishes in it."""

    text: str
    wishes: tuple[Wish, ...]

    @property
    def steps(self) -> list[Step]:
        """All steps, in order; one that two wishes share stands where it is first used."""
        return list({step.name: step for wish in self.wishes for step in wish.steps}.values())

    def answer(self, results: Results) -> str:
        return " ".join(wish.says(results) for wish in self.wishes)


@dataclass(frozen=True, slots=True)
class OfficeTask:
    """A conversation, turn by turn."""

    turns: tuple[Turn, ...]

    @property
    def prompts(self) -> tuple[str, ...]:
        return tuple(turn.text for turn in self.turns)


@dataclass(slots=True)
class _Talk:
    """What was said so far: people may be asked about again, acts are numbered."""

    rng: np.random.Generator
    people: list[str] = field(default_factory=list)
    acts: int = 0

    def person(self) -> tuple[str, Step]:
        """Somebody, and the step that finds out who that is: anew for each wish, as of somebody unknown."""
        if self.people and self.rng.random() < 0.3:
            name = one_of(self.rng, self.people)
        else:
            name = a_name(self.rng)
            self.people.append(name)
        return name, self.act("find_user", name=name)

    def look(self, tool: str, **args: Any) -> Step:
        """A step that looks something up: the same whenever the same is asked, so that it is done once."""
        return Step(f"{tool} {args}", tool, args)

    def act(self, tool: str, when: tuple[str, str, str, bool] | None = None, **args: Any) -> Step:
        self.acts += 1
        return Step(f"{tool} {self.acts}", tool, args, when)


def random_task(rng: np.random.Generator, turns: int | None = None, conditional: float = 0.15) -> OfficeTask:
    """A task of one to three turns, mostly short ones; of `turns` if given. `conditional` is the share of wishes that
    depend on what a look shows."""
    talk = _Talk(rng)
    weights = [weight * (1 - conditional) / sum(_WEIGHTS) for weight in _WEIGHTS] + [conditional]
    return OfficeTask(tuple(_turn(talk, weights) for _ in range(turns or 1 + int(rng.choice(3, p=(0.6, 0.28, 0.12))))))


def _turn(talk: _Talk, weights: Sequence[float]) -> Turn:
    rng = talk.rng
    kinds = rng.choice(len(_KINDS), size=1 + int(rng.random() < 0.35), p=weights)
    wishes = tuple(_KINDS[kind](talk) for kind in kinds)
    text = one_of(rng, (", then ", ". Also ", " and ")).join(wish.words for wish in wishes)
    text = text[0].upper() + text[1:] + one_of(rng, (".", "", "!", ". Thanks."))
    return Turn(one_of(rng, ("", "", "Please: ", "Hi. ")) + text, wishes)


def _tell_weather(talk: _Talk) -> Wish:
    rng, city, day = talk.rng, a_city(talk.rng), one_of(talk.rng, DAYS)
    name, user = talk.person()
    weather = talk.look("get_weather", city=city, day=day)
    send = _message(talk, user, Use(weather.name, "sky", after=f" in {city}"))
    words = (
        f"send {name} the weather in {city} on {day}",
        f"tell {name} what the weather will be in {city} on {day}",
        f"message {name} the {day} forecast for {city}",
    )

    def says(results: Results) -> str:
        return _unknown(results, user, name) or f"I told {name}: {results[weather.name]['sky']} in {city}."

    return Wish(one_of(rng, words), (user, weather, send), says)


def _book(talk: _Talk) -> Wish:
    rng, room, day, time = talk.rng, a_room(talk.rng), one_of(talk.rng, DAYS), a_time(talk.rng)
    name, user = talk.person()
    book = talk.act("book_room", room=room, day=day, time=time, user=Use(user.name, "id"))
    words = (
        f"book room {room} on {day} at {time} for {name}",
        f"reserve {room} for {name} on {day} at {time}",
        f"get {name} room {room} at {time} on {day}",
    )

    def says(results: Results) -> str:
        return _booked(results, user, name, book, room, day, time)

    return Wish(one_of(rng, words), (user, book), says)


def _book_when_free(talk: _Talk) -> Wish:
    rng, room, day = talk.rng, a_room(talk.rng), one_of(talk.rng, DAYS)
    name, user = talk.person()
    schedule = talk.look("get_schedule", user=Use(user.name, "id"), day=day)
    book = talk.act("book_room", room=room, day=day, time=Use(schedule.name, "free"), user=Use(user.name, "id"))
    words = (
        f"book room {room} on {day} for {name} as soon as {name} is free",
        f"reserve {room} on {day} when {name} is free",
    )

    def says(results: Results) -> str:
        time = (results.get(schedule.name) or {}).get("free", "")
        return _booked(results, user, name, book, room, day, time)

    return Wish(one_of(rng, words), (user, schedule, book), says)


def _tell_amount(talk: _Talk) -> Wish:
    rng, amount = talk.rng, an_amount(talk.rng)
    src, dst = _currencies(rng)
    name, user = talk.person()
    value = talk.look("convert", amount=amount, src=src, dst=dst)
    send = _message(talk, user, Use(value.name, "value"))
    words = (
        f"convert {amount} {src} to {dst} and send it to {name}",
        f"tell {name} how much {amount} {src} is in {dst}",
    )

    def says(results: Results) -> str:
        return _unknown(results, user, name) or f"I told {name}: {results[value.name]['value']}."

    return Wish(one_of(rng, words), (user, value, send), says)


def _amount(talk: _Talk) -> Wish:
    rng, amount = talk.rng, an_amount(talk.rng)
    src, dst = _currencies(rng)
    value = talk.look("convert", amount=amount, src=src, dst=dst)
    words = (f"how much is {amount} {src} in {dst}", f"convert {amount} {src} to {dst}")
    return Wish(one_of(rng, words), (value,), lambda results: f"It is {results[value.name]['value']}.")


def _schedule(talk: _Talk) -> Wish:
    rng, day = talk.rng, one_of(talk.rng, DAYS)
    name, user = talk.person()
    schedule = talk.look("get_schedule", user=Use(user.name, "id"), day=day)
    words = (f"when is {name} free on {day}", f"look up when {name} is free on {day}")

    def says(results: Results) -> str:
        return _unknown(results, user, name) or f"{name} is free at {results[schedule.name]['free']} on {day}."

    return Wish(one_of(rng, words), (user, schedule), says)


def _compare(talk: _Talk) -> Wish:
    rng, day = talk.rng, one_of(talk.rng, DAYS)
    cities = [a_city(rng), a_city(rng)]
    looks = tuple(talk.look("get_weather", city=city, day=day) for city in cities)
    words = (
        f"compare the weather in {cities[0]} and {cities[1]} on {day}",
        f"get the {day} weather for {cities[0]} and {cities[1]}",
    )

    def says(results: Results) -> str:
        seen = [results[look.name] for look in looks]
        return " ".join(f"{city}: {at['sky']}, {at['high']}." for city, at in zip(cities, seen, strict=True))

    return Wish(one_of(rng, words), looks, says)


def _if_sky(talk: _Talk) -> Wish:
    """Tell somebody if the sky is so, else book a room: a model must look before it goes on."""
    rng, city, day = talk.rng, a_city(talk.rng), one_of(talk.rng, DAYS)
    # As often so as not: else one would do well never to look.
    sky = Office().get_weather(city, day)["sky"] if rng.random() < 0.5 else one_of(rng, SKIES)
    room, time = a_room(rng), a_time(rng)
    name, user = talk.person()
    weather = talk.look("get_weather", city=city, day=day)
    so, not_so = (weather.name, "sky", sky, True), (weather.name, "sky", sky, False)
    send = _message(talk, user, f"{sky} in {city}", so)
    book = talk.act("book_room", not_so, room=room, day=day, time=time, user=Use(user.name, "id"))
    words = (
        f"if there is {sky} in {city} on {day} tell {name}, else book room {room} at {time} for {name}",
        f"tell {name} if there is {sky} in {city} on {day}, otherwise reserve {room} at {time} for {name}",
    )

    def says(results: Results) -> str:
        if results[weather.name]["sky"] == sky:
            return _unknown(results, user, name) or f"I told {name}: {sky} in {city}."
        return _booked(results, user, name, book, room, day, time)

    return Wish(one_of(rng, words), (weather, user, send, book), says)


_KINDS = (_tell_weather, _book, _book_when_free, _tell_amount, _amount, _schedule, _compare, _if_sky)
_WEIGHTS = (0.18, 0.13, 0.13, 0.14, 0.07, 0.1, 0.1)  # of all but the last


def _message(talk: _Talk, user: Step, text: Use | str, when: tuple[str, str, str, bool] | None = None) -> Step:
    return talk.act("send_message", when, to=Use(user.name, "id"), text=text)


def _currencies(rng: np.random.Generator) -> tuple[str, str]:
    src, dst = rng.choice(len(CURRENCIES), size=2, replace=False)
    return CURRENCIES[src], CURRENCIES[dst]


def _unknown(results: Results, user: Step, name: str) -> str:
    return "" if results[user.name] else f"I found no {name}."


def _booked(results: Results, user: Step, name: str, book: Step, room: str, day: str, time: str) -> str:
    if lost := _unknown(results, user, name):
        return lost
    if not results.get(book.name):
        return f"Room {room} is taken on {day}."
    return f"Room {room} is booked for {name} on {day} at {time}."
