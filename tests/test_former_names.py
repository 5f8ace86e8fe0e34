"""What was called otherwise goes on working, and says what it is called now."""

import numpy as np
import pytest

from coursekit import DreamExplorer, channel, direction, maximize, name_score, neuron, unit_activations, unit_answers
from coursekit.networks.backend import keras
from coursekit.validation import renamed

layers = keras.layers
HOW = {"steps": 2, "shift": 0, "progress": False}


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(4, 3, activation="relu", name="conv")])


def test_a_former_keyword_says_the_new_one():
    @renamed(old="new")
    def function(first, new=0):
        return first, new

    assert function(1, new=2) == (1, 2)
    with pytest.warns(DeprecationWarning, match=r"function\(old=\.\.\.\) is written new= now"):
        assert function(1, old=3) == (1, 3)


def test_maximize(model):
    with pytest.warns(DeprecationWarning, match="parametrization="):
        found = maximize(channel(model, "conv", 0), image="pixels", **HOW)
    same = maximize(channel(model, "conv", 0), parametrization="pixels", **HOW)
    np.testing.assert_array_equal(found.images, same.images)


def test_objectives(model):
    picture = np.random.default_rng(0).uniform(0, 255, (8, 8, 3))
    for make in (
        lambda **how: channel(model, "conv", 1, **how),
        lambda **how: neuron(model, "conv", 1, **how),
        lambda **how: direction(model, "conv", [1, 2, 3, 4], **how),
    ):
        with pytest.warns(DeprecationWarning, match="pre_activation="):
            former = make(before=True)
        assert former(picture) == make(pre_activation=True)(picture)


def test_unit_answers(model):
    pictures = np.random.default_rng(0).uniform(0, 255, (3, 8, 8, 3))
    with pytest.warns(DeprecationWarning, match="unit_activations"):
        found = unit_answers(model, "conv", pictures)
    np.testing.assert_array_equal(found, unit_activations(model, "conv", pictures))


def test_name_score():
    score = name_score([3, 2, 1, 0], [True, False, True, False])
    assert (score.pairs_right, score.by_chance) == (score.auc, score.p_value)


def test_settings_of_the_explorer(model):
    explorer = DreamExplorer(model, "conv", b={"image": "pixels"}, steps=1)
    assert explorer.b["parametrization"] == "pixels"
    explorer.close()
