"""Docstrings of the three usual styles say the same; none is required, and nothing odd is fatal or noisy."""

from __future__ import annotations

import logging

import pytest

from asyncfc_sim.tools.docstring import Described, described

GOOGLE = """Search the web.

    Slow, but thorough.

    Args:
        query (str): What to look for,
            in words.
        limit: How many.

    Returns:
        list[str]: The hits, best first.

    Raises:
        ValueError: never.
    """
NUMPY = """Search the web.

    Slow, but thorough.

    Parameters
    ----------
    query : str
        What to look for,
        in words.
    limit : int, optional
        How many.

    Returns
    -------
    list[str]
        The hits, best first.
    """
SPHINX = """Search the web.

    Slow, but thorough.

    :param query: What to look for,
        in words.
    :param int limit: How many.
    :returns: The hits, best first.
    """


@pytest.mark.parametrize("docstring", [GOOGLE, NUMPY, SPHINX], ids=["google", "numpy", "sphinx"])
def test_the_style_is_found_out(docstring):
    found = described(docstring)
    assert found.text == "Search the web.\n\nSlow, but thorough."
    assert {name: " ".join(text.split()) for name, text in found.parameters.items()} == {
        "query": "What to look for, in words.",
        "limit": "How many.",
    }
    assert found.returns == "The hits, best first."


@pytest.mark.parametrize("docstring", [None, "", "   \n  "])
def test_no_docstring_says_nothing(docstring):
    assert described(docstring) == Described()


def test_notes_belong_to_the_text():
    found = described("Do it.\n\nNote:\n    Only once.\n\nArgs:\n    x: A number.\n")
    assert found == Described("Do it.\n\nNote: Only once.", {"x": "A number."})


@pytest.mark.parametrize(
    "docstring",
    [
        "Args:\n  no such form\n  x\n",
        ":param\n:param x\n:returns\n:type: int",
        "X\n\nParameters\n----------\n:\n",
        "Args:\nReturns:\n",
        "Do.\n\nArgs:\n    unknown: not a parameter\n",
    ],
)
def test_odd_docstrings_are_read_in_silence(docstring, capfd, caplog):
    with caplog.at_level(logging.DEBUG):
        described(docstring)
    assert caplog.records == []
    assert capfd.readouterr() == ("", "")
