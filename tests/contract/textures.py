"""The cells of the table for textures and styles, and for averages in place of max poolings."""

import functools
from unittest import mock

import numpy as np

from coursekit import synthesize_texture, train_stylizer, transfer_style, with_average_pooling
from coursekit.networks.backend import keras, tf
from coursekit.networks.stylizing import style_network
from coursekit.techniques import stylizer
from tests.contract.comparing import cell, close, twice
from tests.contract.networks import SIZE, pictures


def by_hand(maps):
    maps = maps.astype(np.float64)
    return np.einsum("nyxi,nyxj->nij", maps, maps) / maps[0].size


def missed(have, want):
    return ((have - want) ** 2).sum() / (want**2).sum()


def missed_(have, want):
    return tf.reduce_sum((have - want) ** 2) / tf.reduce_sum(want**2)


def eagerly():
    """Compute without compiling, which would take seconds for each network."""
    return mock.patch("coursekit.techniques.optimization.traced", lambda function, *specs: function)


def some_pictures(net):
    return net.pictures if isinstance(net.pictures, np.ndarray) else pictures(SIZE, SIZE, 3)


@cell
def synthesize_texture_(net):
    texture, start = some_pictures(net)[:2].astype(np.float32) / 2 + 64
    how = {"start": start, "learning_rate": 1, "progress": False}
    with eagerly():
        found = twice(lambda: vars(synthesize_texture(net.model, texture, net.layer, 1, **how)))
    assert found["image"].dtype == found["trace"].dtype == np.float32
    three = np.stack([texture, start, found["image"]])
    maps = np.asarray(keras.ops.cast(net.plain(net.given(three), training=False)["maps"], "float32"))
    wanted, *others = by_hand(maps)
    expected = [missed(one, wanted) for one in others]
    close(net, [found["trace"][0], *map(np.float32, found["distances"].values())], expected)
    assert np.abs(found["image"] - start).max() == 1


@cell
def transfer_style_(net):
    content, style, start = some_pictures(net)[:3].astype(np.float32) / 2 + 64
    how = {"content_layer": net.layer, "style_layers": [net.layer], "style_weight": 3, "total_variation": 0}
    how |= {"start": start, "steps": 1, "learning_rate": 1, "progress": False}
    with eagerly():
        found = twice(lambda: vars(transfer_style(net.model, content, style, **how)))
    assert found["image"].dtype == found["trace"].dtype == np.float32
    four = np.stack([content, style, start, found["image"]])
    maps = np.asarray(keras.ops.cast(net.plain(net.given(four), training=False)["maps"], "float32"))
    grams = by_hand(maps)
    before, after = ([missed(maps[n], maps[0]), missed(grams[n], grams[1])] for n in (2, 3))
    close(net, found["trace"][0], before[0] + 3 * before[1])
    close(net, np.float32([found["content_loss"], found["style_loss"]]), after)
    assert np.abs(found["image"] - start).max() == 1


CROP, SEEN, RATE = 32, 24, 0.01  # pixels of the smallest crop, and of what the losses see of it; length of the step
network_of = functools.cache(style_network)  # it takes a second to build


@cell
def train_stylizer_(net):
    style, *photos = some_pictures(net)[:3].astype(np.float32)
    steps = []  # what each was given

    def watched(*making):
        step = compiled(*making)
        return lambda *given: steps.append(given) or step(*given)

    def trained():
        found = train_stylizer(
            style, photos, 1, model=net.model, content_layer=net.layer, style_layers=[net.layer], style_weight=3,
            crop=CROP, learning_rate=RATE, start=network_of(1), progress=False,
        )  # fmt: skip
        return vars(found) | {"network": found.network.get_weights()}

    compiled = stylizer.kept
    one_network = mock.patch.object(stylizer, "style_network", return_value=network_of(0))
    with one_network, mock.patch.object(stylizer, "kept", watched):
        found = twice(trained)
    assert found["content_loss"].dtype == found["style_loss"].dtype == np.float32
    _, _, _, crops, (top, left), *_ = steps[0]
    read = keras.Model(net.plain.input, net.plain.output["maps"])  # its call takes pictures of other sizes too
    maps_of = lambda seen: tf.cast(read.call(net.given(seen), training=False), tf.float32)  # noqa: E731
    network = network_of(1)
    cut = lambda whole: whole[:, top : top + SEEN, left : left + SEEN]  # noqa: E731
    with tf.GradientTape() as tape:
        have, want = maps_of(cut(network(crops))), maps_of(cut(crops))
        wanted = by_hand(np.asarray(maps_of(style[np.newaxis])))[0]
        grams = tf.einsum("nyxi,nyxj->nij", have, have) / tf.cast(tf.size(have[0]), tf.float32)
        of_content = [missed_(*pair) for pair in zip(have, want, strict=True)]
        of_style = [missed_(one, np.float32(wanted)) for one in grams]
        loss = tf.reduce_mean(of_content) + 3 * tf.reduce_mean(of_style)
    close(net, [found["content_loss"][0], found["style_loss"][0]], [np.mean(of_content), np.mean(of_style)])
    # Adam's first step is the learning rate against the gradient's sign.
    begun = network.get_weights()
    for gradient, was, now in zip(tape.gradient(loss, network.weights), begun, found["network"], strict=True):
        clear = np.abs(gradient) > 0.05 * np.abs(gradient).max()
        np.testing.assert_allclose((now - was)[clear], -RATE * np.sign(gradient)[clear], rtol=0.01)


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
