"""Settings: named inputs become models and arms, and what is no input is refused with what there is."""

from __future__ import annotations

import pytest

from asyncfc_sim.studies.setting import Axis, arm_of, check_input, figures_of, grid, models_of, named


def test_a_grid_has_every_combination_the_last_axis_fastest():
    points = list(grid({"decoder": "gpt-4o"}, [Axis("delay_s", (1.0, 2.0)), Axis("await_rate", (0.0, 1.0))]))
    assert [(each["delay_s"], each["await_rate"]) for each in points] == [(1, 0), (1, 1), (2, 0), (2, 1)]
    assert all(each["decoder"] == "gpt-4o" for each in points)
    assert list(grid({"decoder": "gpt-4o"}, [])) == [{"decoder": "gpt-4o"}]


def test_models_are_those_named_scaled_and_with_the_delays_given():
    plain = models_of({"decoder": "gpt-4o", "tools": "default"})
    slow = models_of({"decoder": "gpt-4o", "tools": "default", "tool_scale": 2.0, "decode_scale": 3.0})
    assert slow.decoder.itl_s() == pytest.approx(3 * plain.decoder.itl_s())
    assert slow.durations.mean_s("web_fetch") == pytest.approx(2 * plain.durations.mean_s("web_fetch"))
    one = models_of({"decoder": "gpt-4o", "tools": "default", "delay_s.web_fetch": 0.5, "await_thinking": False})
    assert one.durations.mean_s("web_fetch") == 0.5
    assert one.durations.mean_s("bash_test") == plain.durations.mean_s("bash_test")
    assert not one.await_thinking
    every = models_of({"decoder": "gpt-4o", "delay_s": 4.0, "delay_s.math": 1.0})
    assert (every.durations.mean_s("bash_test"), every.durations.mean_s("math")) == (4.0, 1.0)


def test_arms_have_the_policy_and_its_inputs():
    arm = arm_of("asyncfc", "turn", {"grace": 0.25, "delivery": "when_idle", "dependence": "all", "await_rate": 0.5})
    assert arm.policy is not None
    assert (arm.policy.grace_s, arm.policy.delivery) == (0.25, "when_idle")
    assert (arm.messages, arm.dependence, arm.await_rate) == ("turn", "all", 0.5)
    assert arm.policy.max_running_per_tool == arm.policy.max_running > 1
    sync = arm_of("sync", "call", {})
    assert sync.policy is not None
    assert (sync.label, sync.policy.max_running) == ("sync", 1)
    assert arm_of("plan", "turn", {}).label == "plan"


def test_figures_of_the_shape_are_those_that_say_so():
    assert figures_of({"shape.rounds": 2.0, "delay_s": 1.0}) == {"rounds": 2.0}
    assert named({"delay_s": 0.5, "await_thinking": True}, ["delay_s", "await_thinking"]) == (
        "delay_s = 0.5, await_thinking = true"
    )


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("speed", 1, "there is no such input; there are: decoder, tools"),
        ("delay_s", -1, "expected a number that is not negative"),
        ("delay_s", "fast", "expected a number that is not negative"),
        ("delay_s", True, "expected a number that is not negative"),
        ("delay_s", float("nan"), "expected a number that is not negative"),
        ("decoder", 4, "expected another kind of value"),
        ("dependence", "some", "expected values, all"),
        ("await_thinking", 1, "expected another kind of value"),
    ],
)
def test_what_is_no_input_is_refused(key: str, value: object, message: str):
    with pytest.raises(ValueError, match=message):
        check_input(key, value)


def test_whole_numbers_are_numbers():
    assert check_input("delay_s", 1) == 1.0
    assert check_input("grace", "auto") == "auto"
    assert isinstance(check_input("shape.rounds", 3), float)
