"""The cells of the table for the attacks of lesson 09."""

from unittest import mock

import numpy as np

from coursekit import fgsm, fool, pgd
from coursekit.networks.backend import keras, tf
from tests.contract.attribution import two_pictures
from tests.contract.comparing import cell, close

CLASSES = [0, 1]


def eagerly():
    """Compute without compiling, which would take a second for each network."""
    return mock.patch("coursekit.techniques.adversarial.traced", lambda function, *specs: function)


def plainly(net, pictures):
    """Return what plain Keras gives for pictures."""
    given = net.given(tf.constant(pictures))
    return net.plain(given, training=False)


def uphill(net, pictures):
    """Return the gradient of the log-probability of each picture's class, divided by how uncertain it is."""
    pictures, own = tf.constant(pictures), tf.one_hot(CLASSES, net.scores.shape[-1])
    with tf.GradientTape() as tape:
        tape.watch(pictures)
        scores = tf.cast(plainly(net, pictures)["scores"], tf.float32)
        others = tf.stop_gradient(tf.nn.softmax(scores - 1e9 * own))
        ahead = tf.reduce_sum(scores * (own - others))
    return np.asarray(tape.gradient(ahead, pictures))


def probabilities(net, pictures):
    """Return what the network says, as probabilities: its own, or the softmax of what it gives."""
    (said,) = keras.tree.flatten(plainly(net, pictures)["output"])
    said = np.asarray(keras.ops.cast(said, "float32"))
    if (said >= 0).all() and (said <= 1).all():
        return said
    return np.asarray(tf.nn.softmax(said))


def check(net, found, pictures, changed):
    """Compare a change where it is no matter of rounding, and the probabilities before and after."""
    assert found.images.dtype == found.change.dtype == found.path.dtype == np.float32
    np.testing.assert_allclose(found.change, found.images - pictures, atol=1e-4)
    close(net, found.path[:, 0], probabilities(net, pictures))
    close(net, found.path[:, -1], probabilities(net, found.images))
    assert found.fooled.tolist() == (found.path[:, -1].argmax(axis=1) == CLASSES).tolist()
    scale = np.abs(changed - pictures).max()
    np.testing.assert_allclose(found.images, changed, atol=10 * net.atol * max(scale, 1))


@cell
def fgsm_(net):
    two = two_pictures(net)
    with eagerly():
        found = fgsm(net.model, two, CLASSES, budget=3)
    slope = uphill(net, two)
    clear = np.abs(slope) > 0.05 * np.abs(slope).max(axis=(1, 2, 3), keepdims=True)
    assert clear.mean() > 0.1
    changed = np.where(clear, np.clip(two + 3 * np.sign(slope), 0, 255), found.images)
    check(net, found, two, changed)


def steps_by_length(net, two, step, steps, budget=np.inf):
    changed = two
    for _ in range(steps):
        slope = uphill(net, changed)
        change = changed - two + slope * step / lengths(slope)
        changed = np.clip(two + change * np.minimum(1, budget / lengths(change)), 0, 255)
    return changed


def lengths(values):
    return np.sqrt((np.float64(values) ** 2).sum(axis=(1, 2, 3), keepdims=True))


@cell
def pgd_(net):
    two = two_pictures(net)
    with eagerly():
        found = pgd(net.model, two, CLASSES, budget=50, norm="l2", step=40, steps=2, progress=False)
    assert (lengths(found.change) <= 50 * (1 + 1e-5)).all()
    check(net, found, two, steps_by_length(net, two, 40, 2, 50))


@cell
def fool_(net):
    two = two_pictures(net)
    with eagerly():
        found = fool(net.model, two, CLASSES, steps=1, step=4, until=1, progress=False)
    step = 4 * np.sqrt(two[0].size)
    check(net, found, two, steps_by_length(net, two, step, 1))
