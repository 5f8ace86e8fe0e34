"""Every exercise of every lesson: its solution is right, its mistakes are told apart, the notebook says the same."""

import functools
import re

import nbformat
import numpy as np
import pytest

import coursekit
from coursekit.exercises import marks, notebooks
from coursekit.exercises.cases import case_of, seed_of
from coursekit.exercises.catalogue import LESSONS, lesson
from coursekit.exercises.comparing import compare, same

SEEDS = range(1000, 1012)  # neither the lesson's own case, 0, nor those of the instant check
EXERCISES = [exercise for number in LESSONS for exercise in lesson(number).exercises]
MARKED = [exercise for exercise in EXERCISES if not exercise.is_read_by_a_person]
MISTAKES = [(exercise, mistake) for exercise in MARKED for mistake in exercise.mistakes]


def ids(values):
    return [value.id for value in values]


@functools.cache
def names_of_the_lessons() -> dict:
    """Return what solutions may use of their notebook: the public names, the network, the photos, its last weights."""
    net = coursekit.squeezenet()
    many, classes = coursekit.photos()
    weights, bias = net.get_layer("conv10").get_weights()
    public = {name: getattr(coursekit, name) for name in ("activations", "given", "nearest_neighbors", "photo")}
    return {**public, "np": np, "net": net, "many": many, "classes": classes, "weights": weights[0, 0], "bias": bias}


def solved(exercise, token):
    """Return what the solution gives as an answer, in the notebook of a student."""
    written = {**names_of_the_lessons(), "variation": token}
    exec(exercise.solution, written)
    return written[exercise.answer]


@pytest.mark.parametrize("exercise", MARKED, ids=ids(MARKED))
def test_the_solution_is_right_on_cases_not_seen_before(exercise):
    seeds = SEEDS if exercise.is_function else SEEDS[:6]  # values take a network, which is compiled for each layer
    tokens = [f"token {seed}" for seed in seeds]
    cases = [case_of(exercise, seed_of(token, exercise.id)) for token in tokens]
    assert len({repr(case) for case in cases}) > 1, "every student has the same case"
    if exercise.is_function:
        answers = [solved(exercise, None)(**case_of(exercise, seed_of(token, exercise.id))) for token in tokens]
    else:
        answers = [solved(exercise, token) for token in tokens]
    verdict = compare(exercise, cases, answers)
    assert verdict.is_right, verdict.says


@pytest.mark.parametrize(("exercise", "mistake"), MISTAKES, ids=[f"{e.id}: {m.name}" for e, m in MISTAKES])
def test_each_mistake_is_recognised_as_itself(exercise, mistake):
    if exercise.is_function:  # tried on several cases at once, as the instant check and grading do
        cases = [case_of(exercise, seed) for seed in SEEDS[:5]]
        verdict = compare(exercise, cases, [mistake.answer(case) for case in cases])
        assert (verdict.is_right, verdict.mistake) == (False, mistake.name)
        return
    unique = 0  # not every photo tells every mistake from every other one, so it takes several
    for case in (case_of(exercise, seed) for seed in range(1000, 1100)):
        answer = mistake.answer(case)
        others = [exercise.right(case), *(other.answer(case) for other in exercise.mistakes if other is not mistake)]
        if not any(same(answer, other, exercise.tolerance) for other in others):
            verdict = compare(exercise, [case], [answer])
            assert (verdict.is_right, verdict.mistake) == (False, mistake.name)
            unique += 1
        if unique == 2:
            return
    raise AssertionError(f"In 100 cases, {unique} tell this mistake from the others.")


@pytest.mark.parametrize("exercise", EXERCISES, ids=ids(EXERCISES))
def test_the_notebook_has_the_catalogue_s_solution(exercise):
    cell_type = "markdown" if exercise.is_read_by_a_person else "code"
    cells = nbformat.read(notebooks.lesson_file(exercise.id[:2]), as_version=4).cells
    sources = [cell.source for cell in cells if cell.cell_type == cell_type]
    [source] = [source for source in sources if exercise.id in marks.exercises(cell_type, source)]
    edges = [mark for mark in marks.find(cell_type, source) if mark.kind is not marks.Kind.EXERCISE]
    assert [mark.kind for mark in edges] == [marks.Kind.BEGIN, marks.Kind.END]
    assert marks.without_marks(cell_type, source).strip() == exercise.solution
    assert source[edges[0].end : edges[1].start].strip(), "the region is empty"


@pytest.mark.parametrize("exercise", EXERCISES, ids=ids(EXERCISES))
def test_an_exercise_is_whole(exercise):
    assert exercise.hints
    assert exercise.points > 0
    assert exercise.is_read_by_a_person or exercise.mistakes
    assert len({mistake.name for mistake in exercise.mistakes}) == len(exercise.mistakes)


@pytest.mark.parametrize("number", LESSONS)
def test_results_written_into_the_notebook_are_the_registered_ones(number):
    source = "\n".join(c.source for c in nbformat.read(notebooks.lesson_file(number), as_version=4).cells)
    right = {question.id: [c.text for c in question.choices if c.is_right] for question in lesson(number).predictions}
    constant = re.findall(r"""^predict\("(.+?)", result="([^"]*)"\)$""", source, re.MULTILINE)
    assert all(right[name] == [result] for name, result in constant), constant


def test_ids_are_unique_and_begin_with_their_lesson():
    for number in LESSONS:
        asked = lesson(number)
        names = [one.id for one in (*asked.exercises, *asked.predictions, *asked.quiz)]
        assert len(set(names)) == len(names)
        assert all(name.startswith(f"{number}.") for name in names)
