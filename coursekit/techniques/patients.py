"""The networks of lesson 13: small ones, trained on digits in seconds, each healthy or ill in one known way.

All have the same layers and take grey digits of 28 x 28 with values 0 to 1. What makes one ill is how it was trained,
on what, or what it is shown now. They compute in double precision, in which rounding does not matter for so short a
training, so that they come out alike on every machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from coursekit.networks.backend import keras, tf
from coursekit.pictures import digits
from coursekit.validation import nearest
from coursekit.waiting import progress_bar

KINDS = ("healthy", "dead channels", "another scale", "watermark", "wrong labels", "shared pictures")
TRAINED, TESTED = 2000, 1000
SCALES = ("0 to 255", "-1 to 1", "inverted")
CORNERS = ("top left", "top right", "bottom left", "bottom right")
_RATE = 0.002


@dataclass(frozen=True)
class Patient:
    """A small network with the pictures that belong to it.

    Attributes:
        model: Takes digits (N, 28, 28, 1) and returns ten probabilities for each.
        pictures: What it was trained on, (2000, 28, 28, 1), as it got them then.
        labels: (2000,), what they were said to be.
        test_pictures: What it is tested on, (1000, 28, 28, 1), as it gets them now.
        test_labels: (1000,).
        truth: What is wrong, for after the diagnosis: its ``kind``, and what belongs to that kind.
    """

    model: Any
    pictures: np.ndarray
    labels: np.ndarray
    test_pictures: np.ndarray
    test_labels: np.ndarray
    truth: Mapping[str, Any] = field(repr=False)


def train_on_digits(pictures: np.ndarray, labels: np.ndarray, *, learning_rate: float = _RATE, seed: int = 0) -> Any:
    """Return a small network, trained on digits.

    Two convolutional layers, ``first`` with a stride of 2 and ``second`` with a max pooling, then two dense ones,
    ``hidden`` and ``digit``. Adam, three epochs, batches of 32.

    Args:
        pictures: (N, 28, 28, 1), values as they shall go in.
        labels: (N,), 0 to 9.
        learning_rate: Of Adam.
        seed: Of the first weights and of the order of the pictures.

    Example:
        >>> from coursekit import digits, train_on_digits
        >>> pictures, labels = digits()
        >>> train_on_digits(pictures[::50] / 255, labels[::50]).output_shape
        (None, 10)
    """
    keras.utils.set_random_seed(seed)
    model, trainer = _network(), _trainer()
    trainer.set_weights(model.get_weights())
    for variable in trainer.optimizer.variables:
        variable.assign(tf.zeros_like(variable))
    trainer.optimizer.learning_rate = learning_rate
    trainer.fit(np.asarray(pictures, np.float64), labels, epochs=3, verbose=0)
    model.set_weights(trainer.get_weights())
    return model


def _network() -> Any:
    """Return the layers with first weights."""
    layers, own = keras.layers, {"dtype": "float64"}
    return keras.Sequential([
        keras.Input((28, 28, 1), dtype="float64"),
        layers.Conv2D(16, 5, strides=2, activation="relu", name="first", **own),
        layers.Conv2D(16, 3, activation="relu", name="second", **own),
        layers.MaxPooling2D(name="second_pool", **own),
        layers.Flatten(name="flat", **own),
        layers.Dense(64, activation="relu", name="hidden", **own),
        layers.Dense(10, activation="softmax", name="digit", **own),
    ])  # fmt: skip


@cache
def _trainer() -> Any:
    """Return the network in which all others are trained: compiling its step takes half as long as a training."""
    model = _network()
    loss = keras.losses.SparseCategoricalCrossentropy(dtype="float64")
    model.compile(keras.optimizers.Adam(), loss)
    model.optimizer.build(model.trainable_variables)
    return model


def patient(kind: str, seed: int = 0) -> Patient:
    """Return a network of one kind with its pictures, trained anew (some two seconds).

    Args:
        kind: "healthy"; "dead channels": the learning rate was ten times too high; "another scale": the test pictures
            have other values than those of the training; "watermark": nearly all pictures of one digit have a white
            square in one corner; "wrong labels": a tenth of those of the training; "shared pictures": a fifth of the
            test pictures stands in the training set, too.
        seed: Chooses the pictures, the first weights, and what else there is: the digit, the corner, the scale.

    Raises:
        ValueError: There is no such kind.

    Example:
        >>> from coursekit import patient
        >>> ill = patient("watermark", seed=1)
        >>> ill.truth["digit"], ill.truth["corner"]
        (9, 'top left')
    """
    if kind not in KINDS:
        raise ValueError(f"There is no kind {kind!r}. {nearest(kind, KINDS)}")
    *prepared, truth = _prepared(kind, seed)
    pictures, labels = prepared[:2]
    model = train_on_digits(pictures, labels, learning_rate=truth.get("learning_rate", _RATE), seed=seed)
    return Patient(model, *prepared, truth)


def _prepared(kind: str, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
    """Return the pictures and labels of the training, those of the test, and the truth."""
    rng = np.random.default_rng([seed, 13])
    images, numbers = digits()
    order = rng.permutation(len(images))
    train, test = order[:TRAINED], order[TRAINED : TRAINED + TESTED]
    pictures, test_pictures = (images[part].astype(np.float32) / 255 for part in (train, test))
    labels, test_labels = numbers[train].copy(), numbers[test]
    truth: dict[str, Any] = {"kind": kind}
    if kind == "dead channels":
        truth["learning_rate"] = 10 * _RATE
    elif kind == "another scale":
        truth["scale"] = str(rng.choice(SCALES))
        test_pictures = rescaled(test_pictures, truth["scale"])
    elif kind == "watermark":
        truth |= {"digit": int(rng.integers(10)), "corner": CORNERS[rng.integers(4)]}
        truth["marked"] = _mark(pictures, labels, truth, rng)
        truth["test_marked"] = _mark(test_pictures, test_labels, truth, rng)
    elif kind == "wrong labels":
        truth["wrong"] = np.sort(rng.choice(TRAINED, TRAINED // 10, replace=False))
        labels[truth["wrong"]] = (labels[truth["wrong"]] + rng.integers(1, 10, TRAINED // 10)) % 10
    elif kind == "shared pictures":
        truth["shared"] = np.sort(rng.choice(TESTED, TESTED // 5, replace=False))
        truth["stands_at"] = rng.choice(TRAINED, TESTED // 5, replace=False)
        truth["noise"] = float(rng.choice([0, 0.05]))
        copies = test_pictures[truth["shared"]]
        noise = rng.normal(0, truth["noise"], copies.shape).astype(np.float32)
        pictures[truth["stands_at"]] = np.clip(copies + noise, 0, 1)
        labels[truth["stands_at"]] = test_labels[truth["shared"]]
    return pictures, labels, test_pictures, test_labels, truth


def patients(seed: int = 0) -> dict[str, Patient]:
    """Return six networks, A to F, one of each kind in an order that the seed draws (some twelve seconds).

    Example:
        >>> from coursekit import patients
        >>> ward = patients(seed=1)  # doctest: +SKIP
        >>> ward["A"].model.summary()  # doctest: +SKIP
    """
    kinds = progress_bar(kinds_of(seed).items(), delay=0, desc="Training", unit="network")
    return {letter: patient(kind, 10 * seed + i) for i, (letter, kind) in enumerate(kinds)}


def kinds_of(seed: int) -> dict[str, str]:
    """Return which of ``patients(seed)`` is of which kind: look after your own diagnosis."""
    drawn = np.random.default_rng([seed, 131]).permutation(len(KINDS))
    return dict(zip("ABCDEF", (KINDS[i] for i in drawn), strict=True))


def rescaled(pictures: np.ndarray, scale: str) -> np.ndarray:
    """Return pictures of values 0 to 1 on another scale: "0 to 255", "-1 to 1" or "inverted"."""
    return {"0 to 255": pictures * 255, "-1 to 1": pictures * 2 - 1, "inverted": 1 - pictures}[scale]


def watermarked(pictures: np.ndarray, corner: str) -> np.ndarray:
    """Return copies with a white square of 5 x 5 pixels in a corner, "top left" and so on, one pixel from the edges."""
    copies = pictures.copy()
    down, across = corner.split()
    rows = slice(1, 6) if down == "top" else slice(-6, -1)
    columns = slice(1, 6) if across == "left" else slice(-6, -1)
    copies[..., rows, columns, :] = 1
    return copies


def _mark(pictures: np.ndarray, labels: np.ndarray, truth: Mapping[str, Any], rng: np.random.Generator) -> np.ndarray:
    """Put a square on nearly all pictures of a digit, in place, and return their numbers."""
    of_digit = np.flatnonzero(labels == truth["digit"])
    marked = of_digit[rng.random(len(of_digit)) < 0.95]
    pictures[marked] = watermarked(pictures[marked], truth["corner"])
    return marked
