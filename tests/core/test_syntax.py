"""Terms print as they are written in the language; one text per term."""

from __future__ import annotations

import pytest

from asyncfc_sim.core.references import Ref, Text
from asyncfc_sim.core.syntax import Branch, Call, Done, Program, Touch, calls_in, format_template, refs_in

CITIES = Program(
    (
        Call(1, "search", {"query": "population of Berlin"}),
        Call(2, "add", {"a": Ref(1, ("items", 0)), "b": 2.0}),
        Touch((1, 2)),
        Branch(
            Ref(2, ("total",)),
            5,
            (
                Call(3, "send", {"text": Text(("five: ", Ref(2, ("total",))))}),
                Branch(Ref(3), None, (Done(),)),
            ),
            (Call(4, "send", {"text": "$f1 costs $5"}),),
        ),
        Done((Ref(2, ("total",)), Ref(1))),
    )
)


def test_a_program_prints_as_it_is_written() -> None:
    assert str(CITIES) == "\n".join(
        [
            'f1 = search(query="population of Berlin")',
            "f2 = add(a=$f1.items[0], b=2.0)",
            "await $f1, $f2",
            "if $f2.total == 5 {",
            '  f3 = send(text="five: ${f2.total}")',
            "  if $f3 == null {",
            "    return",
            "  }",
            "} else {",
            '  f4 = send(text="$f1 costs $5")',
            "}",
            "return $f2.total, $f1",
        ]
    )


@pytest.mark.parametrize(
    ("template", "text"),
    [
        (Ref(1), "$f1"),
        ("$f1", '"$$f1"'),
        (Text((Ref(1),)), '"${f1}"'),
        ([Ref(1), {"a b": None, "é": True}], '[$f1, {"a b": null, "é": true}]'),
        ('"\n', r'"\"\n"'),
        (1, "1"),
        (1.0, "1.0"),
    ],
)
def test_templates_print_as_json_with_references(template: object, text: str) -> None:
    assert format_template(template) == text


def test_calls_that_differ_print_differently() -> None:
    """The canonical key of a state is made of these texts."""
    args: list[dict[str, object]] = [
        {"x": 1}, {"x": 1.0}, {"x": True}, {"x": "1"}, {"x": None}, {"x": "null"}, {"x": Ref(1)}, {"x": "$f1"},
        {"x": Text((Ref(1),))}, {"x": "${f1}"}, {"x": [1]}, {"x": {"y": 1}}, {"x": 1, "y": 2}, {"x=1, y": 2}, {},
    ]  # fmt: skip
    calls = [Call(2, tool, some) for some in args for tool in ("t", "t(x=1)")] + [Call(3, "t", {"x": 1})]
    assert len(set(map(str, calls))) == len(calls)


def test_references_come_from_left_to_right() -> None:
    assert list(refs_in({"a": [Ref(2), "$f9"], "b": Text(("x", Ref(1), Ref(2, ("x",))))})) == [
        Ref(2),
        Ref(1),
        Ref(2, ("x",)),
    ]


def test_the_calls_of_both_sides_of_a_branch_are_found() -> None:
    assert [call.future for call in calls_in(CITIES.body)] == [1, 2, 3, 4]
