"""What of DreamExplorer can be chosen, and what it refuses."""

import re

import numpy as np
import pytest

from coursekit.networks.backend import keras
from coursekit.widgets import DreamExplorer
from coursekit.widgets.drawing import DEFAULTS
from tests.widgets.sample import two_inputs

layers = keras.layers


@pytest.fixture
def explorer(small):
    return DreamExplorer(small, "conv", 2)


# ---- what is chosen


def test_begins_half_way(network):
    explorer = DreamExplorer(network)
    assert (explorer.layer, explorer.channel, explorer.label) == ("fire6-squeeze1x1", 0, None)
    assert (explorer.a, explorer.b["parametrization"], explorer.b["shift"]) == (DEFAULTS, "pixels", 0)


def test_lists_layers_with_their_channels(network):
    listed = dict(DreamExplorer(network)._layers)
    assert (listed["conv1"], listed["fire6-squeeze1x1"], listed["pool10"]) == (64, 48, 1000)
    assert "picture" not in listed


def test_class_names(network, small):
    classes = DreamExplorer(network)._classes
    assert (classes[951], len(set(classes))) == ("lemon", 1000)
    assert (classes[134], classes[517]) == ("crane (134)", "crane (517)")
    assert DreamExplorer(small)._classes[3] == "class 3"
    assert DreamExplorer(keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(2, 3)]))._classes == []


def test_class_by_name(network):
    explorer = DreamExplorer(network, label="lemon")
    assert explorer.label == 951
    explorer.label = "Granny Smith"
    assert explorer.label == 948
    assert explorer._choice()["code"] == "class_score(model, 'Granny Smith')"
    explorer.label = 134
    assert explorer._choice()["code"] == "class_score(model, 134)"
    explorer.label = None
    assert explorer._choice()["title"] == "fire6-squeeze1x1, channel 0"


def test_a_new_layer_keeps_the_channel_where_there_is_one(network):
    explorer = DreamExplorer(network, "fire6-squeeze1x1", 40)
    explorer.layer = "conv1"
    assert explorer.channel == 40
    explorer.layer = "fire2-squeeze1x1"  # 16 channels
    assert explorer.channel == 0


def test_a_choice_that_came_too_late_is_put_right_in_the_page(network):
    explorer = DreamExplorer(network, "fire2-squeeze1x1", 5)
    told = []
    explorer.send_state = lambda key=None: told.append(key)
    explorer.set_state({"channel": 60})  # the page still thought of conv1
    assert explorer.channel == 5
    assert told[-1] == "channel"


def test_nested_network(small):
    outer = keras.Sequential([keras.Input((28, 28, 1)), small])
    assert DreamExplorer(outer, "conv").layer == f"{small.name}/conv"


def test_settings_that_are_not_named_are_those_of_maximize(explorer):
    explorer.a = {"l2": 20}
    explorer.a = {"blur": 5}
    assert explorer.a == {**DEFAULTS, "blur": 5}


# ---- what is refused


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda n: DreamExplorer("squeezenet"), TypeError, "Expected a Keras model, not str"),
        (lambda n: DreamExplorer(two_inputs()), ValueError, "networks that take one picture"),
        (
            lambda n: DreamExplorer(keras.Sequential([keras.Input((4,)), layers.Dense(2)])),
            ValueError,
            "networks that take one picture (H, W, C); this one takes (4,)",
        ),
        (lambda n: DreamExplorer(n, "conv11"), ValueError, "Did you mean 'conv1'"),
        (lambda n: DreamExplorer(n, "picture"), ValueError, "no channels to draw"),
        (lambda n: DreamExplorer(n, 3), TypeError, "named by a string"),
        (lambda n: DreamExplorer(n, "conv1", 64), ValueError, "There is no channel 64: there are 64"),
        (lambda n: DreamExplorer(n, "conv1", 1.5), TypeError, "must be a whole number"),
        (lambda n: DreamExplorer(n, label="lemmon"), ValueError, "Did you mean 'lemon'"),
        (lambda n: DreamExplorer(n, label=1000), ValueError, "There is no class 1000"),
        (lambda n: DreamExplorer(n, steps=0), ValueError, "steps must be at least 1, not 0"),
        (lambda n: DreamExplorer(n, steps=2.5), TypeError, "steps must be a whole number"),
        (lambda n: DreamExplorer(n, a=20), TypeError, "a dict such as {'l2': 20}, not int"),
        (lambda n: DreamExplorer(n, a={"L2": 20}), ValueError, "There is no setting 'L2'. Did you mean 'l2'"),
        (lambda n: DreamExplorer(n, a={"l2": -1}), ValueError, "l2 must be a number, 0 or more, not -1"),
        (lambda n: DreamExplorer(n, a={"blur": np.nan}), ValueError, "blur must be a number"),
        (lambda n: DreamExplorer(n, b={"shift": 1.5}), TypeError, "shift must be a whole number"),
        (lambda n: DreamExplorer(n, b={"scale": 2}), ValueError, "0 or more and at most 1, not 2"),
        (lambda n: DreamExplorer(n, b={"rotate": True}), TypeError, "rotate must be a number"),
        (lambda n: DreamExplorer(n, b={"parametrization": "wave"}), ValueError, "There is no parametrization 'wave'"),
        (lambda n: DreamExplorer(n, b={"start": "white"}), ValueError, "start must be one of 'noise', 'grey', 'black'"),
    ],
)
def test_refused_at_construction(network, make, error, says):
    with pytest.raises(error, match=re.escape(says)):
        make(network)


@pytest.mark.parametrize(
    ("name", "value"), [("layer", "conv99"), ("channel", -1), ("label", "lemmon"), ("a", {"x": 1})]
)
def test_what_is_refused_changes_nothing(explorer, name, value):
    before = getattr(explorer, name)
    with pytest.raises(ValueError):  # noqa: PT011
        setattr(explorer, name, value)
    assert getattr(explorer, name) == before
