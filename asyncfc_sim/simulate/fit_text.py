"""Whether a token of text takes another time than one of a call: servers send text token by token, and calls in larger
parts.

There is a column for by how much the text of a message exceeds the mean share; beside it the time of a token stays the
mean over all tokens.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from .fit_samples import MIN_STEPS, Samples
from .fit_terms import TEXT, TOKEN
from .linear_fit import Floats, LinearFit

LEAST_APART: Final = 0.01  # of the time of a token: a smaller difference is not worth a figure of its own


def text_share(data: Samples) -> float:
    """The share of all tokens that are text, over the messages of which that is known."""
    known = ~np.isnan(data.text)
    return float((data.text * data.out)[known].sum() / data.out[known].sum()) if known.any() else 0.0


def more_text(data: Samples, share: float) -> Floats:
    """By how many tokens of text a message exceeds that share of it; 0 where it is not known."""
    return np.asarray(np.where(np.isnan(data.text), 0.0, (data.text - share) * data.out))


def with_and_without_text(columns: dict[str, Floats], data: Samples) -> list[dict[str, Floats]]:
    """The columns with one for text, if enough is known of it, and without."""
    share = text_share(data)
    if (~np.isnan(data.text)).sum() < max(MIN_STEPS, len(data) / 2) or not 0 < share < 1:
        return [columns]
    return [{**columns, TEXT: more_text(data, share)}, columns]


def clearly_apart(fit: LinearFit, data: Samples) -> bool:
    """Whether tokens of text clearly take another time than those of calls, if they are told apart at all."""
    if TEXT not in fit.coefficients:
        return True
    share = text_share(data)
    more, token_s = fit.coefficients[TEXT], fit.value(TOKEN)
    of_a_call, of_text = token_s - share * more.value, token_s + (1 - share) * more.value
    clearly = not more.low <= 0 <= more.high and abs(more.value) >= LEAST_APART * token_s
    return clearly and min(of_a_call, of_text) > 0
