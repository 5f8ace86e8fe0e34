"""``fgsm`` and ``pgd`` against foolbox's attacks, on its model of the same network in TensorFlow."""

import warnings

import numpy as np
import pytest

from coursekit import fgsm, pgd, photos, squeezenet
from coursekit.networks.backend import keras, tf

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from foolbox import attacks
    from foolbox.criteria import TargetedMisclassification
    from foolbox.models import TensorFlowModel

CLASSES = [105, 967]  # koala, espresso


@pytest.fixture(scope="module")
def network():
    """SqueezeNet without the ReLU before its average: foolbox takes what stands before the softmax as it is."""
    whole = squeezenet()
    scores = keras.layers.GlobalAveragePooling2D()(whole.get_layer("conv10").output)
    return keras.Model(whole.input, keras.layers.Softmax(dtype="float32")(scores))


@pytest.fixture(scope="module")
def theirs(network):
    scores = keras.Model(network.input, network.layers[-1].input)
    return TensorFlowModel(lambda x: scores(x, training=False), bounds=(0, 255), device="/CPU:0")


@pytest.fixture(scope="module")
def pictures():
    return np.float32(photos()[0][[15, 8]])


def by_foolbox(attack, theirs, pictures, classes, budget, targeted=True):
    """Return what foolbox's attack makes of pictures."""
    classes = tf.constant(classes, tf.int64)
    criterion = TargetedMisclassification(classes) if targeted else classes
    return attack.run(theirs, tf.constant(pictures), criterion, epsilon=budget).numpy()  # as its call does, at once


def same_share(found, expected):
    """Return how many of the values are the same.

    A gradient of nearly zero has the sign that rounding gives it, and the next gradient is that of another picture.
    """
    return (np.abs(found - expected) < 1e-3).mean()


@pytest.mark.parametrize("budget", [1, 4])
def test_fgsm(network, theirs, pictures, budget):
    own = network(pictures, training=False).numpy().argmax(axis=1).tolist()
    expected = by_foolbox(attacks.LinfFastGradientAttack(), theirs, pictures, own, budget, targeted=False)
    found = fgsm(network, pictures, targeted=False, budget=budget)
    assert same_share(found.images, expected) > 0.999
    assert np.abs(expected - pictures).max() == np.abs(found.change).max() == budget


def test_pgd(network, theirs, pictures):
    attack = attacks.LinfPGD(abs_stepsize=1.0, steps=5, random_start=False)
    expected = by_foolbox(attack, theirs, pictures, CLASSES, 3)
    found = pgd(network, pictures, CLASSES, budget=3, step=1, steps=5, progress=False)
    assert same_share(found.images, expected) > 0.98
    assert np.abs(found.change).max() == np.abs(expected - pictures).max() == 3
    ours, others = (network(one, training=False).numpy()[np.arange(2), CLASSES] for one in (found.images, expected))
    np.testing.assert_allclose(ours, others, atol=1e-3)
    assert (ours > 0.9).all()


def test_pgd_by_length(network, theirs, pictures):
    attack = attacks.L2PGD(abs_stepsize=150.0, steps=5, random_start=False)
    expected = by_foolbox(attack, theirs, pictures, CLASSES, 400)
    found = pgd(network, pictures, CLASSES, budget=400, norm="l2", step=150, steps=5, progress=False)
    lengths = [np.linalg.norm((one - pictures).reshape(2, -1), axis=1) for one in (found.images, expected)]
    np.testing.assert_allclose(*lengths, rtol=1e-3)
    apart = np.linalg.norm((found.images - expected).reshape(2, -1), axis=1)
    assert (apart < 0.05 * lengths[1]).all()


def test_without_a_step_they_agree_on_the_picture(theirs, pictures):
    """Breaks if foolbox saw other values than the course's networks do."""
    scores = theirs(tf.constant(pictures)).numpy()
    assert scores.argmax(axis=1).tolist() == [99, 915]
