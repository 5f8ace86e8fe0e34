"""What differs between answers and the right ones, in words and on one small case.

Nothing here knows an exercise. A sentence is said only if it holds in every case that is wrong: that a number is twice
too large is no news of one case, and nearly the whole answer of five.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

_MOST_SHOWN = 36  # numbers of an array
_NEARLY = 0.02  # of the largest right number: so near one comes by rounding on the way
_NO_NUMBERS = "There are NaN in it, values that are not a number: was something divided by zero?"


class _Pair(NamedTuple):
    """An answer and the right one, as float64 arrays, and how far off a number may be."""

    came: np.ndarray
    right: np.ndarray
    margin: float


def same(answer: Any, right: Any, tolerance: float) -> bool:
    """Say whether two plain values (numbers, strings, arrays) are the same.

    Whole numbers and strings must be equal; other numbers may differ by ``tolerance`` of the largest right one.
    """
    if isinstance(right, str) or isinstance(answer, str):
        return isinstance(right, str) and isinstance(answer, str) and answer.strip() == right.strip()
    try:
        answer, right = np.asarray(answer), np.asarray(right)
    except (TypeError, ValueError):
        return False
    if answer.shape != right.shape or not all(
        np.issubdtype(a.dtype, np.number) or a.dtype == bool for a in (answer, right)
    ):
        return False
    if np.issubdtype(right.dtype, np.integer) or right.dtype == bool:
        return bool(np.array_equal(answer, right))
    return bool(np.allclose(answer, right, rtol=0, atol=_margin(right, tolerance)))  # NaN is never close


def kind_differs(answers: Sequence[Any], rights: Sequence[Any]) -> str:
    """Say whether another kind of thing came: nothing, text, NaN, another shape. "" if not.

    Args:
        answers: What came, plain values.
        rights: What is right.
    """
    for answer, right in zip(answers, rights, strict=True):
        if answer is None:
            return "There is no answer yet."
        if isinstance(answer, str) != isinstance(right, str):
            came, wanted = ("text", "a number") if isinstance(answer, str) else ("a number", "text")
            return f"Expected {wanted}, but this is {came}."
        if isinstance(answer, str):
            continue
        if np.isnan(np.asarray(answer, float)).any():
            return _NO_NUMBERS
        if np.isinf(np.asarray(answer, float)).any() and not np.isinf(np.asarray(right, float)).any():
            return "There are infinite values in it: was something divided by zero?"
    pairs = [(np.asarray(a), np.asarray(r)) for a, r in zip(answers, rights, strict=True) if not isinstance(a, str)]
    other = [pair for pair in pairs if pair[0].shape != pair[1].shape]
    return _shape_differs(other) if other else ""


def what_differs(answers: Sequence[Any], rights: Sequence[Any], tolerance: float) -> str:
    """Say what differs, in a sentence or two that hold in every case that is wrong.

    Args:
        answers: What came, plain values: numbers, strings, arrays, None; one for each case.
        rights: What is right.
        tolerance: As ``same`` takes it.

    Returns:
        The sentences, or "" if nothing is wrong.
    """
    wrong = [(a, r) for a, r in zip(answers, rights, strict=True) if not same(a, r, tolerance)]
    if not wrong:
        return ""
    if says := kind_differs(*zip(*wrong, strict=True)):
        return says
    if isinstance(wrong[0][1], str):
        return "It is another text."
    pairs = [
        _Pair(np.asarray(a, float), np.asarray(r, float), _margin(np.asarray(r, float), tolerance)) for a, r in wrong
    ]
    with np.errstate(all="ignore"):
        says = next(filter(None, (look(pairs) for look in _LOOKS)))
    right = len(answers) - len(wrong)
    if not right:
        return says
    return f"It is right in {right} of {len(answers)} cases. In the others {says[0].lower()}{says[1:]}"


def names_none(number: Any, count: int, what: str) -> str:
    """Say that a number names none of ``count`` things, counted from 0: "channel". "" if it names one."""
    if number != int(number):
        return f"A {what} has a whole number, and this is {number:.4g}."
    return "" if 0 <= number < count else f"There is no {what} {int(number)}: they go from 0 to {count - 1}."


def size_of(case: dict) -> int:
    """Return how many numbers are given in a case."""
    return sum(int(np.size(value)) for value in case.values())


def small_case(name: str, case: dict, answer: Any, right: Any, tolerance: float) -> str:
    """Write out a case: what went in, what came out, and what is right.

    Args:
        name: The function's.
        case: What it was given.
        answer: What it returned, a plain value.
        right: What is right.
        tolerance: As ``same`` takes it.

    Returns:
        A line for each, arrays over several. Of a large array its shape and its range, and one place that is wrong.
    """
    place = _first_wrong(answer, right, tolerance)
    lines = {**given_lines(case), name: _written(answer, place), "right": _written(right, place)}
    return _aligned(lines)


def example(case: dict, right: Any) -> str:
    """Write out a case that was not asked for, and what is right there."""
    return _aligned({**given_lines(case), "right there": _written(right)})


def given_lines(case: dict) -> dict[str, str]:
    """Return what is given in a case, each value as text."""
    return {name: _written(value) for name, value in case.items()}


# ---- shapes


def _shape_differs(pairs: list[tuple[np.ndarray, np.ndarray]]) -> str:
    came, right = pairs[0]
    says = f"Expected {_in_words(right)}, but this is {_in_words(came)}."
    for tells, remark in _SHAPES:
        if all(tells(*pair) for pair in pairs):
            return f"{says} {remark}"
    return says


def _has_axis_more(came: np.ndarray, right: np.ndarray) -> bool:
    return came.ndim > right.ndim and _without_ones(came) == _without_ones(right)


def _has_axis_less(came: np.ndarray, right: np.ndarray) -> bool:
    return came.ndim < right.ndim and _without_ones(came) == _without_ones(right)


def _is_turned(came: np.ndarray, right: np.ndarray) -> bool:
    return came.ndim == right.ndim and sorted(came.shape) == sorted(right.shape)


def _is_flat(came: np.ndarray, right: np.ndarray) -> bool:
    return came.size == right.size > 1


def _is_off(by: int) -> Callable[[np.ndarray, np.ndarray], bool]:
    def tells(came: np.ndarray, right: np.ndarray) -> bool:
        steps = [a - b for a, b in zip(came.shape, right.shape, strict=False) if a != b]
        return came.ndim == right.ndim and steps == [by]

    return tells


_SHAPES = (
    (_has_axis_more, "It has an extra axis of length 1."),
    (_has_axis_less, "An axis of length 1 is missing: keepdims=True keeps it."),
    (_is_turned, "The axes are in another order: is it transposed?"),
    (_is_off(-1), "It is one too short: off by one."),
    (_is_off(1), "It is one too long: off by one."),
    (_is_flat, "There are as many numbers as there should be, but in another shape."),
)


def _without_ones(array: np.ndarray) -> list[int]:
    return [n for n in array.shape if n != 1]


# ---- values, of the right shape


def _every_value_the_same(pairs: list[_Pair]) -> str:
    first, right = pairs[0].came.ravel()[:1], pairs[0].right.ravel()[:1]
    is_one = sum(p.came.size for p in pairs) > 1 and all((p.came == first).all() for p in pairs)
    if is_one and any((np.abs(p.right - right) > p.margin).any() for p in pairs):
        return f"What comes is always {first[0]:.4g}, whatever went in."
    return ""


def _sign(pairs: list[_Pair]) -> str:
    return "The sign is wrong: every value is the opposite of the right one." if _all_fit(pairs, np.negative) else ""


def _rounded(pairs: list[_Pair]) -> str:
    if any((p.right == p.right.round()).all() for p in pairs):
        return ""
    for way, name in ((np.round, "rounded to whole numbers"), (np.trunc, "cut to whole numbers, as int does")):
        if all(np.array_equal(p.came, way(p.right)) for p in pairs):
            return f"Right up to rounding: the values are {name}."
    if all(np.abs(p.came - p.right).max() <= _NEARLY * np.abs(p.right).max() for p in pairs):
        return "Right up to rounding: the values are within 2 % of the right ones. Is something rounded on the way?"
    return ""


def _other_order(pairs: list[_Pair]) -> str:
    axes = pairs[0].right.ndim
    if any(p.right.ndim != axes for p in pairs) or not 1 <= axes <= 4:
        return ""
    for order in list(itertools.permutations(range(axes)))[1:]:
        if _all_fit(pairs, lambda r, order=order: r.transpose(order)):
            return "It is transposed: the right values, with the axes in another order."
    for axis in range(axes):
        if _all_fit(pairs, lambda r, axis=axis: np.flip(r, axis)):
            return f"The order is reversed{_along(axis, axes)}."
    if axes > 1 and _all_fit(pairs, np.flip):
        return "The order is reversed along every axis."
    for axis in range(axes):
        for step, word in ((1, "late"), (-1, "early")):
            if all(_is_shifted(p, axis, step) for p in pairs):
                return f"Off by one: every value stands one place too {word}{_along(axis, axes)}."
    if all(
        p.right.size > 1 and np.allclose(np.sort(p.came, None), np.sort(p.right, None), rtol=0, atol=p.margin)
        for p in pairs
    ):
        return "The right values are there, but in another order."
    return ""


def _offset(pairs: list[_Pair]) -> str:
    by = float((pairs[0].came - pairs[0].right).ravel()[0])
    is_whole = all((p.right == p.right.round()).all() for p in pairs) and abs(by) == 1
    is_enough = is_whole or sum(p.right.size for p in pairs) > 1
    if not is_enough or not _all_fit(pairs, lambda r: r + by):
        return ""
    word = "large" if by > 0 else "small"
    if is_whole:
        return f"Off by one: {'it is' if pairs[0].right.ndim == 0 else 'every value is'} one too {word}."
    return f"A constant is {'too much' if by > 0 else 'missing'}: every value is {abs(by):.4g} too {word}."


def _factor(pairs: list[_Pair]) -> str:
    came, right = _together(pairs)
    if np.count_nonzero(right) < 2 or not came.any():
        return ""
    by = float(came @ right / (right @ right))
    if not _all_fit(pairs, lambda r: r * by, factor=by):
        return ""
    return f"A constant factor: every value is {by:.4g} times the right one."


def _bent(pairs: list[_Pair]) -> str:
    for way, name in _BENT:
        if all(np.abs(way(p.right) - p.came).max() <= p.margin for p in pairs):
            return f"What comes is {name} the right {'number' if pairs[0].right.ndim == 0 else 'values'}."
    return ""


def _scale(pairs: list[_Pair]) -> str:
    came, right = _together(pairs)
    if len(right) < 3 or np.ptp(right) == 0 or not np.isfinite(came).all():
        return ""
    narrow = min(1.0, float(np.ptp(right) / np.abs(right).max()))  # among 0.97, 0.98 and 0.99 any curve is a line
    pairs = [pair._replace(margin=pair.margin * narrow) for pair in pairs]
    by, plus = np.polyfit(right, came, 1)
    if abs(by) > 1e-9 and _all_fit(pairs, lambda r: r * by + plus, factor=by):
        sign = "plus" if plus >= 0 else "minus"
        return f"Another scale: every value is {by:.4g} times the right one, {sign} {abs(plus):.4g}."
    for pair in pairs:
        if pair.right.size < 3 or np.ptp(pair.right) == 0:
            return ""
        by, plus = np.polyfit(pair.right.ravel(), pair.came.ravel(), 1)
        if abs(by) < 1e-9 or not _all_fit([pair], lambda r, by=by, plus=plus: r * by + plus, factor=by):
            return ""
    return "Another scale: the values stand to each other as they should, but they are stretched or moved in each case."


def _some_entries(pairs: list[_Pair]) -> str:
    pair = min(pairs, key=lambda p: p.right.size)
    wrong = ~(np.abs(pair.came - pair.right) <= pair.margin)
    if pair.right.ndim == 0 or (wrong.all() and pair.right.size > 1):
        return ""
    says = f"{wrong.sum()} of {wrong.size} entries {'is' if wrong.sum() == 1 else 'are'} wrong"
    if wrong.sum() == 1 and pair.right.ndim > 1:
        return f"{says}, the one at {_index(np.argwhere(wrong)[0])}."
    masks = [~(np.abs(p.came - p.right) <= p.margin) for p in pairs]
    for axis in range(pair.right.ndim):
        for at, word in ((0, "first"), (-1, "last")):
            if all(_only_at(mask, axis, at) for mask in masks):
                return f"{says}, {_which(axis, pair.right.ndim, word)}."
    for tells, where in (
        (lambda p, m: (p.right[m] == 0).all(), "where the right value is 0"),
        (lambda p, m: (p.came[m] == 0).all(), "where 0 came"),
        (lambda p, m: (p.came[m] < 0).all(), "where a negative number came"),
    ):
        if all(tells(p, mask) for p, mask in zip(pairs, masks, strict=True)):
            return f"{says}: those {where}."
    return f"{says}, the first at {_index(np.argwhere(wrong)[0])}."


def _too_large_or_small(pairs: list[_Pair]) -> str:
    """Say in which direction it is off: always the last, since there is always something to say."""
    is_one = all(p.right.ndim == 0 for p in pairs)
    for word, is_so in (("large", np.greater), ("small", np.less)):
        if all(is_so(p.came, p.right).all() for p in pairs):
            return f"{'It' if is_one else 'Every value'} is too {word}."
    return f"{'It is' if is_one else 'No value is right: they are'} too large here and too small there."


_BENT = (
    (np.square, "the square of"),
    (np.sqrt, "the root of"),
    (np.reciprocal, "one divided by"),
    (np.log, "the logarithm of"),
)
_LOOKS = (
    _every_value_the_same,
    _sign,
    _rounded,
    _other_order,
    _offset,
    _factor,
    _bent,
    _scale,
    _some_entries,
    _too_large_or_small,
)


def _together(pairs: list[_Pair]) -> tuple[np.ndarray, np.ndarray]:
    """Return all numbers that came, and the right ones."""
    return np.concatenate([p.came.ravel() for p in pairs]), np.concatenate([p.right.ravel() for p in pairs])


def _all_fit(pairs: list[_Pair], change: Callable[[np.ndarray], np.ndarray], factor: float = 1.0) -> bool:
    """Say whether every answer is the right one, changed in the same way."""
    for pair in pairs:
        changed = change(pair.right)
        room = pair.margin * max(abs(factor), 1e-9)
        if changed.shape != pair.came.shape or not (np.abs(changed - pair.came) <= room).all():
            return False
    return True


def _is_shifted(pair: _Pair, axis: int, step: int) -> bool:
    count = pair.right.shape[axis]
    if count < 3:
        return False
    earlier, later = np.arange(count - 1), np.arange(1, count)
    here, there = (later, earlier) if step > 0 else (earlier, later)
    gap = np.abs(np.take(pair.came, here, axis) - np.take(pair.right, there, axis))
    return bool((gap <= pair.margin).all())


def _only_at(mask: np.ndarray, axis: int, at: int) -> bool:
    if mask.shape[axis] < 2:
        return False
    elsewhere = np.delete(mask, at, axis)
    return bool(mask.any() and not elsewhere.any())


# ---- words


def _margin(right: np.ndarray, tolerance: float) -> float:
    return tolerance * max(float(np.abs(right).max(initial=0)), 1e-12)


def _in_words(value: Any) -> str:
    if isinstance(value, str):
        return "text"
    shape = np.shape(value)
    return f"an array of shape {shape}" if shape else "one number"


def _which(axis: int, axes: int, word: str) -> str:
    if axes == 1:
        return f"the {word} one"
    return f"all in the {word} {('row', 'column')[axis]}" if axis < 2 else f"all at the {word} place of axis {axis}"


def _along(axis: int, axes: int) -> str:
    if axes == 1:
        return ""
    return f" along the {('rows', 'columns')[axis]}" if axis < 2 else f" along axis {axis}"


def _index(place: np.ndarray | tuple) -> str:
    return f"[{', '.join(str(int(i)) for i in place)}]"


def _first_wrong(answer: Any, right: Any, tolerance: float) -> tuple[int, ...] | None:
    if isinstance(right, str) or isinstance(answer, str) or np.shape(answer) != np.shape(right) or not np.shape(right):
        return None
    right = np.asarray(right, float)
    gaps = np.abs(np.asarray(answer, float) - right)
    wrong = np.argwhere(~(gaps <= (0 if (right == right.round()).all() else _margin(right, tolerance))))
    return tuple(wrong[0]) if len(wrong) else None


def _written(value: Any, place: tuple[int, ...] | None = None) -> str:
    """Return a value as text: small arrays whole, a small mask as a picture, of large ones what they are like."""
    if isinstance(value, (str, list)):
        text = repr(value)
        return text if len(text) <= 80 else text[:79] + "…"
    array = np.asarray(value)
    if array.ndim == 0:
        return f"{array[()]:.6g}" if array.dtype.kind == "f" else str(array[()])
    if array.dtype == bool and array.ndim == 2 and max(array.shape) <= 24:
        return "\n".join("".join("#" if here else "." for here in row) for row in array)
    if array.dtype == bool and array.ndim == 3 and array.shape[0] * (array.shape[2] + 2) <= 78:  # side by side
        return "\n".join("  ".join(row) for row in zip(*(_written(mask).split("\n") for mask in array), strict=True))
    if array.size <= _MOST_SHOWN:
        text = np.array2string(array, precision=3, suppress_small=True, separator=", ", max_line_width=76)
        return text.replace("\n\n", "\n")
    text = f"an array of shape {array.shape}"
    if array.dtype.kind in "iuf" and array.size:
        text += f", from {array.min():.4g} to {array.max():.4g}"
    return text if place is None else f"{text}; at {_index(place)}: {_written(array[place])}"


def _aligned(lines: dict[str, str]) -> str:
    width = max(map(len, lines))
    return "\n".join(
        f"{name if not i else '':{width}}  {line}"
        for name, text in lines.items()
        for i, line in enumerate(text.split("\n"))
    )
