"""What the tests of ``maximize`` share: a small network, quick settings, and a look at all that must not change."""

import os
import signal

import numpy as np

from coursekit import maximize
from coursekit.networks.backend import keras, tf
from coursekit.networks.graph import steps as steps_of

layers = keras.layers
QUICK = {"steps": 6, "shift": 2, "progress": False}
STILL = {"shift": 0, "scale": 0, "rotate": 0, "progress": False}


def toy(size=(12, 12, 3), dense=True):
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input(size),
            layers.Rescaling(1 / 127.5, offset=-1),
            layers.Conv2D(6, 3, activation="relu", name="conv"),
            layers.Conv2D(8, 3, strides=2, name="deep"),
            layers.ReLU(name="relu"),
            layers.Flatten() if dense else layers.GlobalAveragePooling2D(),
            layers.Dense(5, activation="softmax", name="prob"),
        ]
    )


def start_of(objectives, **how):
    """Return the scores at the start: a step of no length changes nothing."""
    return maximize(objectives, **{**how, "steps": 1, "learning_rate": 0}).scores


def interrupts_itself(after):
    """Return a network of pictures 12 x 12 whose layer "conv" is interrupted, as by Ctrl-C, at that computation."""
    runs = []

    def count(values):
        runs.append(1)
        if len(runs) == after:
            os.kill(os.getpid(), signal.SIGINT)
        return values

    x = keras.Input((12, 12, 3))
    seen = keras.layers.Lambda(
        lambda values: tf.ensure_shape(tf.py_function(count, [values], tf.float32), values.shape),
        output_shape=(12, 12, 3),
    )(x)
    return keras.Model(x, keras.layers.Conv2D(2, 3, name="conv")(seen))


def everything_about(model):
    return {
        "weights": [np.array(weight) for weight in model.get_weights()],
        "config": model.get_config(),
        "activations": [getattr(step.operation, "activation", None) for step in steps_of(model)],
        "nodes": [len(step.operation._inbound_nodes) for step in steps_of(model)],
        "trainable": [layer.trainable for layer in model.layers],
        "layers": [id(layer) for layer in model._flatten_layers()],
    }


def assert_unchanged(model, before):
    after = everything_about(model)
    for weight, other in zip(after.pop("weights"), before.pop("weights"), strict=True):
        np.testing.assert_array_equal(weight, other)
    assert after == before
