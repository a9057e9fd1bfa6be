"""Integers between two bounds, as a regular expression without look-around.

Of alternatives the longer ones come first: engines that take the first that matches then take what others take, too.
"""

from __future__ import annotations


def between(low: int, high: int) -> str:
    """The integers from `low` to `high`, written as JSON writes them. Raises ValueError if there are none."""
    if low > high:
        raise ValueError(f"there is no integer from {low} to {high}")
    parts = []
    if low < 0:
        least = max(1, -high)
        parts.append(f"-{_grouped(_positive(least, -low))}")
    if high > 0:
        parts.append(_grouped(_positive(max(low, 1), high)))
    if low <= 0 <= high:
        parts.append("0")
    return "|".join(parts)


def _positive(low: int, high: int) -> list[str]:
    """From 1 upwards: the longest numbers first."""
    shortest, longest = len(str(low)), len(str(high))
    if shortest == longest:
        return _of_one_length(str(low), str(high))
    above = _of_one_length(str(10 ** (longest - 1)), str(high))
    below = _of_one_length(str(low), str(10**shortest - 1))
    return [*above, *_of_lengths(shortest + 1, longest - 1), *below]


def _of_lengths(shortest: int, longest: int) -> list[str]:
    """All integers of so many digits."""
    if shortest > longest:
        return []
    return [f"[1-9]{_any(shortest - 1)}" if shortest == longest else f"[1-9][0-9]{{{shortest - 1},{longest - 1}}}"]


def _of_one_length(low: str, high: str) -> list[str]:
    if not low:
        return [""]
    rest = len(low) - 1
    if low[1:] == "0" * rest and high[1:] == "9" * rest:
        return [_digits(low[0], high[0]) + _any(rest)]
    if low[0] == high[0]:
        return [low[0] + _grouped(_of_one_length(low[1:], high[1:]))]
    found = [low[0] + _grouped(_of_one_length(low[1:], "9" * rest))]
    if int(high[0]) - int(low[0]) > 1:
        found.append(_digits(str(int(low[0]) + 1), str(int(high[0]) - 1)) + _any(rest))
    return [*found, high[0] + _grouped(_of_one_length("0" * rest, high[1:]))]


def _digits(first: str, last: str) -> str:
    return first if first == last else f"[{first}-{last}]"


def _any(count: int) -> str:
    return "" if count == 0 else "[0-9]" if count == 1 else f"[0-9]{{{count}}}"


def _grouped(alternatives: list[str]) -> str:
    return alternatives[0] if len(alternatives) == 1 else f"(?:{'|'.join(alternatives)})"
