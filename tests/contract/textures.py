"""The cells of the table for textures, and for averages in place of max poolings."""

from unittest import mock

import numpy as np

from coursekit import synthesize_texture, with_average_pooling
from coursekit.networks.backend import keras
from tests.contract.comparing import cell, close, twice
from tests.contract.networks import SIZE, pictures


def by_hand(maps):
    maps = maps.astype(np.float64)
    return np.einsum("nyxi,nyxj->nij", maps, maps) / maps[0].size


@cell
def synthesize_texture_(net):
    first = net.pictures if isinstance(net.pictures, np.ndarray) else pictures(SIZE, SIZE, 3)
    texture, start = first[:2].astype(np.float32) / 2 + 64
    how = {"start": start, "learning_rate": 1, "progress": False}
    with mock.patch("coursekit.techniques.optimization.traced", lambda function, *specs: function):
        found = twice(lambda: vars(synthesize_texture(net.model, texture, net.layer, 1, **how)))
    assert found["image"].dtype == found["trace"].dtype == np.float32
    three = np.stack([texture, start, found["image"]])
    maps = np.asarray(keras.ops.cast(net.plain(net.given(three), training=False)["maps"], "float32"))
    wanted, *others = by_hand(maps)
    missed = [((one - wanted) ** 2).sum() / (wanted**2).sum() for one in others]
    close(net, [found["trace"][0], *map(np.float32, found["distances"].values())], missed)
    assert np.abs(found["image"] - start).max() == 1


@cell
def with_average_pooling_(net):
    averaged = with_average_pooling(net.model)
    for own, other in zip(averaged.get_weights(), net.model.get_weights(), strict=True):
        np.testing.assert_array_equal(own, other)
    assert not {id(weight) for weight in averaged.weights} & {id(weight) for weight in net.model.weights}
    poolings = [layer for layer in net.model._flatten_layers() if isinstance(layer, keras.layers.MaxPooling2D)]
    try:  # the same network, whose max poolings take averages for the time
        for layer in poolings:
            layer.pool_mode = "average"
        expected = keras.tree.flatten(net.plain(net.given(), training=False)["output"])
    finally:
        for layer in poolings:
            layer.pool_mode = "max"
    for found, wanted in zip(keras.tree.flatten(averaged(net.given(), training=False)), expected, strict=True):
        close(net, keras.ops.cast(found, "float32"), keras.ops.cast(wanted, "float32"))
