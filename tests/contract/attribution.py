"""The cells of the table for the maps of lessons 06 to 08."""

import contextlib
from unittest import mock

import numpy as np

from coursekit import (
    cam,
    channel,
    class_score,
    deconvnet,
    deletion_insertion,
    grad_cam,
    guided_backprop,
    integrated_gradients,
    neuron,
    occlusion,
    randomize,
    resize,
    segment,
    smoothgrad,
)
from coursekit.networks.backend import keras, tf
from tests.contract.comparing import cell, close, equal, floats, one, twice

RECTIFIERS = (keras.layers.ReLU, keras.layers.LeakyReLU, keras.layers.PReLU)


def eagerly():
    """Compute without compiling, which would take a second for each network and function. ``saliency`` is compiled."""
    return mock.patch("coursekit.techniques.objectives.traced", lambda function, *specs: function)


def two_pictures(net):
    return keras.tree.map_structure(lambda batch: np.asarray(batch, np.float32)[:2], net.pictures)


def aims(net, classes=True):
    """Return a target for each of two pictures, and how it is read from what plain Keras gives."""
    mean = lambda f: tf.reduce_mean(f["maps"][0, ..., 1])  # noqa: E731
    if not classes or net.scores is None or "class_score" in net.refused:
        row, column = (0, 0) if net.maps is None else np.array(floats(net, "maps").shape[1:3]) // 2
        return [channel(net.model, net.layer, 1), neuron(net.model, net.layer, 0)], [
            mean,
            lambda f: f["maps"][1, row, column, 0],
        ]
    return [channel(net.model, net.layer, 1), class_score(net.model, 0)], [mean, lambda f: f["scores"][1, 0]]


def slopes(net, picks, given, to=None):
    """Return the gradient of each pick for its own picture, by plain Keras: to the (first) picture or to a layer."""
    inputs = [tf.constant(batch) for batch in keras.tree.flatten(given)]
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(inputs)
        found = net.plain(net.given(keras.tree.pack_sequence_as(given, inputs)), training=False)
        picked = [pick(found) for pick in picks]
    wanted = found[to] if to else inputs[0]
    each = [tape.gradient(number, wanted, unconnected_gradients="zero")[n] for n, number in enumerate(picked)]
    return np.stack([np.asarray(tf.cast(gradient, tf.float32)) for gradient in each])


def first(found):
    return found[0] if isinstance(found, list) else found


@cell
def smoothgrad_(net):
    objectives, picks = aims(net)
    two = two_pictures(net)
    with eagerly():
        found = twice(lambda: smoothgrad(net.model, two, objectives, samples=1, seed=3, progress=False))
    noisy = []
    for k, batch in enumerate(keras.tree.flatten(two)):
        noise = np.random.default_rng((3, k, 0)).standard_normal(batch.shape[1:], np.float32)
        noisy.append(batch + 0.1 * np.ptp(batch, axis=tuple(range(1, batch.ndim)), keepdims=True) * noise)
    close(net, first(found), slopes(net, picks, keras.tree.pack_sequence_as(two, noisy)))


@cell
def integrated_gradients_(net):
    objectives, picks = aims(net)
    two = two_pictures(net)
    with eagerly():
        found = integrated_gradients(net.model, two, objectives, steps=1, progress=False)
    halfway = slopes(net, picks, keras.tree.map_structure(lambda batch: batch / 2, two))
    close(net, first(found), keras.tree.flatten(two)[0] * halfway)


def by_another_rule(net, function, rule):
    """Compare with plain Keras whose rectifiers have another gradient: the class of each is changed for the time."""

    def changed(kind):
        plain = kind.call
        return mock.patch.object(kind, "call", lambda self, x: rule(lambda values: plain(self, values), x))

    objectives, picks = aims(net)
    two = two_pictures(net)
    with eagerly():
        found = function(net.model, two, objectives)
    with contextlib.ExitStack() as stack:
        for kind in RECTIFIERS:
            stack.enter_context(changed(kind))
        close(net, first(found), slopes(net, picks, two))


@cell
def guided_backprop_(net):
    @tf.custom_gradient
    def positive(x):
        return tf.identity(x), tf.nn.relu

    by_another_rule(net, guided_backprop, lambda relu, x: positive(relu(x)))


@cell
def deconvnet_(net):
    @tf.custom_gradient
    def past(x, cut):
        return tf.identity(cut), lambda upstream: (tf.nn.relu(upstream), None)

    by_another_rule(net, deconvnet, lambda relu, x: past(x, tf.stop_gradient(relu(x))))


@cell
def cam_(net):
    found = twice(lambda: cam(net.model, net.pictures, 0, bias=True, relu=False, upsample=False))
    maps, dense = floats(net, "maps"), net.model.get_layer("scores")
    features = np.where(maps > 0, maps, net.below_zero * maps)
    kernel, bias = (np.asarray(weight, np.float32) for weight in (dense.kernel, dense.bias))
    close(net, found, features @ kernel[:, 0] + bias[0])
    close(net, found.mean((1, 2)), floats(net, "scores")[:, 0])
    size = keras.tree.flatten(net.pictures)[0].shape[1:3]
    plain = np.maximum(features @ kernel[:, 0], 0)
    close(net, cam(net.model, one(net), 0), resize(plain[0][..., np.newaxis], size)[..., 0])


@cell
def grad_cam_(net):
    two = two_pictures(net)
    objectives, picks = aims(net, classes=not net.apart)
    how = {"relu": False, "upsample": False}
    with eagerly():
        found = grad_cam(net.model, two, objectives, net.layer, **how)
    maps = floats(net, "maps")[:2]
    weights = slopes(net, picks, two, "maps").mean(axis=(1, 2), keepdims=True)
    both = (weights * maps).sum(-1)
    close(net, found, both)


@cell
def randomize_(net):
    twin = randomize(net.model, 1)
    before, after = net.model.get_weights(), twin.get_weights()
    assert randomize(net.model, 1).get_weights()[-1].tobytes() == after[-1].tobytes()
    drawn = [not equal(a, b) for a, b in zip(before, after, strict=True)]
    assert 1 <= sum(drawn) <= 2
    kernel = after[drawn.index(True)]
    assert 0.2 < kernel.std() / np.sqrt(2 / np.prod(kernel.shape[:-1])) < 2
    twin.set_weights(before)
    expected = keras.tree.flatten(net.plain(net.given(), training=False)["output"])
    for found, wanted in zip(keras.tree.flatten(twin(net.given(), training=False)), expected, strict=True):
        close(net, keras.ops.cast(found, "float32"), keras.ops.cast(wanted, "float32"))


@cell
def segment_(net):
    picture = keras.tree.flatten(one(net))[0]
    map = resize(floats(net, "maps")[0], picture.shape[:2])
    found = twice(lambda: segment(map, picture, blur=0, iterations=1))
    strength = np.abs(map).max(-1)
    high, low = np.quantile(strength, [0.95, 0.3])
    assert found.dtype == bool
    assert found[(strength >= high) & (strength > low)].all()
    assert not found[strength <= low].any()


def with_first(given, pictures):
    """Return as many inputs as there are pictures: these, and the rest of one."""
    rest = [np.repeat(batch[np.newaxis], len(pictures), axis=0) for batch in keras.tree.flatten(given)[1:]]
    return keras.tree.pack_sequence_as(given, [pictures, *rest])


@cell
def occlusion_(net):
    """Against each picture covered by hand, in one batch by plain Keras."""
    two = two_pictures(net)
    objectives, picks = aims(net)
    height, width = keras.tree.flatten(two)[0].shape[1:3]
    tall, wide = -(-height // 2), min(3, width)
    how = {"patch": (tall, wide), "stride": (tall, min(2, wide)), "baseline": 100, "progress": False}
    with eagerly():
        found = twice(lambda: occlusion(net.model, two, objectives, **how))
    tops = sorted({0, height - tall})
    lefts = sorted({*range(0, width - wide + 1, 2), width - wide})
    areas = [None] + [np.s_[top : top + tall, left : left + wide] for top in tops for left in lefts]
    covered = []
    for picture in keras.tree.flatten(two)[0]:
        copies = np.repeat(picture[np.newaxis], len(areas), axis=0)
        for copy, area in zip(copies[1:], areas[1:], strict=True):
            copy[area] = 100
        covered.append(copies)
    rest = [np.repeat(batch, len(areas), axis=0) for batch in keras.tree.flatten(two)[1:]]
    given = keras.tree.pack_sequence_as(two, [np.concatenate(covered), *rest])
    computed = net.plain(net.given(given), training=False)
    computed = {key: tf.cast(computed[key], tf.float32) for key in ("maps", "scores") if key in computed}
    left, times = np.zeros((2, 2, height, width))  # of the score, which is more exact than the drop
    for n, pick in enumerate(picks):
        # A pick looks at the picture of its own number.
        own = range(n * len(areas), (n + 1) * len(areas))
        whole, *values = [np.float64(pick({key: x[i - n :] for key, x in computed.items()})) for i in own]
        for area, value in zip(areas[1:], values, strict=True):
            left[n][area] += value
            times[n][area] += 1
        found[n] = whole - found[n]
    close(net, found, left / times)


@cell
def deletion_insertion_(net):
    picture, mean = one(net), channel(net.model, net.layer, 1)
    pixels = np.asarray(keras.tree.flatten(picture)[0], np.float32)
    map = np.random.default_rng(2).normal(size=pixels.shape[:2])
    how = {"steps": min(2, map.size), "baseline": 100, "progress": False}
    with eagerly():
        found = deletion_insertion(net.model, picture, map, mean, **how)
    strong = np.zeros(map.size, bool)
    strong[np.argsort(-map.ravel())[: round(map.size / 2)]] = True
    strong = strong.reshape(map.shape)[..., np.newaxis]
    covered = np.full_like(pixels, 100)
    stages = [pixels, np.where(strong, covered, pixels), covered, np.where(strong, pixels, covered)]
    computed = net.plain(net.given(with_first(picture, np.stack(stages))), training=False)
    maps = np.asarray(keras.ops.cast(computed["maps"], "float32"))[..., 1].reshape(4, -1).mean(1)
    taken = [0, 1, 2] if map.size > 1 else [0, 2]
    close(net, found.deletion, maps[taken])
    close(net, found.insertion, maps[[2, 3, 0] if map.size > 1 else [2, 0]])
    areas = found.deletion_area, found.insertion_area
    by_hand = [np.trapezoid(curve, found.share) for curve in (found.deletion, found.insertion)]
    np.testing.assert_allclose(areas, by_hand, rtol=1e-5)
