"""What differs between answers and the right ones: each kind, on values of which it can be seen."""

import numpy as np
import pytest

from coursekit.exercises.comparing import compare
from coursekit.exercises.differences import (
    example,
    kind_differs,
    same,
    size_of,
    small_case,
    what_differs,
)
from coursekit.exercises.model import Exercise, Mistake

RIGHTS = [
    np.array([[1.5, -2.25, 4.0], [8.0, 16.0, -3.0]]),
    np.array([[7.0, 0.5], [2.0, 3.0], [-9.0, 1.0]]),
    np.array([[0.25, 5.0], [6.0, -1.0]]),
]
NUMBERS = [3.5, -2.0, 12.25]
COUNTS = [3, 8, 21]


def change(way):
    return lambda rights: [way(right) for right in rights]


def spoilt(*places):
    def way(right):
        wrong = right.copy()
        for place in places:
            wrong[place] += 1.7
        return wrong

    return way


@pytest.mark.parametrize(
    ("rights", "change", "says"),
    [
        # Another kind of thing.
        (RIGHTS, lambda r: None, "There is no answer yet."),
        (RIGHTS, lambda r: "text", "Expected a number, but this is text."),
        (["text"], lambda r: 3, "Expected text, but this is a number."),
        (["text"], lambda r: "Text", "It is another text."),
        (RIGHTS, lambda r: r * np.nan, "There are NaN in it, values that are not a number"),
        (RIGHTS, lambda r: np.where(r > 2, np.nan, r), "There are NaN in it"),
        (RIGHTS, lambda r: r / 0.0, "There are infinite values in it"),
        # Another shape.
        (RIGHTS, lambda r: r.sum(), "Expected an array of shape (2, 3), but this is one number."),
        (NUMBERS, lambda r: [r, r], "Expected one number, but this is an array of shape (2,)."),
        (NUMBERS, lambda r: [r], "this is an array of shape (1,). It has an extra axis of length 1."),
        (RIGHTS, lambda r: r[np.newaxis], "this is an array of shape (1, 2, 3). It has an extra axis of length 1."),
        ([r[:, np.newaxis] for r in RIGHTS], np.squeeze, "An axis of length 1 is missing: keepdims=True keeps it."),
        (
            RIGHTS[:2],
            np.transpose,
            "this is an array of shape (3, 2). The axes are in another order: is it transposed?",
        ),
        (RIGHTS, lambda r: r[:-1], "It is one too short: off by one."),
        (RIGHTS, lambda r: np.concatenate([r, r[:1]]), "It is one too long: off by one."),
        (RIGHTS, np.ravel, "There are as many numbers as there should be, but in another shape."),
        # Other values, of the right shape.
        (RIGHTS, np.negative, "The sign is wrong: every value is the opposite of the right one."),
        (NUMBERS, lambda r: -r, "The sign is wrong"),
        (NUMBERS, lambda r: 4.0, "What comes is always 4, whatever went in."),
        (RIGHTS, lambda r: r * 0, "What comes is always 0, whatever went in."),
        (RIGHTS, np.round, "Right up to rounding: the values are rounded to whole numbers."),
        (RIGHTS, np.trunc, "Right up to rounding: the values are cut to whole numbers, as int does."),
        (RIGHTS, lambda r: r * 1.01, "Right up to rounding: the values are within 2 % of the right ones."),
        (RIGHTS[2:], np.transpose, "It is transposed: the right values, with the axes in another order."),
        (RIGHTS, lambda r: r[::-1], "The order is reversed along the rows."),
        (RIGHTS, lambda r: r[:, ::-1], "The order is reversed along the columns."),
        (RIGHTS, lambda r: r[::-1, ::-1], "The order is reversed along every axis."),
        ([np.array([1.0, 4, 2, 7, 5])], lambda r: r[::-1], "The order is reversed."),
        ([np.array([1.0, 4, 2, 7, 5])], lambda r: np.roll(r, 1), "Off by one: every value stands one place too late."),
        ([np.array([1.0, 4, 2, 7, 5])], lambda r: [*r[1:], 0], "Off by one: every value stands one place too early."),
        ([np.array([1.0, 4, 2, 7, 5])], np.sort, "The right values are there, but in another order."),
        (RIGHTS, lambda r: r + 2.5, "A constant is too much: every value is 2.5 too large."),
        (NUMBERS, lambda r: r - 2.5, "A constant is missing: every value is 2.5 too small."),
        (COUNTS, lambda r: r + 1, "Off by one: it is one too large."),
        (COUNTS[:1], lambda r: r - 1, "Off by one: it is one too small."),
        ([np.array(COUNTS)], lambda r: r - 1, "Off by one: every value is one too small."),
        (RIGHTS, lambda r: 3 * r, "A constant factor: every value is 3 times the right one."),
        (NUMBERS, lambda r: r / 100, "A constant factor: every value is 0.01 times the right one."),
        ([0.97, 0.88, 0.92, 0.95], np.sqrt, "What comes is the root of the right number."),
        ([0.97, 0.88, 0.92, 0.95], lambda r: 1 - r, "every value is -1 times the right one, plus 1."),
        (RIGHTS, np.square, "What comes is the square of the right values."),
        (NUMBERS, lambda r: 1 / r, "What comes is one divided by the right number."),
        ([np.abs(r) for r in RIGHTS], np.log, "What comes is the logarithm of the right values."),
        ([0.97, 0.88, 0.92, 0.95], lambda r: r**1.5, "It is too small."),
        (RIGHTS, lambda r: 255 * r - 4, "Another scale: every value is 255 times the right one, minus 4."),
        (RIGHTS, lambda r: r / r.max() + r.min(), "but they are stretched or moved in each case."),
        (RIGHTS[:1], spoilt((1, 1)), "1 of 6 entries is wrong, the one at [1, 1]."),
        (RIGHTS, spoilt((-1, 0), (-1, 1)), "2 of 4 entries are wrong, all in the last row."),
        (RIGHTS, spoilt((0, 0), (1, 0)), "2 of 4 entries are wrong, all in the first column."),
        ([np.array([1.0, 4, 2, 7, 5])], spoilt(-1), "1 of 5 entries is wrong, the last one."),
        ([np.array([[1.0, 0, 2], [0, 5, 9]])], lambda r: np.where(r == 0, -3, r), "those where the right value is 0."),
        (RIGHTS[:1], lambda r: np.where(r < 2, 0, r), "are wrong: those where 0 came."),
        ([np.abs(RIGHTS[0])], lambda r: np.where(r < 4, r - 9, r), "are wrong: those where a negative number came."),
        (RIGHTS, lambda r: r + r**2 + 1, "Every value is too large."),
        (NUMBERS, lambda r: r - r**2 - 1, "It is too small."),
        (NUMBERS, lambda r: 5 - r**2, "It is too large here and too small there."),
        (RIGHTS, lambda r: r**3 - 5.5, "No value is right: they are too large here and too small there."),
    ],
)
def test_kind_of_difference(rights, change, says):
    with np.errstate(all="ignore"):
        answers = [change(right) for right in rights]
    assert says in what_differs(answers, rights, 1e-3)


def test_nothing_differs():
    assert what_differs(RIGHTS, [right + 1e-6 for right in RIGHTS], 1e-3) == ""
    assert kind_differs(RIGHTS, [right + 1 for right in RIGHTS]) == ""


def test_a_sentence_holds_in_every_case():
    answers = [RIGHTS[0] * 2, RIGHTS[1] * 3, RIGHTS[2] * 2]
    assert "A constant factor" not in what_differs(answers, RIGHTS, 1e-3)
    assert "A constant factor" in what_differs(answers[::2], RIGHTS[::2], 1e-3)


def test_one_number_of_one_case_tells_no_factor():
    assert what_differs([6.0], [3.0], 1e-3) == "It is too large."
    assert what_differs([6.0, 10.0], [3.0, 5.0], 1e-3) == "A constant factor: every value is 2 times the right one."


def test_cases_that_are_right_are_counted():
    answers = [RIGHTS[0], RIGHTS[1], -RIGHTS[2]]
    assert what_differs(answers, RIGHTS, 1e-3) == (
        "It is right in 2 of 3 cases. In the others the sign is wrong: every value is the opposite of the right one."
    )


@pytest.mark.parametrize(
    ("answer", "right", "is_same"),
    [
        (1.0005, 1.0, True),
        (1.002, 1.0, False),
        (3.0, 3, True),
        (3.0001, 3, False),
        (float("nan"), 1.0, False),
        ([1, 2], np.array([1, 2]), True),
        ([[1], [2, 3]], np.array([1, 2]), False),
        (True, 1, True),
        ("a ", "a", True),
        ("1", 1, False),
        (None, 0, False),
    ],
)
def test_same(answer, right, is_same):
    assert same(answer, right, 1e-3) is is_same


# ---- one case, written out


def test_small_case_is_written_out():
    case = {"patch": np.array([[1.0, 2.5], [-3.0, 4.0]]), "stride": 2, "kernels": [3, 5], "name": "coffee"}
    assert size_of(case) == 8
    assert small_case("f", case, np.array([1.25, 2.0]), np.array([1.25, 3.0]), 1e-3) == (
        "patch    [[ 1. ,  2.5],\n"
        "          [-3. ,  4. ]]\n"
        "stride   2\n"
        "kernels  [3, 5]\n"
        "name     'coffee'\n"
        "f        [1.25, 2.  ]\n"
        "right    [1.25, 3.  ]"
    )


def test_masks_are_drawn_and_large_arrays_described():
    mask = np.zeros((3, 40 // 2), bool)
    mask[1, 2:5] = True
    layer = np.linspace(0, 1, 200).reshape(10, 20)
    wrong = layer.copy()
    wrong[3, 7] = 9
    assert small_case("f", {"mask": mask}, wrong, layer, 1e-3).splitlines() == [
        "mask   ....................",
        "       ..###...............",
        "       ....................",
        "f      an array of shape (10, 20), from 0 to 9; at [3, 7]: 9",
        "right  an array of shape (10, 20), from 0 to 1; at [3, 7]: 0.336683",
    ]
    assert example({"picture": "rocket"}, 12) == "picture      'rocket'\nright there  12"


# ---- what graders may say


ADDS = Exercise(
    id="09.adds",
    title="Adds",
    answer="adds",
    points=1,
    hints=("Add.",),
    solution="",
    case=lambda seed: {"a": float(seed)},
    right=lambda case: case["a"] + 1,
    also_right=(lambda case: case["a"] + 10,),
    mistakes=(Mistake("subtracts", "You subtract.", lambda case: case["a"] - 1),),
    is_function=True,
)
CASES = [ADDS.case(seed) for seed in (3, 50, 700)]


def verdict(way, visible=None):
    return compare(ADDS, CASES, [way(case["a"]) for case in CASES], visible)


def test_another_right_way_is_right_in_all_cases_or_not_at_all():
    assert verdict(lambda a: a + 1).is_right
    assert verdict(lambda a: a + 10).is_right
    assert not verdict(lambda a: a + 1 if a < 10 else a + 10).is_right


def test_a_difference_is_told_of_visible_cases_only():
    assert verdict(lambda a: a + 1 if a < 10 else a + 6).says.startswith("It is right in 1 of 3 cases. In the others a")
    hidden = verdict(lambda a: a + 1 if a < 10 else a + 6, visible=1)
    assert (
        hidden.says == "It is right on the case that stands in the notebook, and wrong on others. hint(...) helps on."
    )
    # Whatever comes out of the hidden cases, the same is said.
    assert {verdict(lambda a, x=x: 0.0 if a < 10 else x, visible=1).says for x in (7.0, "secret", None, 1e9)} == {
        "It is too small. hint(...) helps on."
    }
    assert verdict(lambda a: a - 1, visible=1).mistake == "subtracts"
