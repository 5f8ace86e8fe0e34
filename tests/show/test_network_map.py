"""The map of a network: what is in each box, how boxes are joined, and that nothing lies on anything else."""

from itertools import combinations, pairwise

import numpy as np
import pytest

from coursekit import squeezenet
from coursekit.networks.backend import keras
from coursekit.networks.graph import steps
from coursekit.show.network_map import BOX, described, map_picture, network_map, shown_layer

layers = keras.layers


@pytest.fixture(scope="module")
def network():
    return squeezenet()


def residual():
    """Return a network with a connection that skips layers."""
    x = inputs = keras.Input((16, 16, 3), name="picture")
    x = layers.Conv2D(4, 3, padding="same", name="stem")(x)
    for block in range(6):
        y = layers.Conv2D(4, 3, padding="same", name=f"block{block}_conv1")(x)
        y = layers.BatchNormalization(name=f"block{block}_norm")(y)
        y = layers.ReLU(name=f"block{block}_relu")(y)
        y = layers.Conv2D(4, 3, padding="same", name=f"block{block}_conv2")(y)
        x = layers.Add(name=f"block{block}_add")([x, y])
    return keras.Model(inputs, layers.Dense(3, name="end")(layers.GlobalAveragePooling2D(name="pool")(x)))


def boxed(layout):
    return [box.layers for box in layout.boxes]


def test_every_layer_is_in_one_box(network):
    names = [name for names in boxed(network_map(network)) for name in names]
    assert sorted(names) == sorted(step.name for step in steps(network))


def test_what_works_number_by_number_is_in_the_box_before_it():
    assert boxed(network_map(residual()))[:4] == [
        ("picture",),
        ("stem",),
        ("block0_conv1", "block0_norm", "block0_relu"),
        ("block0_conv2",),
    ]


def test_a_layer_that_two_others_read_takes_no_activation_in():
    x = inputs = keras.Input((8, 8, 3), name="picture")
    x = layers.Conv2D(2, 3, name="conv")(x)
    y = layers.ReLU(name="relu")(x)
    layout = network_map(keras.Model(inputs, layers.Add(name="add")([x, y])))
    assert boxed(layout) == [("picture",), ("conv",), ("relu",), ("add",)]
    assert [box.sources for box in layout.boxes] == [(), (0,), (1,), (1, 2)]


def test_groups_and_labels(network):
    layout = network_map(network)
    assert {name for name, *_ in layout.groups} == {f"fire{i}" for i in range(2, 10)}
    labels = [box.label for box in layout.boxes]
    assert labels[3:8] == ["pool1", "squeeze1x1", "expand1x1", "expand3x3", "concat"]
    assert {name for name, *_ in network_map(residual()).groups} == {f"block{i}" for i in range(6)}


@pytest.mark.parametrize("which", ["squeezenet", "residual"])
def test_boxes_and_connections_keep_apart(network, which):
    layout = network_map(network if which == "squeezenet" else residual())
    width, height = layout.size
    for box in layout.boxes:
        assert BOX / 2 < box.x < width - BOX / 2
        assert BOX / 2 < box.y < height - BOX / 2
    for a, b in combinations(layout.boxes, 2):
        assert abs(a.x - b.x) > BOX or abs(a.y - b.y) > BOX
    for corners in layout.connections:
        for (x, y), (x2, y2) in pairwise(corners):
            assert x == x2 or y == y2
            for box in layout.boxes:  # a line may touch the box that it comes from, and run through none
                inside = [abs(at - middle) for at, middle in [((x + x2) / 2, box.x), ((y + y2) / 2, box.y)]]
                reach = [abs(x - x2) / 2 + BOX / 2 - 1, abs(y - y2) / 2 + BOX / 2 - 1]
                assert inside[0] >= reach[0] or inside[1] >= reach[1]


def test_connections_lead_from_box_to_box():
    layout = network_map(residual())
    pairs = {(source, number) for number, box in enumerate(layout.boxes) for source in box.sources}
    ends = set()
    for corners in layout.connections:
        near = [
            min(range(len(layout.boxes)), key=lambda n: abs(layout.boxes[n].x + side - x) + abs(layout.boxes[n].y - y))
            for (x, y), side in [(corners[0], BOX / 2), (corners[-1], -BOX / 2)]
        ]
        ends.add(tuple(near))
    assert ends == pairs


def test_a_long_network_is_about_twice_as_wide_as_high():
    x = inputs = keras.Input((8, 8, 3))
    for _ in range(300):
        x = layers.MaxPooling2D(1)(x)
    layout = network_map(keras.Model(inputs, x))
    assert 1.7 < layout.size[0] / layout.size[1] < 2.6
    places = [(box.y, box.x) for box in layout.boxes]
    assert places == sorted(places)


def test_described_as_plain_data(network):
    layout = network_map(network)
    told = described(layout, network, {"conv1": [113, 113, 64], "relu_conv1": [113, 113, 64]})
    assert told["boxes"][2]["layers"] == [["conv1", "Conv2D", [113, 113, 64]], ["relu_conv1", "ReLU", [113, 113, 64]]]
    assert told["boxes"][2]["shown"] == 1
    assert told["boxes"][-1]["shown"] is None
    assert told["boxes"][-1]["layers"][-1] == ["prob", "Softmax", [1000]]
    assert shown_layer(layout.boxes[2], {"conv1"}) == "conv1"


def test_picture():
    layout = network_map(residual())
    box = layout.boxes[1]
    picture = map_picture(layout, {1: np.full((4, 4), 200, np.uint8)}, 1)
    assert picture.shape == (round(layout.size[1]), round(layout.size[0]), 3)
    assert (picture[round(box.y) - 4, round(box.x)] == 200).all()
    assert (picture[0, 0] == 255).all()
