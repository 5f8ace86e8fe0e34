"""Hidden cases of lessons 02 and 04 spread: no constant, usual mistake or plausible wrong function gets points."""

import collections
import functools

import numpy as np
import pytest

from coursekit.exercises.cases import seed_of
from coursekit.exercises.catalogue import lesson
from coursekit.exercises.comparing import compare, same
from coursekit.homework.grading import HIDDEN_CASES

TOKENS = [f"student {number}" for number in range(300)]
EXERCISES = {one.id: one for number in ("02", "04") for one in lesson(number).exercises if not one.is_read_by_a_person}
FUNCTIONS = [one for one in EXERCISES.values() if one.is_function]
VALUES = [one for one in EXERCISES.values() if not one.is_function]


def groups(exercise):
    """Return for each student the cases that grading tries together."""
    for token in TOKENS:
        seeds = [seed_of(token, exercise.id)]
        if exercise.is_function:
            seeds += [seed_of(f"{token}/{i}", exercise.id) for i in range(1, HIDDEN_CASES + 1)]
        yield [exercise.case(seed) for seed in seeds]


def ids(exercises):
    return [one.id for one in exercises]


@pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)
def test_no_usual_mistake_gets_points(exercise):
    for cases in groups(exercise):
        for mistake in exercise.mistakes:
            assert not compare(exercise, cases, [mistake.answer(case) for case in cases]).is_right, mistake.name


@pytest.mark.parametrize("exercise", FUNCTIONS, ids=ids(FUNCTIONS))
def test_no_constant_gets_points(exercise):
    for cases in groups(exercise):
        rights = [exercise.right(case) for case in cases]
        for constant in rights:  # what is none of these is right in no case
            assert not all(same(constant, right, exercise.tolerance) for right in rights), cases


@pytest.mark.parametrize("exercise", VALUES, ids=ids(VALUES))
def test_one_value_is_right_for_few(exercise):
    rights = collections.Counter(repr(exercise.right(case)) for [case] in groups(exercise))
    assert len(rights) >= 8
    assert max(rights.values()) <= len(TOKENS) / 5


def forward(kernels, strides):
    return functools.reduce(lambda size, layer: (size - 1) * layer[1] + layer[0], zip(kernels, strides, strict=True), 1)


def first_corner(kernel):
    row, column = np.unravel_index(kernel.argmax(), kernel.shape)
    return np.degrees(np.arctan2(1 - row, column - 1)) % 360


WRONG = {
    "02.best-patch": [
        lambda kernel: np.where(kernel > np.median(kernel), 255, 0),
        lambda kernel: np.where(kernel > 0.5, 255, 0),
        lambda kernel: np.where(kernel.mean(axis=2, keepdims=True) > 0, 255, 0) + 0 * kernel,
        lambda kernel: np.where(kernel > 0, 255, 0)[..., ::-1],
        lambda kernel: np.where(kernel > 0, 255, 127),
        lambda kernel: np.where(kernel > 0, 255, 0).transpose(1, 0, 2),
        lambda kernel: 255 * np.clip(kernel, 0, 1),
    ],
    "02.bright-side": [
        first_corner,
        lambda kernel: np.degrees(np.arctan((kernel[0] - kernel[2]).sum() / (kernel[:, 2] - kernel[:, 0]).sum())),
        lambda kernel: np.degrees(np.arctan2(kernel[0].sum(), kernel[:, 2].sum())) % 360,
        lambda kernel: np.degrees(np.arctan2((kernel[0] - kernel[2]).sum(), (kernel[:, 2] - kernel[:, 0]).sum())),
        lambda kernel: np.degrees(np.arctan2(kernel[0, 1] + kernel[2, 1], kernel[1, 2] + kernel[1, 0])) % 360,
    ],
    "04.field-size": [
        forward,
        lambda kernels, strides: int(np.prod(kernels)),
        lambda kernels, strides: int(np.prod(strides)),
        lambda kernels, strides: sum(kernels) - len(kernels) + 1,
        lambda kernels, strides: 1 + sum((k - 1) * s for k, s in zip(kernels, strides, strict=True)),
        lambda kernels, strides: kernels[-1] * int(np.prod(strides)),
        lambda kernels, strides: kernels[-1] * int(np.prod(strides[:-1])),
        lambda kernels, strides: max(kernels),
        lambda kernels, strides: sum(k * s for k, s in zip(kernels, strides, strict=True)),
    ],
    "04.box": [
        lambda rows, size, stride, offset, pixels: np.stack([rows * stride, rows * stride + size], 1).clip(0, pixels),
        lambda rows, size, stride, offset, pixels: np.stack([rows * stride, (rows + 1) * stride], 1).clip(0, pixels),
        lambda rows, size, stride, offset, pixels: (offset + np.stack([rows * stride, rows * stride + size])).clip(
            0, pixels
        ),
        lambda rows, size, stride, offset, pixels: (offset + np.stack([rows * stride, rows * stride + size], 1)).clip(
            0, pixels - 1
        ),
        lambda rows, size, stride, offset, pixels: (np.stack([rows * stride, rows * stride + size], 1) - offset).clip(
            0, pixels
        ),
        lambda rows, size, stride, offset, pixels: (offset + np.stack([rows * stride, rows * stride + size], 1)).clip(
            0, 227
        ),
        lambda rows, size, stride, offset, pixels: np.maximum(
            offset + np.stack([rows * stride, rows * stride + size], 1), 0
        ),
    ],
    "04.overlap": [
        lambda mask, region: 12 / 49,
        lambda mask, region: (mask & region).mean(),
        lambda mask, region: (mask & region).sum() / max(mask.sum(), region.sum()),
        lambda mask, region: (mask & region).sum() / min(mask.sum(), region.sum()),
        lambda mask, region: (mask ^ region).sum() / (mask | region).sum(),
        lambda mask, region: (mask | region).sum() / (mask & region).sum(),
        lambda mask, region: int((mask & region).sum()),
        lambda mask, region: (mask & region).mean() / (mask.mean() * region.mean()),
    ],
}


@pytest.mark.parametrize("exercise", FUNCTIONS, ids=ids(FUNCTIONS))
def test_no_plausible_wrong_function_gets_points(exercise):
    for cases in groups(exercise):
        for number, wrong in enumerate(WRONG[exercise.id]):
            answers = [wrong(**case) for case in cases]
            assert not compare(exercise, cases, answers).is_right, (number, cases[0])
