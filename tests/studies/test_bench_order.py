"""The order of arms: nobody is favoured by its place, or by whom it comes after."""

from collections import Counter
from itertools import pairwise

import pytest

from asyncfc_sim.studies.bench_order import balanced_orders, blocks


@pytest.mark.parametrize("n", range(1, 9))
def test_every_arm_is_equally_often_at_each_place_and_after_each_other(n):
    orders = balanced_orders(n)
    assert all(sorted(order) == list(range(n)) for order in orders)
    places = Counter((item, place) for order in orders for place, item in enumerate(order))
    assert len(places) == n * n
    assert len(set(places.values())) == 1
    after = Counter(pair for order in orders for pair in pairwise(order))
    assert len(after) == n * (n - 1)
    assert len(set(after.values())) <= 1


@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize("arms", [("a",), ("a", "b"), ("a", "b", "c")])
def test_every_prompt_runs_once_a_repeat_under_every_arm(arms, alone):
    found = list(blocks(arms, 4, 3, alone=alone))
    runs = Counter((block.arm, block.repeat, prompt) for block in found for prompt in block.prompts)
    assert runs == Counter({(arm, repeat, prompt): 1 for arm in arms for repeat in range(3) for prompt in range(4)})
    assert {len(block.prompts) for block in found} == ({1} if alone else {4})


def test_arms_take_turns_at_each_prompt_and_in_another_order_when_it_is_repeated():
    found = list(blocks(("a", "b", "c", "d"), 4, 2, alone=True))
    turns = [found[at : at + 4] for at in range(0, len(found), 4)]
    assert all({block.arm for block in turn} == {"a", "b", "c", "d"} for turn in turns)
    assert all(len({(block.repeat, block.prompts) for block in turn}) == 1 for turn in turns)
    orders = ["".join(block.arm for block in turn) for turn in turns]
    assert len({order[0] for order in orders[:4]}) == 4
    assert all(orders[prompt] != orders[prompt + 4] for prompt in range(4))
