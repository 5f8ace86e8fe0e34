"""How fast a step of ``pgd`` is, beside a bare compiled gradient pass of the same run.

Run it on an otherwise idle machine: ``python benchmarks/adversarial.py``. The ways are timed in turn, so that a machine
that changes its speed changes it for all of them; given are medians.
"""

from collections.abc import Callable

import numpy as np
from attribution import medians

from coursekit import pgd, photos, squeezenet
from coursekit.networks.backend import keras, tf

STEPS, CLASS = 10, 105


def bare_gradient(network: keras.Model) -> Callable:
    """Return the least that a step computes: pictures -> the gradient of the log-probability of a class."""
    upto = keras.Model(network.inputs, network.get_layer("conv10").output)

    @tf.function(input_signature=[tf.TensorSpec((None, *network.input_shape[1:]))])
    def gradient(pictures):
        with tf.GradientTape() as tape:
            tape.watch(pictures)
            scores = tf.reduce_mean(upto(pictures, training=False), (1, 2))
            log_p = tf.nn.log_softmax(scores)[:, CLASS]
        return tape.gradient(log_p, pictures)

    return gradient


WAYS = {
    "largest change": {"norm": "linf", "step": 1},
    "largest change, whole levels": {"norm": "linf", "step": 1, "whole": True},
    "Euclidean length": {"norm": "l2", "budget": 400},
}


def compare(network: keras.Model, gradient: Callable, pictures: np.ndarray) -> None:
    """Print the ratio of each way. At its end pgd takes one more pass, forward only, for the last probabilities."""
    print(f"{STEPS} steps with {len(pictures)} picture{'s'[: len(pictures) > 1]}")
    for name, how in WAYS.items():
        bare, ours = medians(
            {
                f"{STEPS} bare compiled gradient passes": lambda: [gradient(pictures).numpy() for _ in range(STEPS)],
                f"pgd, {name}": lambda how=how: pgd(network, pictures, CLASS, steps=STEPS, progress=False, **how),
            }
        )
        print(f"  ratio {ours / bare:.2f}   wanted: at most 1.15")


def main() -> None:
    """Print the ratios for one picture and for several."""
    network, pictures = squeezenet(), np.float32(photos()[0])
    gradient = bare_gradient(network)
    for count in (1, 16):
        compare(network, gradient, pictures[:count])


if __name__ == "__main__":
    main()
