"""The maps of SqueezeNet against captum's, in PyTorch on the same weights: see ``benchmarks/captum_reference.py``."""

from pathlib import Path

import numpy as np
import pytest

from coursekit import (
    channel,
    deconvnet,
    grad_cam,
    guided_backprop,
    integrated_gradients,
    occlusion,
    photo,
    saliency,
    squeezenet,
)
from coursekit.networks.backend import keras

FILE = Path(__file__).parents[2] / "data" / "captum.npz"
METHODS = (saliency, guided_backprop, deconvnet, integrated_gradients)


@pytest.fixture(scope="module")
def reference():
    with np.load(FILE) as stored:
        return {key: stored[key] for key in stored.files}


@pytest.fixture(scope="module")
def network():
    """SqueezeNet in float64, as the reference is: in float32 the sign of some inputs of ReLUs is left to rounding."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float64")
    try:
        return squeezenet()
    finally:
        keras.config.set_dtype_policy(before)


def pictures(reference, count):
    return np.stack([photo(name, 227) for name in reference["photos"][:count]]).astype(np.float64)


def targets(reference, network):
    return [*reference["classes"].tolist(), channel(network, "fire6-squeeze1x1", 13)]


def compare(method, network, given, reference, limit):
    places = (slice(None), *reference["places"])
    more = {"steps": int(reference["steps"]), "progress": False} if method is integrated_gradients else {}
    for t, target in enumerate(targets(reference, network)):
        found = method(network, given, target, **more)
        expected = reference[method.__name__][: len(given), t]
        apart = np.linalg.norm(found[places] - expected, axis=1) / np.linalg.norm(expected, axis=1)
        assert apart.max() < limit
        sizes = np.linalg.norm(found.reshape(len(found), -1), axis=1)
        np.testing.assert_allclose(sizes, reference[f"{method.__name__}_norm"][: len(given), t], rtol=limit)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.__name__)
def test_pixels(method, network, reference):
    compare(method, network, pictures(reference, 1 if method is integrated_gradients else 2), reference, 1e-5)


def test_grad_cam(network, reference):
    for n, given in enumerate(pictures(reference, 5)):
        found = grad_cam(network, given, reference["classes"], "fire9-concat", relu=False, upsample=False)
        expected = reference["grad_cam"][n]
        assert np.abs(found - expected).max() < 1e-5 * np.abs(expected).max()


@pytest.mark.parametrize("method", METHODS[:2], ids=lambda method: method.__name__)
def test_in_float32(method, reference):
    """As the course computes: a few rectifiers fall to the other side."""
    compare(method, squeezenet(), pictures(reference, 2), reference, 1e-2)


def test_occlusion(reference):
    """Of a class and of a unit. No gradient is taken, so float32 is exact enough."""
    network = squeezenet()
    how = {"patch": int(reference["patch"]), "stride": int(reference["stride"]), "baseline": reference["colour"]}
    for n, t in ((0, 0), (1, -1)):
        (given,) = pictures(reference, 2)[n : n + 1]
        found = occlusion(network, given, targets(reference, network)[t], **how, progress=False)
        expected = reference["occlusion"][n, t]
        assert np.ptp(expected) > 1
        assert np.abs(found[tuple(reference["places"][:2])] - expected).max() < 1e-3 * np.abs(expected).max()
