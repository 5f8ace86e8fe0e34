"""The cell of the table for ``diagnose``: what it says of any network, compared with what plain Keras gives."""

import contextlib
import re
from unittest import mock

import numpy as np

from coursekit import diagnose
from coursekit.networks.backend import keras
from coursekit.techniques.diagnosis_table import MEASURES
from tests.contract.comparing import cell, floats

COMPILED = ("unet", "transfer", "any_size", "mixed_float16", "built_from_a_dict", "makes_nan", "softmax")
SENTENCE = re.compile(r"[A-Z0-9'].*[.]$", re.S)


def eagerly():
    """Compute without compiling, which would take half a second for each network."""
    stack = contextlib.ExitStack()
    for where in ("networks.graph", "techniques.diagnosis_pass", "techniques.objectives"):
        stack.enter_context(mock.patch(f"coursekit.{where}.traced", lambda function, *specs: function))
    return stack


@cell
def diagnose_(net):
    with contextlib.nullcontext() if net.kind in COMPILED else eagerly():
        found = diagnose(net.model, net.pictures)
    _sentences(found)
    _layers(net, found)
    _answers(net, found)
    if net.kind in COMPILED:
        _with_labels(net)


def _sentences(found):
    assert {one.name for one in found} == set(MEASURES)
    for one in found:
        assert SENTENCE.fullmatch(one.says), one.says
        assert one.value is None or (np.isfinite(one.value) and one.value >= 0)
        assert one.value is not None or not (one.unusual or one.where or one.normal)


def _with_labels(net):
    """With labels, and enough pictures for everything that is measured with them."""
    many = keras.tree.map_structure(lambda batch: np.concatenate([batch, batch[::-1]] * 6), net.pictures)
    labels = np.arange(12 * len(keras.tree.flatten(net.pictures)[0])) % 3
    found = diagnose(net.model, many, labels, test_pictures=many, test_labels=labels)
    _sentences(found)
    if found["saturated outputs"].value is not None:
        (outputs,) = keras.tree.flatten(floats(net, "output"))
        answers = np.concatenate([outputs, outputs[::-1]] * 6).argmax(axis=-1)
        assert f"{(answers == labels).mean():.3f} of all are right" in found["saturated outputs"].says
        assert found["pictures in training and test"].value == (1 if len(net.model.inputs) == 1 else None)
        assert found["test pictures apart from the others"].value is not None


def _layers(net, found):
    """The channels picked are those of which plain Keras gives the same: of every layer that is called once."""
    once = floats(net, "layers") if net.plain is not None and net.ordinary else {}
    constant, dead = (found[name].details.get("channels", {}) for name in ("nearly constant channels", "dead channels"))
    for layer, maps in once.items():
        rows = maps.reshape(-1, maps.shape[-1])
        largest, span = rows.max(axis=0), np.ptp(rows, axis=0)
        alive = (largest > 0) | (rows.min() < 0)  # what comes out of a ReLU is never below zero
        if layer in constant:
            still = alive & (span <= 0.01 * np.median(span[alive])) if alive.any() else alive
            assert constant[layer].tolist() == np.flatnonzero(still).tolist()
        if layer in dead:
            assert dead[layer].tolist() == np.flatnonzero(largest <= 0).tolist()


def _answers(net, found):
    """Certainty is measured where plain Keras gives rows that add up to 1, or one sigmoid, and only there."""
    given = [] if net.plain is None else keras.tree.flatten(floats(net, "output"))
    if given and given[0].shape[1:] == (1,) and np.allclose(given[0], 1 / (1 + np.exp(-floats(net, "scores")))):
        given = [np.concatenate([1 - given[0], given[0]], axis=1)]
    certain = found["saturated outputs"].value
    rows = len(given) == 1 and given[0].ndim == 2 and given[0].shape[1] > 1 and np.isfinite(given[0]).all()
    if given and rows and (given[0] >= 0).all() and np.allclose(given[0].sum(axis=1), 1, atol=0.005):
        assert certain == np.mean(given[0].max(axis=1) > 0.999)
    elif given:
        assert certain is None
    if rows:
        counted = found["answers that flip under a shift"]
        assert counted.value is None or re.match(rf"\d+ of {len(given[0])} answers change", counted.says)
