"""check, hint and solution, on answers as learners write them."""

import re
import time

import numpy as np
import pytest

from coursekit import activations, photo, squeezenet
from coursekit.exercises import catalogue, given
from coursekit.learner import checking, progress
from coursekit.learner.checking import check, hint, solution
from coursekit.networks.backend import tf

pytestmark = pytest.mark.usefixtures("folder")


# ---- right answers


def by_hand(patch, kernel, bias):
    values = (patch[..., np.newaxis] * kernel).sum(axis=(0, 1, 2)) + bias
    return np.maximum(values, 0)


def by_hand_with_loops(patch, kernel, bias):
    answers = []
    for i in range(kernel.shape[3]):
        total = bias[i]
        for row in range(patch.shape[0]):
            for column in range(patch.shape[1]):
                for channel in range(patch.shape[2]):
                    total += patch[row, column, channel] * kernel[row, column, channel, i]
        answers.append(max(total, 0))
    return answers


def by_hand_with_tensorflow(patch, kernel, bias):
    return tf.nn.relu(tf.nn.conv2d(patch[np.newaxis], kernel, 1, "VALID")[0, 0, 0] + bias)


def one_scale(layer):
    return (layer - layer.min()) / (layer.max() - layer.min())


@pytest.mark.parametrize("function", [by_hand, by_hand_with_loops, by_hand_with_tensorflow])
def test_right_function(function):
    note = check("01.by-hand", function)
    assert note.is_right
    assert repr(note) == "✓ Right. One activation by hand, for all filters at once."
    assert progress.latest("checked", "01.by-hand")["right"] is True


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
    token = next(f"token{i}" for i in range(20) if given("01.strongest-channel", f"token{i}")["picture"] == "chelsea")
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


# ---- the usual mistakes, as people write them


def without_relu(patch, kernel, bias):
    return (patch[..., np.newaxis] * kernel).sum(axis=(0, 1, 2)) + bias


def without_bias(patch, kernel, bias):
    return np.maximum((patch[..., np.newaxis] * kernel).sum(axis=(0, 1, 2)), 0)


def products_only(patch, kernel, bias):
    return np.tensordot(patch, kernel, 3)


def as_mathematicians_do(patch, kernel, bias):
    rows, columns, _ = patch.shape
    total = np.array(bias)
    for row in range(rows):
        for column in range(columns):
            total = total + patch[row, column] @ kernel[rows - 1 - row, columns - 1 - column]
    return np.maximum(total, 0)


def relu_too_early(patch, kernel, bias):
    return tf.nn.relu(np.tensordot(patch, kernel, 3)) + bias


def all_filters_together(patch, kernel, bias):
    return max(0.0, float(sum((patch * kernel[..., i]).sum() + bias[i] for i in range(kernel.shape[3]))))


def a_scale_for_each(layer):
    stretched = [(c - c.min()) / (c.max() - c.min()) for c in np.moveaxis(layer, -1, 0)]
    return np.stack(stretched, axis=-1)


def a_scale_for_each_point(layer):
    scaled = np.zeros(layer.shape)
    for row in range(layer.shape[0]):
        for column in range(layer.shape[1]):
            point = layer[row, column]
            scaled[row, column] = (point - point.min()) / (point.max() - point.min())
    return scaled


def divided(layer):
    return layer / np.max(layer)


def cut_off(layer):
    positive = layer.copy()
    positive[positive < 0] = 0
    return positive / positive.max()


def for_a_screen(layer):
    return np.interp(layer, (layer.min(), layer.max()), (0, 255))


WRONG_FUNCTIONS = {
    "01.by-hand": {
        "forgot the ReLU": without_relu,
        "forgot the bias": without_bias,
        "forgot the bias and the ReLU": products_only,
        "turned the kernel": as_mathematicians_do,
        "ReLU before the bias": relu_too_early,
        "added up all filters": all_filters_together,
    },
    "01.one-scale": {
        "a scale for each channel": a_scale_for_each,
        "a scale for each point": a_scale_for_each_point,
        "divided by the largest": divided,
        "negative values cut off": cut_off,
        "0 to 255": for_a_screen,
    },
}
WRONG_VALUES = {
    "counted from 1": lambda layer: max(range(layer.shape[2]), key=lambda c: layer[:, :, c].max()) + 1,
    "channels first": lambda layer: max(range(len(layer)), key=lambda c: layer[c].max()),
    "position in the flat array": lambda layer: layer.ravel().tolist().index(layer.max()),
    "mean instead of largest": lambda layer: max(range(layer.shape[2]), key=lambda c: layer[:, :, c].mean()),
    "largest absolute value": lambda layer: int(np.unravel_index(abs(layer).argmax(), layer.shape)[2]),
}


def test_a_wrong_way_stands_here_for_every_usual_mistake():
    written = {**{id: list(ways) for id, ways in WRONG_FUNCTIONS.items()}, "01.strongest-channel": list(WRONG_VALUES)}
    for exercise in catalogue.lesson("01").exercises:
        assert [mistake.name for mistake in exercise.mistakes] == written.get(exercise.id, [])


@pytest.mark.parametrize(
    ("id", "mistake", "function"),
    [(id, mistake, function) for id, ways in WRONG_FUNCTIONS.items() for mistake, function in ways.items()],
)
def test_usual_mistake_in_a_function(id, mistake, function):
    note = check(id, function)
    said = next(one.says for one in catalogue.find(id).mistakes if one.name == mistake)
    assert note.is_right is False
    assert note.says == (said,)
    assert repr(note) == f"✗ Not right yet. {said}"
    event = progress.latest("checked", id)
    assert (event["right"], event["mistake"]) == (False, mistake)


def test_usual_mistakes_in_a_value():
    # Not every picture tells every mistake from every other one: count the cases that do.
    told = dict.fromkeys(WRONG_VALUES, 0)
    for token in (None, *(f"token{i}" for i in range(8))):
        case = given("01.strongest-channel", token)
        layer = activations(squeezenet(), photo(case["picture"], size=227), case["layer"])
        wrong = {mistake: way(layer) for mistake, way in WRONG_VALUES.items()}
        all_answers = [*wrong.values(), int(layer.max(axis=(0, 1)).argmax())]
        for mistake, answer in wrong.items():
            if all_answers.count(answer) == 1:
                assert check("01.strongest-channel", answer, token).is_right is False
                assert progress.latest("checked", "01.strongest-channel")["mistake"] == mistake
                told[mistake] += 1
    assert min(told.values()) >= 2, told


# ---- what is no answer


def not_begun(patch, kernel, bias):
    # YOUR CODE HERE
    raise NotImplementedError()


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
        (lambda layer: layer[0], "Expected an array of shape (7, 9, 6), but this is an array of shape (9, 6)."),
        (lambda layer: layer.max(), "Expected an array of shape (7, 9, 6), but this is one number."),
        (lambda layer: "scaled", "Expected a number, but this is text."),
        (lambda layer: {"layer": layer}, "What one_scale returns is of type dict. Expected a number or an array"),
        (lambda layer: [[1, 2], [3]], "What one_scale returns is of type list and cannot be read as an array"),
        (lambda layer: layer.max, "What one_scale returns should be a value, but it is a function or a class."),
        (lambda layer: layer * 1j, "What one_scale returns is of type ndarray. Expected a number or an array"),
        (lambda layer: layer * np.nan, "There are NaN in it"),
        (lambda layer: EqualsEverything(), "What one_scale returns is of type EqualsEverything. Expected a number"),
        (lambda layer: RaisesWhenAsked(), "cannot be read as an array of numbers: asked for an array."),
        (lambda layer: layer * 0, 'none of the usual mistakes. hint("01.one-scale") helps on.'),
        (np.zeros((7, 9, 6)), "Expected the function one_scale itself, but this is an array of shape (7, 9, 6)."),
        (3.0, "Expected the function one_scale itself, but this is one value of type float."),
        ("one_scale", "Expected the function one_scale itself, but this is of type str."),
        (changes_its_input_and_is_wrong, "It changes what it is given: layer is another array afterwards."),
    ],
)
def test_what_is_said_of_a_function_that_does_not_work(function, says, capsys):
    note = check("01.one-scale", function)
    assert note.is_right is False
    assert says.format(fails.__code__.co_firstlineno + 2) in repr(note)
    assert progress.latest("checked", "01.one-scale") is not None
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
        (-5, "none of the usual mistakes"),
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
    assert "It changes what it is given: layer is another array afterwards." in repr(note)


def test_function_without_end_is_stopped(monkeypatch):
    monkeypatch.setattr(checking, "TIME_LIMIT", 0.3)
    started = time.perf_counter()
    note = check("01.one-scale", for_ever)
    assert time.perf_counter() - started < 5
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


# ---- tries, hints, solution


def test_solution_after_three_tries():
    refused = 'Not yet. It can be shown after 3 tries, and {}. hint("01.by-hand") helps on.'
    assert repr(solution("01.by-hand")) == refused.format("you have not tried yet")
    for tries in (1, 2):
        assert "solution(" not in repr(check("01.by-hand", without_relu))
        assert repr(solution("01.by-hand")) == refused.format(f"you have made {tries}")
    check("01.by-hand", not_begun)  # does not count
    assert "try 3" not in repr(solution("01.by-hand"))
    assert 'That was try 3. If you like, solution("01.by-hand") now shows' in repr(check("01.by-hand", without_bias))
    assert progress.latest("solution", "01.by-hand") is None
    shown = solution("01.by-hand")
    assert "It is noted that it was shown." in repr(shown)
    assert progress.latest("solution", "01.by-hand") is not None
    written = {"np": np}
    exec(shown.code, written)
    assert check("01.by-hand", written["by_hand"]).is_right


def test_solution_once_it_is_solved():
    check("01.one-scale", one_scale)
    assert "def one_scale" in repr(solution("01.one-scale"))


def test_hints_one_by_one_then_all():
    said = [hint("01.by-hand") for _ in range(5)]
    assert [note.head for note in said] == ["Hint 1 of 3", "Hint 2 of 3", "Hint 3 of 3", "All 3 hints", "All 3 hints"]
    hints = catalogue.find("01.by-hand").hints
    assert [note.says[0] for note in said[:3]] == list(hints)
    assert all(text in repr(said[4]) for text in hints)
    assert [event["step"] for event in progress.events() if event["kind"] == "hinted"] == [1, 2, 3]


def test_example_text_after_its_hints():
    assert 'See the hints first: hint("01.evidence")' in repr(solution("01.evidence"))
    hint("01.evidence")
    hint("01.evidence")
    assert "cover equal areas" in repr(solution("01.evidence"))


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
