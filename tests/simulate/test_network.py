"""A network of moments: times are longest paths, and what says nothing is left out."""

from __future__ import annotations

import numpy as np
import pytest

from asyncfc_sim.simulate.network import BLOCK, Builder, Decoding, Draws, network
from asyncfc_sim.simulate.writing import Written

TEN = Written(10, 0.5)


def drawn(n: int = 3, **call_s: list[float]) -> Draws:
    columns = {int(name[1:]): np.array(seconds, dtype=np.float64) for name, seconds in call_s.items()}
    return Draws(n, columns, {})


def test_a_moment_is_the_latest_of_those_before_it_plus_what_it_adds() -> None:
    builder = Builder()
    first, second = builder.write(Decoding(1.0, (TEN, TEN)), None)
    one, two = builder.run(1, [first]), builder.run(2, [second])
    three = builder.run(3, [one, two])
    made = network(builder, [three], {})
    draws = drawn(_1=[0.0, 10.0, 4.0], _2=[1.0, 1.0, 0.0], _3=[2.0, 2.0, 0.5])
    assert made.makespans(draws).tolist() == [14.0, 18.0, 11.5]


def test_thinking_comes_on_top_of_the_first_part() -> None:
    builder = Builder()
    *_, last = builder.write(Decoding(1.0, (TEN, TEN), thinking_of=7), None)
    made = network(builder, [last], {})
    assert made.thinks == {7}
    assert made.makespans(Draws(2, {}, {7: np.array([0.0, 4.0])})).tolist() == [11.0, 13.0]


def test_a_message_begins_when_it_is_asked_for() -> None:
    builder = Builder()
    (first,) = builder.write(Decoding(0.0, (TEN,)), None)
    ended = builder.run(1, [first])
    (second,) = builder.write(Decoding(2.0, (TEN,)), builder.latest([first, ended]))
    assert network(builder, [second], {}).makespans(drawn(2, _1=[0.0, 3.0])).tolist() == [12.0, 15.0]


def test_several_ends_are_added_up() -> None:
    builder = Builder()
    ends = [builder.write(Decoding(1.0, (TEN,)), None)[0] for _ in range(3)]
    assert network(builder, ends, {}).makespans(drawn(2)).tolist() == [18.0, 18.0]


def test_what_follows_from_the_rest_is_left_out() -> None:
    builder = Builder()
    first, second = builder.write(Decoding(1.0, (TEN, TEN)), None)
    one = builder.run(1, [first, second])
    two = builder.run(2, [first, second, one])
    builder.run(3, [first])  # nothing depends on it
    assert builder.sure(first, second)
    assert builder.sure(one, two)
    assert not builder.sure(two, one)
    assert builder.latest([first, one, two]) == two
    made = network(builder, [two], {})
    assert [moment.after for moment in made.moments] == [(), (0,), (1,)]


def test_samples_are_independent_of_the_blocks_they_are_computed_in() -> None:
    builder = Builder()
    (first,) = builder.write(Decoding(1.0, (TEN,)), None)
    made = network(builder, [builder.run(1, [first])], {1: "tool"})
    seconds = np.random.default_rng(0).random(2 * BLOCK + 3)
    assert made.makespans(Draws(seconds.size, {1: seconds}, {})).tolist() == (6.0 + seconds).tolist()


def test_a_call_that_was_not_drawn_is_missed() -> None:
    builder = Builder()
    made = network(builder, [builder.run(1, [])], {1: "tool"})
    with pytest.raises(KeyError):
        made.makespans(drawn(1))
