"""Durations: samples hit the quantiles that were measured, tools find their kinds, and draws do not depend on luck."""

import subprocess
import sys
import tomllib

import numpy as np
import pytest

from asyncfc_sim._resources import data_path
from asyncfc_sim.simulate.durations import call_rng, duration_names, load_durations, uniform
from asyncfc_sim.simulate.model_file import ModelFileError, UnknownModelError

KINDS = load_durations("default").kinds
DEFAULT = 'default = {{kind = "{kind}", provenance = "assumed", reason = "test"}}\n'


def figures(table, key=""):
    """Every table in a model file that states a figure."""
    if isinstance(table, dict):
        if "value" in table or "p50" in table:
            yield key, table
        for name, inner in table.items():
            yield from figures(inner, f"{key}.{name}")
    elif isinstance(table, list):
        for i, inner in enumerate(table):
            yield from figures(inner, f"{key}[{i}]")


def test_every_figure_in_every_model_file_has_unit_n_source_and_provenance():
    found = 0
    for path in [*data_path("models", "decoders").glob("*.toml"), *data_path("models", "tools").glob("*.toml")]:
        for key, table in figures(tomllib.loads(path.read_text())):
            found += 1
            assert {"unit", "n", "source", "provenance"} <= set(table), f"{path.name}{key}"
            assert table["provenance"] in {"measured", "derived", "assumed"}, f"{path.name}{key}"
    assert found > 60


def test_every_rule_says_why():
    for name in duration_names():
        model = load_durations(name)
        for rule in (*model.rules, model.default):
            assert rule.reason
            assert rule.provenance in {"measured", "derived", "assumed"}


@pytest.mark.parametrize("kind", [kind for kind, figure in KINDS.items() if figure.quantiles])
def test_samples_hit_the_measured_quantiles(kind, tmp_path):
    path = tmp_path / "one.toml"
    path.write_text(f'name = "one"\ntitle = "t"\nrules = []\n{DEFAULT.format(kind=kind)}')
    model = load_durations(str(path))
    sample = model.sample_n("tool", 200_000, np.random.default_rng(7))
    for p, value in KINDS[kind].quantiles:
        assert model.sample_s("tool", p) == pytest.approx(value)
        below, at_most = np.mean(sample < value * (1 - 1e-9)), np.mean(sample <= value * (1 + 1e-9))
        assert below - 0.005 <= p <= at_most + 0.005
    assert sample.mean() == pytest.approx(model.mean_s("tool"), rel=0.03)
    assert sample.max() <= KINDS[kind].quantiles[-1][1] * (1 + 1e-9)


def test_a_vector_of_samples_equals_as_many_single_ones():
    model = load_durations("bfcl-agent")
    one_by_one, at_once = np.random.default_rng(3), np.random.default_rng(3)
    singles = [model.sample_s("TradingBot.get_stock_info", one_by_one) for _ in range(100)]
    assert model.sample_n("TradingBot.get_stock_info", 100, at_once) == pytest.approx(singles, rel=1e-12)


def test_a_constant_kind_is_constant():
    model = load_durations("default")
    assert KINDS["web_search"].quantiles == ()
    assert {model.sample_s("web_search", u) for u in (0.0, 0.3, 1.0)} == {model.mean_s("web_search")} == {11.1}
    assert KINDS["instant"].mean() == 0.0


def test_bfcl_tools_find_their_kinds():
    model = load_durations("bfcl-agent")
    expected = {
        "GorillaFileSystem.cat": "read",
        "GorillaFileSystem.grep": "grep",
        "GorillaFileSystem.ls": "glob",
        "GorillaFileSystem.mv": "edit",
        "GorillaFileSystem.echo": "write",
        "MathAPI.logarithm": "in_process",
        "TwitterAPI.post_tweet": "web_fetch",
        "VehicleControlAPI.startEngine": "web_fetch",
        "SomethingElse.method": "web_fetch",
    }
    assert {tool: model.kind_of(tool) for tool in expected} == expected
    assert load_durations("bfcl-in-process").kind_of("TwitterAPI.post_tweet") == "in_process"


def test_no_method_of_the_bfcl_classes_is_left_to_the_default():
    """A class that bfcl-eval renames must not fall silently to the default."""
    source = pytest.importorskip("bfcl_eval.eval_checker.multi_turn_eval.func_source_code.gorilla_file_system")
    model = load_durations("bfcl-agent")
    methods = [name for name in vars(source.GorillaFileSystem) if not name.startswith("_")]
    assert len(methods) >= 18
    for method in methods:
        assert model.rule_of(f"GorillaFileSystem.{method}") is not model.default, method


def test_the_exact_name_wins_over_an_earlier_pattern_and_own_kinds_over_ours(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(
        'name = "mine"\ntitle = "t"\n' + DEFAULT.format(kind="grep") + "rules = [\n"
        '{pattern = "get_*", kind = "read", provenance = "assumed", reason = "r"},\n'
        '{pattern = "get_*", kind = "edit", provenance = "assumed", reason = "second match"},\n'
        '{pattern = "get_page", kind = "slow", provenance = "assumed", reason = "r"},\n]\n'
        '[kinds.slow]\nvalue = 2.5\nunit = "s"\nn = 1\nsource = "my stopwatch"\nprovenance = "measured"\n'
        '[kinds.read]\nvalue = 0.5\nunit = "s"\nn = 1\nsource = "my stopwatch"\nprovenance = "measured"\n'
    )
    model = load_durations(str(path))
    assert [model.kind_of(tool) for tool in ("get_page", "get_user", "other")] == ["slow", "read", "grep"]
    assert (model.mean_s("get_page"), model.mean_s("get_user")) == (2.5, 0.5)
    assert model.quantity_of("get_page").source == "my stopwatch"


def test_mistakes_in_a_profile_are_named(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('name = "mine"\ntitle = "t"\nrules = []\n' + DEFAULT.format(kind="warp"))
    with pytest.raises(ModelFileError, match=r"mine\.toml: default\.kind: no kind 'warp'; there are: bash_git"):
        load_durations(str(path))
    path.write_text(
        'name = "mine"\ntitle = "t"\nrules = []\n' + DEFAULT.format(kind="read") + "[kinds.read]\nvalue = 5\n"
        'unit = "ms"\nn = 1\nsource = "x"\nprovenance = "assumed"\n'
    )
    with pytest.raises(ModelFileError, match=r"kinds\.read\.unit: a duration is given in s"):
        load_durations(str(path))
    with pytest.raises(UnknownModelError, match=r"there are: .*bfcl-agent"):
        load_durations("no-such-profile")
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        load_durations("default").sample_s("read", 1.5)


def test_a_call_has_the_same_number_in_every_process():
    code = "from asyncfc_sim.simulate.durations import *; print(uniform(1, 'c', 2), call_rng(1, 'c', 2).random())"
    here = f"{uniform(1, 'c', 2)} {call_rng(1, 'c', 2).random()}"
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert there.stdout.strip() == here
    assert uniform(1, "c", 2) == 0.09722456180058725


def test_numbers_of_different_calls_are_different_and_spread_evenly():
    numbers = np.array([uniform(seed, f"case{case}", i) for seed in range(5) for case in range(40) for i in range(50)])
    assert len(set(numbers)) == numbers.size
    assert 0 <= numbers.min() < numbers.max() < 1
    assert np.histogram(numbers, bins=10, range=(0, 1))[0] == pytest.approx(numbers.size / 10, rel=0.1)
    assert uniform(0, "a1", 1) != uniform(0, "a", 11)
