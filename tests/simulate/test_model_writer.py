"""Written models are read back as they were, whatever the texts in them."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asyncfc_sim.simulate.decoder import Decoder, decoder_names, load_decoder
from asyncfc_sim.simulate.durations import DurationModel, Rule, duration_names, load_durations
from asyncfc_sim.simulate.model_file import ModelFileError, Quantity
from asyncfc_sim.simulate.model_writer import decoder_toml, durations_toml


@pytest.mark.parametrize("name", decoder_names())
def test_every_decoder_of_the_package_survives(tmp_path, name):
    decoder = load_decoder(name)
    path = tmp_path / "again.toml"
    path.write_text(decoder_toml(decoder, ["said\nat the \x00 top"]), encoding="utf-8")
    assert load_decoder(str(path)) == decoder


@pytest.mark.parametrize("name", duration_names())
def test_every_profile_of_the_package_survives(tmp_path, name):
    profile = load_durations(name)
    path = tmp_path / "again.toml"
    path.write_text(durations_toml(profile, []), encoding="utf-8")
    again = load_durations(str(path))
    assert (again.name, again.kinds, again.rules, again.default) == (
        profile.name,
        profile.kinds,
        profile.rules,
        profile.default,
    )


def read_decoder(path, text) -> Decoder:
    path.write_text(text, encoding="utf-8")
    return load_decoder(str(path))


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@settings(max_examples=60)
@given(texts, texts, st.floats(0, 1e6), st.integers(0, 10**9) | texts)
def test_any_text_and_any_figure_survive(tmp_path_factory, text, note, value, n):
    quantity = Quantity(float(f"{value:.6g}"), text, n, text, "derived", note)
    apart = quantity if len(note) % 2 else None
    decoder = replace(
        load_decoder("gpt-4o"),
        title=text,
        step=quantity,
        prefix_cache=len(text) % 2 == 0,
        itl_text=apart,
        itl_call=apart,
    )
    folder = tmp_path_factory.mktemp("models")
    assert read_decoder(folder / "d.toml", decoder_toml(decoder, [text])) == decoder
    rule = Rule(text, text or "k", "measured", note)
    kind = replace(quantity, unit="s")
    profile = DurationModel(text, note, {text or "k": kind}, (rule,), replace(rule, pattern="*"))
    path = folder / "t.toml"
    path.write_text(durations_toml(profile, [note]), encoding="utf-8")
    again = load_durations(str(path))
    assert again.kinds[text or "k"] == kind
    assert (again.rules, again.default) == (profile.rules, profile.default)


def test_whether_there_is_a_prefix_cache_is_true_or_false(tmp_path):
    text = decoder_toml(replace(load_decoder("gpt-4o"), prefix_cache=False), [])
    with pytest.raises(ModelFileError, match=r"d\.toml: prefix_cache: true or false is required"):
        read_decoder(tmp_path / "d.toml", text.replace("prefix_cache = false", "prefix_cache = 0"))


def test_half_of_a_surrogate_pair_becomes_a_question_mark(tmp_path):
    decoder = replace(load_decoder("gpt-4o"), title="half \ud800")
    assert read_decoder(tmp_path / "d.toml", decoder_toml(decoder, ["\ud800"])).title == "half ?"


def test_a_figure_for_text_needs_one_for_calls(tmp_path):
    figure = Quantity(0.01, "s/token", 9, "this test", "assumed")
    text = decoder_toml(replace(load_decoder("gpt-4o"), itl_text=figure), [])
    with pytest.raises(ModelFileError, match=r"itl.text: a figure of tokens of text and one of calls belong together"):
        read_decoder(tmp_path / "d.toml", text)
