"""Key patterns, independence, and the footprints that tools declare.

A pattern `x/*` covers x itself and everything below it. What bounds a footprint while an argument is unknown must
still hold when the argument is known, whatever a model or a tool puts there: that is the property to look at here.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from asyncfc_sim.core.footprint import (
    ANYWHERE,
    EVERYTHING,
    NOTHING,
    BadFootprint,
    Declaration,
    Footprint,
    Pattern,
    indep,
    parse_pattern,
)
from asyncfc_sim.core.values import UNKNOWN

keys = st.lists(st.sampled_from("ab"), max_size=3).map(tuple)
patterns = st.builds(Pattern, keys.filter(bool)) | st.builds(Pattern, keys, st.just(True))
footprints = st.builds(Footprint, st.lists(patterns, max_size=2).map(tuple), st.lists(patterns, max_size=2).map(tuple))
# All keys of up to four segments: enough to tell any two of the patterns above apart.
UNIVERSE = [key for n in range(5) for key in itertools.product("ab", repeat=n)]


def meant(pattern: Pattern) -> set[tuple[str, ...]]:
    """The keys that a pattern stands for, by definition."""
    return {key for key in UNIVERSE if key == pattern.key or (pattern.below and key[: len(pattern.key)] == pattern.key)}


# ------------------------------------------------------------------------------------------------------- patterns


@given(patterns, patterns)
def test_patterns_overlap_if_some_key_is_in_both(left: Pattern, right: Pattern) -> None:
    assert left.overlaps(right) is bool(meant(left) & meant(right))
    assert left.covers(right) is (meant(left) >= meant(right))


@given(footprints, footprints)
def test_independence_is_bernsteins(left: Footprint, right: Footprint) -> None:
    def writes(footprint: Footprint) -> set[tuple[str, ...]]:
        return set().union(*map(meant, footprint.writes))

    def accesses(footprint: Footprint) -> set[tuple[str, ...]]:
        return writes(footprint).union(*map(meant, footprint.reads))

    expected = not (writes(left) & accesses(right) or writes(right) & accesses(left))
    assert indep(left, right) is indep(right, left) is expected
    if left.within(right):  # a smaller footprint is independent of whatever the larger one is
        assert writes(left) <= writes(right)
        assert accesses(left) <= accesses(right)


def test_everything_conflicts_with_all_but_nothing() -> None:
    some = Footprint(reads=(parse_pattern("k:a"),))
    assert not indep(EVERYTHING, EVERYTHING)
    assert not indep(EVERYTHING, some)
    assert indep(some, some)
    assert indep(EVERYTHING, NOTHING)


@pytest.mark.parametrize(
    ("text", "key", "below"),
    [
        ("file:/d/x", ("file", "d", "x"), False),
        ("file:/d/*", ("file", "d"), True),
        ("file://d/./x/", ("file", "d", "x"), False),
        ("file:/d/../x", ("file", "x"), False),
        ("file:*", ("file",), True),
        ("outbox", ("outbox",), False),
        ("outbox:", ("outbox",), False),
        ("*", (), True),
        ("a/b", ("a", "b"), False),
        ("k:b:c", ("k", "b:c"), False),  # the first colon divides, the others are letters
        ("outbox/a:b", ("outbox", "a", "b"), False),  # so what is below outbox/* stays there
    ],
)
def test_how_patterns_are_read(text: str, key: tuple[str, ...], below: bool) -> None:
    assert parse_pattern(text) == Pattern(key, below)


@pytest.mark.parametrize("text", ["", ":", "/", ".", "k:..", "..", "k:a/../..", "k:*/a", "k*", "k:a*", "**"])
def test_what_is_no_pattern(text: str) -> None:
    with pytest.raises(ValueError, match="key pattern"):
        parse_pattern(text)


@given(st.text(st.sampled_from("ab:/.*"), max_size=8))
def test_a_pattern_is_read_as_it_is_written(text: str) -> None:
    try:
        pattern = parse_pattern(text)
    except ValueError:
        assume(False)
    assert parse_pattern(str(pattern)) == pattern


def test_footprints_are_printable() -> None:
    footprint = Declaration(reads=["file:/d/*"], writes=["outbox"]).footprint({})
    assert str(footprint) == "reads file:d/*; writes outbox"
    assert str(EVERYTHING) == "reads nothing; writes *"


# ------------------------------------------------------------------------------------------------------ templates


def writes_of(template: str, **args: object) -> str:
    (pattern,) = Declaration(writes=[template]).footprint(args).writes
    return str(pattern)


def test_a_template_takes_the_arguments_it_names() -> None:
    assert writes_of("file:{path}", path="/d/x", text="ignored") == "file:d/x"
    assert writes_of("k:{n}/{b}", n=1, b=True) == "k:1/true"
    assert writes_of("k:{{x}}/{a}", a="b") == "k:{x}/b"


@pytest.mark.parametrize(
    ("template", "args", "region"),
    [
        ("file:{path}", {"path": UNKNOWN}, "file:*"),
        ("file:/d/{name}", {"name": UNKNOWN}, "file:d/*"),
        ("file:/d/x{name}", {"name": UNKNOWN}, "file:d/*"),
        ("file:{folder}/{name}", {"folder": "/d", "name": UNKNOWN}, "file:d/*"),
        ("file:{folder}/{name}", {"folder": UNKNOWN, "name": "x"}, "file:*"),
        ("{any}", {"any": UNKNOWN}, "*"),
        ("x{any}", {"any": UNKNOWN}, "*"),
        ("k:{a}{b}", {"a": "x:", "b": UNKNOWN}, "k:*"),
    ],
)
def test_an_unknown_argument_leaves_the_region_before_it(
    template: str, args: Mapping[str, object], region: str
) -> None:
    assert writes_of(template, **args) == region


@pytest.mark.parametrize(
    ("glob", "region"), [("*", "k:*"), ("d/*", "k:d/*"), ("d/x*.txt", "k:d/*"), ("c:*", "k:*"), ("a/*/b", "k:a/*")]
)
def test_a_glob_stands_for_all_that_it_could_match(glob: str, region: str) -> None:
    assert writes_of("k:{path}", path=glob) == region


@pytest.mark.parametrize(
    ("template", "args"),
    [
        ("k:d/{a}", {"a": ".."}),
        ("k:d/{a}", {"a": "x/../../e"}),
        ("k:d/{a}", {"a": "../*"}),
        ("k:d/{a}", {"a": "*/../../e"}),
        ("k:d/{a}{b}", {"a": ".", "b": "."}),
        ("k:d/{a}{b}", {"a": "x/.", "b": "./y"}),
        ("k:d/{a}.", {"a": "."}),
        ("k:d/{a}/{b}", {"a": "x", "b": "../../e"}),
        ("{a}", {"a": "../x"}),
        ("k:{a}", {"b": "x"}),
        ("k:{a.b}", {"a": "x"}),
        ("{a}", {"a": ""}),
        ("k*:{a}", {"a": "x"}),
        ("k*:{a}", {"a": UNKNOWN}),
        ("k:{a}", {"a": {1, 2}}),  # validation may answer with what is no JSON
    ],
)
def test_arguments_that_a_template_does_not_hold_for_are_refused(template: str, args: Mapping[str, object]) -> None:
    with pytest.raises(BadFootprint):
        writes_of(template, **args)


pieces = st.sampled_from(["a", "..", ".", "/", "../", "*", "b:", "", "k:d", "x/..", "./y", "/../"]) | st.text(
    st.sampled_from("ab./:*"), max_size=5
)
literals = st.sampled_from(["", "k:", "k:d/", "/", "x", ".", ":", "outbox/", "/.."])


@given(st.lists(st.tuples(literals, pieces), min_size=1, max_size=3), literals)
@example([("outbox/", "a:b")], "")
@example([("k:d/", "."), ("", ".")], "")
@example([("k:d/", "x/."), ("", "./y")], "")
@example([("k:d/", "..")], "/d")
def test_what_bounds_a_footprint_holds_whatever_the_unknown_arguments_turn_out_to_be(
    inserted: list[tuple[str, str]], tail: str
) -> None:
    """`region` while some arguments are unknown, `exact` when all are known: exact lies within region, always."""
    template = "".join(f"{literal}{{a{i}}}" for i, (literal, _) in enumerate(inserted)) + tail
    args = {f"a{i}": piece for i, (_, piece) in enumerate(inserted)}
    declaration = Declaration(reads=[template], writes=[template])
    try:
        exact = declaration.footprint(args)
    except BadFootprint as fault:
        exact = fault.bound
    for hidden in range(1 << len(args)):
        partial = {name: UNKNOWN if hidden >> i & 1 else value for i, (name, value) in enumerate(args.items())}
        try:
            region = declaration.footprint(partial)
        except BadFootprint as fault:
            region = fault.bound
        assert exact.within(region), f"{template}: {exact} is not within {region}"


def test_a_missing_argument_leaves_the_region_before_it_as_the_bound() -> None:
    """Validation may still fill in a default."""
    with pytest.raises(BadFootprint) as caught:
        Declaration(writes=["k:{folder}/{name}"]).footprint({"folder": "d"})
    assert str(caught.value.bound) == "reads nothing; writes k:d/*"


def test_a_read_of_what_is_written_is_not_said_twice() -> None:
    declaration = Declaration(reads=["k:a", "k:b", "k:b"], writes=["k:a/*", "k:a/*"])
    assert str(declaration.footprint({})) == "reads k:b; writes k:a/*"


def test_a_single_template_in_place_of_a_list_is_refused_at_once() -> None:
    """Else it would be read letter by letter."""
    with pytest.raises(TypeError, match="a list of templates"):
        Declaration(reads="file:{path}")


def test_templates_from_a_generator_are_kept() -> None:
    declaration = Declaration(writes=(f"k:{name}" for name in "ab"))
    assert str(declaration.footprint({})) == str(declaration.footprint({})) == "reads nothing; writes k:a, k:b"


# ------------------------------------------------------------------------------------------------------ functions

BOUNDED = Declaration(writes=lambda args: [f"k:{args['path']}"] if args["path"] else [], bound_writes=("k:a/*", "k:b"))


def test_a_function_of_the_arguments_is_bounded_until_all_are_known() -> None:
    assert str(BOUNDED.footprint({"path": UNKNOWN})) == "reads nothing; writes k:a/*, k:b"
    assert str(BOUNDED.footprint({"path": "a/x", "other": UNKNOWN})) == "reads nothing; writes k:a/*, k:b"
    assert str(BOUNDED.footprint({"path": "a/x"})) == "reads nothing; writes k:a/x"
    assert BOUNDED.footprint({"path": ""}) == NOTHING


def test_a_function_without_a_bound_may_do_anything() -> None:
    declaration = Declaration(reads=lambda args: ["k:a"])
    assert declaration.footprint({"x": UNKNOWN}) == Footprint(reads=(ANYWHERE,))
    assert declaration.footprint({}) == Footprint(reads=(parse_pattern("k:a"),))


@pytest.mark.parametrize(("path", "reason"), [("c", "outside"), ("a/../c", "outside"), ("*/x", "'*'")])
def test_a_function_that_answers_outside_its_bound_is_refused(path: str, reason: str) -> None:
    with pytest.raises(BadFootprint, match=reason) as caught:
        BOUNDED.footprint({"path": path})
    assert caught.value.bound == BOUNDED.footprint({"path": UNKNOWN})


def test_a_function_that_fails_is_refused() -> None:
    with pytest.raises(BadFootprint, match="KeyError"):
        BOUNDED.footprint({})


def test_a_function_that_answers_with_one_string_is_refused() -> None:
    with pytest.raises(BadFootprint, match="list"):
        Declaration(writes=lambda args: "ab").footprint({})
