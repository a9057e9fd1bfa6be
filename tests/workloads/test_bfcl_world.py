"""Worlds do not leak: into one another, into the benchmark's modules, into results, or in from clock and time zone."""

import decimal
import importlib
import inspect
import time
from typing import Any

import pytest

from asyncfc_sim.core.values import ErrorValue
from asyncfc_sim.workloads.bfcl_classes import CLASSES, load_class
from asyncfc_sim.workloads.bfcl_world import BfclWorld

pytest.importorskip("bfcl_eval", reason="bfcl-eval is not installed (make setup installs it)")
mpmath = pytest.importorskip("mpmath", reason="mpmath is not installed")

FILES: dict[str, Any] = {"root": {"home": {"type": "directory", "contents": {
    "a": {"type": "file", "content": "alpha"},
    "d": {"type": "directory", "contents": {"x": {"type": "file", "content": "old"}}},
}}}}  # fmt: skip


Timed = tuple[int, str, dict[str, Any]]


def world(class_name: str, long_context: bool = False, **config: Any) -> BfclWorld:
    return BfclWorld.load([class_name], {class_name: config}, long_context=long_context)


def run(at: BfclWorld, *calls: Timed) -> list[Any]:
    return [at.call(*call) for call in calls]


def ask(at: BfclWorld, tool: str, **args: Any) -> Any:
    return at.call(99, tool, args)


def test_the_same_calls_lead_to_the_same_state_and_another_order_of_draws_does_not():
    calls: list[Timed] = [(1, "get_current_speed", {}), (2, "get_outside_temperature_from_google", {})]
    first, second, other = (world("VehicleControlAPI") for _ in range(3))
    assert run(first, *calls) == run(second, *calls)
    assert first.state() == second.state()
    assert run(other, *reversed(calls)) != run(world("VehicleControlAPI"), *calls)[::-1]
    run(world("VehicleControlAPI"), calls[0])
    assert first.state() != world("VehicleControlAPI").state(), "the generator is part of the state"


def test_the_state_shows_the_order_of_entries_and_what_is_shared():
    ab, ba = world("GorillaFileSystem", **FILES), world("GorillaFileSystem", **FILES)
    run(ab, (1, "touch", {"file_name": "p"}), (2, "touch", {"file_name": "q"}))
    run(ba, (2, "touch", {"file_name": "q"}), (1, "touch", {"file_name": "p"}))
    assert ab.state() != ba.state()
    # BFCL copies a directory with the very files that are in it: writing one then changes the other.
    copied, made = world("GorillaFileSystem", **FILES), world("GorillaFileSystem", **FILES)
    run(copied, (1, "cp", {"source": "d", "destination": "e"}))
    run(made, (1, "mkdir", {"dir_name": "e"}))
    run(
        copied,
        (2, "cd", {"folder": "e"}),
        (3, "echo", {"content": "new", "file_name": "x"}),
        (4, "cd", {"folder": ".."}),
    )
    assert run(copied, (5, "cd", {"folder": "d"}), (6, "cat", {"file_name": "x"}))[1] == {"file_content": "new"}
    assert "@" in copied.state()


def test_a_copy_goes_its_own_way():
    original = world("GorillaFileSystem", **FILES)
    before, twin = original.state(), original.copy()
    assert twin.state() == before
    run(twin, (1, "cd", {"folder": "d"}), (2, "echo", {"content": "new", "file_name": "x"}))
    assert original.state() == before
    speed = world("VehicleControlAPI")
    assert speed.copy().call(1, "get_current_speed", {}) == speed.call(1, "get_current_speed", {})


def test_the_clock_tells_the_number_of_the_future_and_nothing_else():
    early, late = world("GorillaFileSystem", **FILES), world("GorillaFileSystem", **FILES)
    for at in (early, late):
        run(at, (7, "echo", {"content": "new", "file_name": "a"}))
        time.sleep(0.001)
    assert early.state() == late.state()
    assert "10, 30, 7" in early.state()
    traveller = {"first_name": "Jo", "last_name": "Doe", "date_of_birth": "2006-09-02", "passport_number": "US1"}
    (answer,) = run(
        world("TravelAPI", user_first_name="Jo", user_last_name="Doe"), (1, "verify_traveler_information", traveller)
    )
    assert answer["verification_failure"] == "Traveler must be at least 18 years old.", "on 2024-09-01, in every year"


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="no time zones to set")
def test_transactions_are_dated_in_utc(monkeypatch: pytest.MonkeyPatch):
    def dated() -> list[Any]:
        bank = world("TradingBot", authenticated=True)
        return run(bank, *((n, "fund_account", {"amount": 5}) for n in range(9)), (9, "get_transaction_history", {}))[
            -1:
        ]

    monkeypatch.setenv("TZ", "UTC0")
    time.tzset()
    in_utc = dated()
    # Clocks go forward by eleven hours on the very day from which the times are drawn.
    monkeypatch.setenv("TZ", "XXX-1YYY-12,J245/1,J300/1")
    time.tzset()
    try:
        assert dated() == in_utc
    finally:
        monkeypatch.undo()
        time.tzset()


def test_tweets_share_no_list_of_mentions():
    def mention(at: BfclWorld) -> Any:
        post = {"content": "hi"}
        run(
            at,
            (1, "post_tweet", post),
            (2, "post_tweet", post),
            (3, "mention", {"tweet_id": 0, "mentioned_usernames": ["@a"]}),
        )
        return [ask(at, "get_tweet", tweet_id=number)["mentions"] for number in (0, 1)]

    assert mention(world("TwitterAPI", authenticated=True)) == [["@a"], []]
    assert mention(world("TwitterAPI", authenticated=True)) == [["@a"], []]


def test_long_context_worlds_leave_the_modules_as_they_were():
    public = importlib.import_module("bfcl_eval.eval_checker.multi_turn_eval.func_source_code.long_context")
    before = repr(vars(public))
    flight = {"travel_date": "2026-11-15", "travel_from": "SFO", "travel_to": "LAX", "travel_class": "economy"}
    for _ in range(2):
        travel = world("TravelAPI", long_context=True, access_token="t", token_expires_in=9)
        cards = ask(travel, "get_all_credit_cards")["credit_card_list"]
        card = max(cards, key=lambda each: cards[each]["balance"])
        booked = ask(travel, "book_flight", access_token="t", card_id=card, **flight)
        assert booked["booking_status"], booked
        left = ask(travel, "get_credit_card_balance", access_token="t", card_id=card)["card_balance"]
        assert left < cards[card]["balance"]
        again = ask(world("TravelAPI", long_context=True), "get_all_credit_cards")
        assert again["credit_card_list"][card] == cards[card]
        ask(world("VehicleControlAPI", long_context=True), "get_outside_temperature_from_google")
    assert repr(vars(public)) == before


def test_arithmetic_leaves_the_precision_of_the_process_alone():
    before = decimal.getcontext().prec, mpmath.mp.dps
    numbers = BfclWorld.load(["MathAPI"], {}, long_context=False)
    (root, log) = run(
        numbers,
        (1, "square_root", {"number": 2, "precision": 5}),
        (2, "logarithm", {"value": 100, "base": 10, "precision": 40}),
    )
    assert (root, log) == ({"result": 1.4142}, {"result": 2.0})
    assert (decimal.getcontext().prec, mpmath.mp.dps) == before


def test_results_and_arguments_are_copies():
    trading, tags = world("TradingBot"), ["#a"]
    watched = trading.call(1, "add_to_watchlist", {"stock": "AAPL"})
    trading.call(2, "add_to_watchlist", {"stock": "GOOG"})
    assert watched == {"watchlist": ["NVDA", "AAPL"]}
    twitter = world("TwitterAPI", authenticated=True)
    twitter.call(1, "post_tweet", {"content": "hi", "tags": tags})
    tags.append("#b")
    assert ask(twitter, "get_tweet", tweet_id=0)["tags"] == ["#a"]


def test_failures_are_values():
    travel = world("TravelAPI")
    money = {"base_currency": "USD", "target_currency": "XYZ", "value": 1}
    raised, unknown, misused = run(
        travel, (1, "compute_exchange_rate", money), (2, "fly", {}), (3, "get_budget_fiscal_year", {"year": 1})
    )
    assert raised == ErrorValue(
        "tool_error",
        "compute_exchange_rate: ValueError: No available exchange rate for the given currencies.",
        effects="unknown",
    )
    assert unknown == ErrorValue("invalid_argument", "there is no tool 'fly'")
    assert isinstance(misused, ErrorValue)
    assert (misused.kind, misused.effects) == ("invalid_argument", "none")


def test_the_classes_are_our_own_copies_of_unmodified_ones():
    for name, module in CLASSES.items():
        public = importlib.import_module(f"bfcl_eval.eval_checker.multi_turn_eval.func_source_code.{module}")
        ours, theirs = load_class(name), getattr(public, name)
        assert ours is not theirs
        assert code(ours) == code(theirs)


def code(of: type[Any]) -> dict[str, Any]:
    return {name: value.__code__ for name, value in vars(of).items() if inspect.isfunction(value)}
