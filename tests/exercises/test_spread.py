"""What students are given spreads: no wrong way is right by luck, and no two rows of students share an answer."""

import functools
import importlib
import json
import secrets
from collections import Counter

import numpy as np
import pytest

from coursekit import activations, photo, squeezenet
from coursekit.exercises import wire
from coursekit.exercises.cases import SANDBOX_VARIABLE, case_of, given, seed_of
from coursekit.exercises.catalogue import LESSONS, find, lesson
from coursekit.exercises.differences import same
from coursekit.exercises.lessons import lesson_01
from coursekit.exercises.lessons.lesson_01_pictures import GROUPS
from coursekit.homework.grading import HIDDEN_CASES

MARKED = [one for number in LESSONS for one in lesson(number).exercises if not one.is_read_by_a_person]
FUNCTIONS = [one for one in MARKED if one.is_function]
PLAUSIBLE = {}
for number in LESSONS:
    PLAUSIBLE |= importlib.import_module(f"tests.exercises.plausible.lesson_{number}").PLAUSIBLE
FEW_ANSWERS = {"13.corner"}  # one of three or five classes, and one of four corners
STUDENTS = [f"student {i}" for i in range(300)]
by_id = {"ids": lambda exercise: exercise.id}


CHANNELS = lesson_01._channels  # of one picture and layer; the fixture has those of all
WRONG_CHANNELS = {
    "counted from 1": lambda layer: layer.max(axis=(0, 1)).argmax() + 1,
    "channels first": lambda layer: layer.max(axis=(1, 2)).argmax(),
    "position in the flat array": lambda layer: layer.argmax(),
    "mean instead of largest": lambda layer: layer.mean(axis=(0, 1)).argmax(),
    "largest absolute value": lambda layer: np.abs(layer).max(axis=(0, 1)).argmax(),
    "standard deviation": lambda layer: layer.std(axis=(0, 1)).argmax(),
    "sum of squares": lambda layer: (layer**2).sum(axis=(0, 1)).argmax(),
    "mean after the ReLU": lambda layer: layer.clip(0).mean(axis=(0, 1)).argmax(),
    "smallest": lambda layer: layer.min(axis=(0, 1)).argmin(),
    "the other end": lambda layer: layer.max(axis=(0, 1)).argmin(),
    "one too few": lambda layer: layer.max(axis=(0, 1)).argmax() - 1,
}


@pytest.fixture(scope="module", autouse=True)
def strongest():
    """Compute the strongest channel of every picture and layer that students get, and where wrong ways lead.

    One pass for a picture gives all its layers; the catalogue, asked for one layer at a time, would take minutes.
    """
    pairs = [("coffee", "fire6-squeeze1x1"), *(pair.split("/") for group in GROUPS for pair in group.split())]
    net, found = squeezenet(), {}
    layers = sorted({layer for _, layer in pairs})
    for picture in sorted({picture for picture, _ in pairs}):
        computed = activations(net, photo(picture, size=227), layers)
        for name in layers:
            layer = computed[name].astype(np.float64)
            second, first = np.sort(layer.max(axis=(0, 1)))[-2:]
            ways = {name: int(way(layer)) for name, way in WRONG_CHANNELS.items()}
            found[f"{picture}/{name}"] = {"right": int(layer.max(axis=(0, 1)).argmax()), **ways, "lead": first / second}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lesson_01, "_channels", lambda picture, layer: found[f"{picture}/{layer}"])
        yield found


def graded_cases(exercise, student):
    """Give the cases that a student's answer is tried on, each with its right answers: the given one, then hidden."""
    hidden = range(1, HIDDEN_CASES + 1) if exercise.is_function else ()
    return (graded_case(exercise.id, token) for token in (student, *(f"{student}/{i}" for i in hidden)))


@functools.cache
def graded_case(exercise_id, token):
    exercise = find(exercise_id)
    case = case_of(exercise, seed_of(token, exercise.id))
    return case, [right(case) for right in (exercise.right, *exercise.also_right)]


def lucky(exercise, way):
    """Return the students that get a point for a way. Who has the first case wrong, as most, needs no others."""

    def is_right(case, rights):
        came = answer(way, case)
        return any(same(came, right, exercise.tolerance) for right in rights)

    return [who for who in STUDENTS if all(is_right(*one) for one in graded_cases(exercise, who))]


def answer(way, case):
    try:
        with np.errstate(all="ignore"):
            return way(case)
    except (ValueError, IndexError, TypeError):  # a way that does not work on every case
        return None


@pytest.mark.parametrize("exercise", MARKED, **by_id)
def test_no_constant_lucky(exercise):
    rights = [rights[0] for student in STUDENTS[:12] for _, rights in graded_cases(exercise, student)]
    own = (
        [exercise.right(exercise.case(seed)) for seed in range(6)]
        if exercise.is_function
        else [exercise.right(exercise.case(0))]
    )
    constants = [0, 1, -1, 0.5, 255, 12 / 49, True, "", *own]
    if exercise.is_function:
        constants += rights[:: max(1, len(rights) // 20)]
    most = 0 if exercise.is_function else 10  # a value is right for whoever it was meant for
    for constant in constants:
        assert len(lucky(exercise, lambda case, constant=constant: constant)) <= most, constant


@pytest.mark.parametrize("exercise", MARKED, **by_id)
def test_no_usual_mistake_lucky(exercise):
    for one in exercise.mistakes:
        assert lucky(exercise, one.answer) == [], one.name


@pytest.mark.parametrize("exercise", MARKED, **by_id)
def test_no_usual_mistake_is_right_in_any_case(exercise):
    for student in STUDENTS[:12]:
        for case, rights in graded_cases(exercise, student):
            for one in exercise.mistakes:
                is_right = any(same(one.answer(case), right, exercise.tolerance) for right in rights)
                assert not is_right or one.shows_in_part, (one.name, case)


def test_hidden_cases_are_of_all_kinds():
    for student in STUDENTS:
        seeds = [seed_of(f"{student}/{i}", "04.who-sees") for i in range(1, HIDDEN_CASES + 1)]
        assert {seed % 5 for seed in seeds} == set(range(5))
        assert len({seed // 5 for seed in seeds}) == HIDDEN_CASES
    assert seed_of("fe12", "04.who-sees") != seed_of("fe12/0", "04.who-sees")


@pytest.mark.parametrize("exercise", FUNCTIONS, **by_id)
def test_no_plausible_wrong_function_lucky(exercise):
    assert len(PLAUSIBLE[exercise.id]) >= 5
    for name, way in PLAUSIBLE[exercise.id].items():
        assert lucky(exercise, lambda case, way=way: way(**case)) == [], name
    generic = {
        "what is given first": lambda case: next(iter(case.values())),
        "the right answer, negative": lambda case: -np.asarray(exercise.right(case), float),
        "twice the right answer": lambda case: 2 * np.asarray(exercise.right(case)),
        "an axis more": lambda case: np.asarray(exercise.right(case))[np.newaxis],
        "a little more": lambda case: np.asarray(exercise.right(case)) * 1.02 + 0.01,
        "in another order": lambda case: (
            np.flip(np.asarray(exercise.right(case))) if np.ndim(exercise.right(case)) else 0
        ),
        "of another case": lambda case: exercise.right(exercise.case(1)),
    }
    for name, way in generic.items():
        assert lucky(exercise, way) == [], name


@pytest.mark.parametrize("exercise", FUNCTIONS, **by_id)
def test_cases_of_a_function_have_different_answers(exercise):
    answers = {
        repr(np.round(np.asarray(rights[0], np.float64), 6))
        for who in STUDENTS[:12]
        for _, rights in graded_cases(exercise, who)
    }
    assert len(answers) >= 12 * (1 + HIDDEN_CASES) / 4


# ---- what is asked differs from student to student


@pytest.mark.parametrize("exercise", [one for one in MARKED if one.id not in FEW_ANSWERS], **by_id)
def test_of_300_students_no_ten_share_an_answer(exercise):
    answers = {}  # of each case, which several students may have

    def right(student):
        case = case_of(exercise, seed_of(student, exercise.id))
        key = json.dumps(wire.encode_case(case))
        if key not in answers:
            answers[key] = exercise.right(case)
        return answers[key]

    rooms = "AB" if exercise.is_function else "ABCDEFGHIJ"
    shared = [Counter(repr(right(f"{room}/{i}")) for i in range(300)).most_common(1)[0][1] for room in rooms]
    assert np.median(shared) < 10  # in one class of 15 it is ten, by chance
    assert max(shared) <= 11


def test_groups_of_pictures_are_what_they_are_said_to_be(strongest):
    answers = []
    for group in GROUPS:
        found = set()
        for pair in group.split():
            wrong = {name: channel for name, channel in strongest[pair].items() if name not in ("right", "lead")}
            assert strongest[pair]["right"] not in wrong.values(), (pair, wrong)
            assert strongest[pair]["lead"] > 1.0009
            found.add(strongest[pair]["right"])
        assert len(found) == 1, group
        answers += found
    assert len(set(answers)) == len(GROUPS) > 100
    pairs = [pair for group in GROUPS for pair in group.split()]
    assert len(set(pairs)) == len(pairs)


def test_the_catalogue_computes_the_same_channels(strongest):
    for pair in (GROUPS[0].split()[0], GROUPS[-1].split()[-1]):
        computed = CHANNELS(*pair.split("/"))
        assert computed == {name: strongest[pair][name] for name in computed}


# ---- the same in the lesson and in grading


@pytest.mark.parametrize("exercise", MARKED, **by_id)
def test_grading_gives_the_same_value_of_the_same_type(exercise, tmp_path, monkeypatch):
    for seed in (0, 1, 2, 3, secrets.randbelow(2**48)):
        case = case_of(exercise, seed)
        sent = json.loads(json.dumps(wire.encode_case(case)))
        assert_same_type(wire.read_case(sent), case)
        (tmp_path / "given.json").write_text(json.dumps({exercise.id: sent}))
        with monkeypatch.context() as patched:
            patched.setenv(SANDBOX_VARIABLE, str(tmp_path))
            assert_same_type(given(exercise.id), case)


def assert_same_type(read, case):
    assert list(read) == list(case)
    for name, value in case.items():
        assert type(read[name]) is type(value), name
        if isinstance(value, np.ndarray):
            assert (read[name].dtype, read[name].shape) == (value.dtype, value.shape)
            assert read[name].flags.writeable
            np.testing.assert_array_equal(read[name], value)
        elif isinstance(value, list):
            assert read[name] == value
            assert [type(one) for one in read[name]] == [type(one) for one in value]
        else:
            assert read[name] == value


@pytest.mark.parametrize("value", [np.float64(1), np.array(1.0), (1, 2), None, {"a": 1}, [np.int64(3)], [[1, 2]]])
def test_a_case_that_would_change_its_type_is_refused(value):
    with pytest.raises(wire.NotPlainError, match="a case may hold numbers, texts, lists of them and arrays"):
        wire.encode_case({"value": value})
