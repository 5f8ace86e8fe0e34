"""check, hint and solution, on answers as learners write them."""

import re

import numpy as np
import pytest

from coursekit import activations, nearest_neighbors, photo, progress, squeezenet
from coursekit.exercises import catalogue, given
from coursekit.exercises.cases import case_of, seed_of
from coursekit.exercises.differences import size_of, small_case
from coursekit.learner import checking
from coursekit.learner.checking import check, hint, solution
from coursekit.networks.backend import tf
from tests.learner.answers import (
    by_hand,
    by_hand_with_loops,
    by_hand_with_tensorflow,
    not_begun,
    one_scale,
    without_relu,
)
from tests.learner.events import latest

pytestmark = pytest.mark.usefixtures("folder")
SHAPE = case_of(catalogue.find("01.one-scale"), checking.CASES[0])["layer"].shape


# ---- right answers


@pytest.mark.parametrize("function", [by_hand, by_hand_with_loops, by_hand_with_tensorflow])
def test_right_function(function):
    note = check("01.by-hand", function)
    assert note.is_right
    assert repr(note) == "✓ Right. One activation by hand, for all filters at once."
    assert latest("checked", "01.by-hand")["right"] is True


def test_a_title_that_asks_gets_no_full_stop():
    written = {"np": np, "nearest_neighbors": nearest_neighbors}
    exec(catalogue.find("03.kept-neighbors").solution, written)
    note = check("03.kept-neighbors", written["kept_neighbors"])
    assert repr(note) == "✓ Right. Does the map keep the neighbours?"


@pytest.fixture(scope="module")
def layer():
    case = given("01.strongest-channel")
    return activations(squeezenet(), photo(case["picture"], size=227), case["layer"])


@pytest.mark.parametrize(
    "kind", [int, np.int32, float, np.asarray, tf.constant, tf.Variable, lambda n: np.array(n)[()]]
)
def test_right_value_of_any_kind(layer, kind):
    assert check("01.strongest-channel", kind(layer.max(axis=(0, 1)).argmax())).is_right


def test_value_of_another_students_case_is_wrong(layer):
    exercise = catalogue.find("01.strongest-channel")
    tokens = [f"token{i}" for i in range(200)]
    token = next(t for t in tokens if exercise.case(seed_of(t, exercise.id))["picture"] == "chelsea")
    case = given("01.strongest-channel", token)
    theirs = activations(squeezenet(), photo(case["picture"], size=227), case["layer"]).max(axis=(0, 1)).argmax()
    ours = layer.max(axis=(0, 1)).argmax()
    assert ours != theirs
    assert check("01.strongest-channel", theirs, token).is_right
    assert not check("01.strongest-channel", ours, token).is_right
    assert not check("01.strongest-channel", theirs).is_right


def test_variation_is_taken_from_the_notebook(layer, notebook):
    notebook["variation"] = "token"
    case = given("01.strongest-channel", "token")
    theirs = activations(squeezenet(), photo(case["picture"], size=227), case["layer"]).max(axis=(0, 1)).argmax()
    assert check("01.strongest-channel", theirs).is_right


# ---- a wrong answer, shown on a small case


def test_smallest_wrong_case_is_shown(monkeypatch):
    monkeypatch.setattr(checking, "SEARCH_LIMIT", 60)
    note = check("01.one-scale", lambda layer: 1 - one_scale(layer))
    exercise = catalogue.find("01.one-scale")
    seed = min((*checking.CASES, *checking.MORE_CASES), key=lambda seed: size_of(exercise.case(seed)))
    smallest = case_of(exercise, seed)
    right = exercise.right(smallest)
    assert note.code == small_case("one_scale", smallest, 1 - right, right, exercise.tolerance)
    assert size_of(smallest) <= 12
    assert note.code in note._repr_html_().replace("&#x27;", "'")


def test_only_a_wrong_case_is_shown():
    def wrong_if_large(layer):
        return one_scale(layer) * (1 if layer.size < 60 else 2)

    code = check("01.one-scale", wrong_if_large).code
    assert "an array of shape" in code  # not one of the small ones, which it gets right
    right, wrong = (re.search(rf"{name} .*: (\S+)$", code, re.MULTILINE)[1] for name in ("right", "one_scale"))
    assert float(wrong) == pytest.approx(2 * float(right), rel=1e-4)


def test_error_on_a_further_case_is_no_news(capsys):
    def fails_if_small(layer):
        print(layer)
        return layer / (0 if layer.size > 20 else layer.no_such_thing)

    with np.errstate(all="ignore"):
        note = check("01.one-scale", lambda layer: layer * 3 if layer.size > 11 else fails_if_small(layer))
    assert "no_such_thing" not in repr(note)
    assert capsys.readouterr().out == ""


def test_wrong_value_gets_another_case_to_try():
    note = check("01.strongest-channel", -5)
    found = re.fullmatch(r"picture +'(\w+)'\nlayer +'(\S+)'\nright there +(\d+)", note.code)
    other = {"picture": found[1], "layer": found[2]}
    assert other != given("01.strongest-channel")
    exercise = catalogue.find("01.strongest-channel")
    assert exercise.right(other) == int(found[3]) != exercise.right(given("01.strongest-channel"))


def test_scale_of_the_lesson_is_right():
    assert check("01.one-scale", lambda layer: 0.5 + layer / (2 * np.abs(layer).max())).is_right
    assert not check("01.one-scale", lambda layer: 0.5 + layer / (2 * layer.max())).is_right


# ---- what is no answer


def returns_nothing(layer):
    scaled = (layer - layer.min()) / (layer.max() - layer.min())  # noqa: F841


def prints(layer):
    print((layer - layer.min()) / (layer.max() - layer.min()))


def fails(layer):
    smallest = layer.min()
    return layer - smallest / layer.largest()


def calls_one_that_fails(layer):
    return fails(layer)


def too_many_axes(layer):
    return layer[:, :, :, 0]


def ends_python(layer):
    raise SystemExit


def for_ever(layer):
    while True:
        try:
            layer = layer + 0
        except Exception:
            return layer


def other_names(picture):
    return one_scale(picture)


def changes_its_input(layer):
    layer -= layer.min()
    layer /= layer.max()
    return layer


def changes_its_input_and_is_wrong(layer):
    layer -= layer.min()
    return layer


class EqualsEverything:
    def __eq__(self, other):
        return True

    __hash__ = None


class RaisesWhenAsked:
    def __eq__(self, other):
        raise RuntimeError("asked whether it is equal")

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("asked for an array")

    __hash__ = None


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (returns_nothing, "one_scale gives back None, which is nothing: is there a return missing?"),
        (prints, "one_scale prints its result instead of returning it: write return instead of print."),
        (fails, "one_scale stopped in line {} with AttributeError: 'numpy.ndarray' object has no attribute 'largest'."),
        (calls_one_that_fails, "one_scale stopped in line {} with AttributeError"),
        (too_many_axes, " with IndexError: too many indices for array"),
        (ends_python, "with SystemExit: it gives no reason."),
        (other_names, "one_scale must take the parameters (layer), but it takes (picture)."),
        (lambda layer: layer[0], f"Expected an array of shape {SHAPE}, but this is an array of shape {SHAPE[1:]}."),
        (lambda layer: layer.max(), f"Expected an array of shape {SHAPE}, but this is one number."),
        (lambda layer: "scaled", "Expected a number, but this is text."),
        (lambda layer: {"layer": layer}, "What one_scale returns is of type dict. Expected a number or an array"),
        (lambda layer: [[1, 2], [3]], "What one_scale returns is of type list and cannot be read as an array"),
        (lambda layer: layer.max, "What one_scale returns should be a value, but it is a function or a class."),
        (lambda layer: layer * 1j, "What one_scale returns is of type ndarray. Expected a number or an array"),
        (lambda layer: layer * np.nan, "There are NaN in it"),
        (lambda layer: EqualsEverything(), "What one_scale returns is of type EqualsEverything. Expected a number"),
        (lambda layer: RaisesWhenAsked(), "cannot be read as an array of numbers: asked for an array."),
        (lambda layer: layer * 0, 'What comes is always 0, whatever went in. hint("01.one-scale") helps on.'),
        (lambda layer: one_scale(layer)[::-1], "The order is reversed along the rows."),
        (lambda layer: one_scale(layer) / 2, "A constant factor: every value is 0.5 times the right one."),
        (np.zeros((7, 9, 6)), "Expected the function one_scale itself, but this is an array of shape (7, 9, 6)."),
        (3.0, "Expected the function one_scale itself, but this is one value of type float."),
        ("one_scale", "Expected the function one_scale itself, but this is of type str."),
        (changes_its_input_and_is_wrong, "It changes what it is given: layer is another value afterwards."),
    ],
)
def test_what_is_said_of_a_function_that_does_not_work(function, says, capsys):
    note = check("01.one-scale", function)
    assert note.is_right is False
    assert says.format(fails.__code__.co_firstlineno + 2) in repr(note)
    assert latest("checked", "01.one-scale") is not None
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("function", [fails, calls_one_that_fails])
def test_line_that_failed_is_shown(function):
    assert repr(check("01.one-scale", function)).endswith("\n    return layer - smallest / layer.largest()")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("13", "Expected a number, but this is text."),
        ([13, 14], "Expected one number, but this is an array of shape (2,)."),
        ({13}, "strongest is of type set."),
        (by_hand, "strongest should be a value, but it is a function"),
        (np.argmax, "strongest should be a value, but it is a function"),
        (float("nan"), "There are NaN in it"),
        (EqualsEverything(), "strongest is of type EqualsEverything."),
        (RaisesWhenAsked(), "asked for an array"),
        (-5, "There is no channel -5: they go from 0 to 47."),
        (2.5, "A channel has a whole number, and this is 2.5."),
    ],
)
def test_what_is_said_of_a_value_of_the_wrong_kind(answer, says):
    note = check("01.strongest-channel", answer)
    assert note.is_right is False
    assert says in repr(note)


@pytest.mark.parametrize("answer", [not_begun, None, ...])
def test_no_answer_yet_is_no_try(answer):
    note = check("01.by-hand", answer)
    assert note.is_right is None
    assert repr(note) == "Not yet. There is no answer yet: write your code where it says YOUR CODE HERE."
    assert progress.events() == []


def test_function_that_changes_its_input_is_right_but_told():
    note = check("01.one-scale", changes_its_input)
    assert note.is_right
    assert "It changes what it is given: layer is another value afterwards." in repr(note)


def test_function_without_end_is_stopped(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(checking, "TIME_LIMIT", 0.3)
        note = check("01.one-scale", for_ever)
    assert note.says == ("one_scale was stopped after 0.3 seconds. Does a loop in it never end?",)
    assert check("01.one-scale", one_scale).is_right  # no alarm is left over


def test_interrupt_by_the_learner_is_theirs():
    def interrupted(layer):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check("01.one-scale", interrupted)


def test_cases_are_not_the_lessons_own():
    exercise = catalogue.find("01.one-scale")
    own = given("01.one-scale")["layer"]
    seen = []

    def remembers(layer):
        seen.append(layer)
        return one_scale(layer)

    assert check("01.one-scale", remembers).is_right
    assert len(seen) >= 3
    assert not any(np.array_equal(layer, own) for layer in seen)
    assert not check("01.one-scale", lambda layer: exercise.right({"layer": own})).is_right


# ---- the answer is looked up in the notebook


def test_answer_by_its_name(notebook):
    assert repr(check("01.by-hand")) == (
        "Not yet. There is no by_hand yet. Write your answer in the cell above, run that cell, then this one."
    )
    notebook["by_hand"] = without_relu
    assert check("01.by-hand").is_right is False
    notebook["by_hand"] = by_hand
    assert check("01.by-hand").is_right


def test_text_is_read_by_a_person():
    assert "A person reads it" in repr(check("01.evidence"))
    assert check("01.evidence", "I think so.").is_right is None


@pytest.mark.parametrize("function", [check, hint, solution])
def test_unknown_exercise(function):
    with pytest.raises(ValueError, match=re.escape("Did you mean '01.by-hand'")):
        function("01.by_hand")
    with pytest.raises(TypeError, match="An id is a string"):
        function(1)


@pytest.mark.parametrize("function", [check, hint, solution])
def test_in_the_sandbox_everything_waits(function, monkeypatch, folder):
    monkeypatch.setenv("COURSEKIT_SANDBOX", str(folder))
    assert repr(function("01.by-hand")) == "Later. This will be checked when it is graded."
    assert progress.events() == []


# ---- how it shows itself


def test_html_says_it_in_words_and_keeps_code_as_text():
    wrong = check("01.by-hand", lambda patch, kernel, bias: "<b>x</b>")._repr_html_()
    assert 'role="status"' in wrong
    assert "Not right yet." in wrong
    assert "✗" in wrong
    right = check("01.by-hand", by_hand)._repr_html_()
    assert "Right." in right
    assert "✓" in right
    html = check("01.one-scale", {"<script>": 1})._repr_html_()
    assert "<script>" not in html
    code = solution("01.by-hand")._repr_html_()
    assert ">def by_hand(patch, kernel, bias):\n" in code
