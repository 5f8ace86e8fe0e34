"""The usual mistakes, as people write them: check names each."""

import pytest

from coursekit import activations, photo, squeezenet
from coursekit.exercises import catalogue, given
from coursekit.learner.checking import check
from tests.learner.answers import WRONG_FUNCTIONS, WRONG_VALUES
from tests.learner.events import latest

pytestmark = pytest.mark.usefixtures("folder")


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
    assert repr(note).startswith(f"✗ Not right yet. {said}\n    ")
    assert note.code.splitlines()[-1].strip()
    event = latest("checked", id)
    assert (event["right"], event["mistake"]) == (False, mistake)


def test_usual_mistakes_in_a_value():
    # Not every picture tells every mistake from every other one: count the cases that do.
    told, network = dict.fromkeys(WRONG_VALUES, 0), squeezenet()
    for token in (None, *(f"token{i}" for i in range(8))):
        case = given("01.strongest-channel", token)
        layer = activations(network, photo(case["picture"], size=227), case["layer"])
        wrong = {mistake: way(layer) for mistake, way in WRONG_VALUES.items()}
        all_answers = [*wrong.values(), int(layer.max(axis=(0, 1)).argmax())]
        for mistake, answer in wrong.items():
            if all_answers.count(answer) == 1:
                assert check("01.strongest-channel", answer, token).is_right is False
                assert latest("checked", "01.strongest-channel")["mistake"] == mistake
                told[mistake] += 1
    assert min(told.values()) >= 2, told
