"""How fast ``occlusion`` is, beside the bare compiled passes that it needs, and beside captum's.

Run it on an otherwise idle machine: ``python benchmarks/covering.py``. The ways are timed in turn, so that a machine
that changes its speed changes it for all of them; given are medians. captum is measured where it is installed, with
PyTorch, on the same weights, pictures in a batch and threads: see ``captum_reference.py``.
"""

import importlib.util
import os
from collections.abc import Callable

import numpy as np
from attribution import medians

from coursekit import occlusion, photos, squeezenet
from coursekit.networks.backend import keras, tf

PATCH, STRIDE, BATCH, CLASS, ROUNDS = 32, 8, 32, 99, 3


def bare_score(network: keras.Model) -> Callable:
    """Return the least that a covered picture costs: pictures -> the score of a class before the last ReLU."""
    upto = keras.Model(network.inputs, network.get_layer("conv10").output)

    @tf.function(input_signature=[tf.TensorSpec((None, *network.input_shape[1:]))])
    def score(pictures):
        return tf.reduce_mean(upto(pictures, training=False)[..., CLASS], (1, 2))

    return score


def captums(picture: np.ndarray) -> Callable:
    """Return captum's occlusion of the same network, picture and class."""
    import torch
    from captum.attr import Occlusion
    from captum_reference import CLASSES, same_weights

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    network = same_weights().float()
    x = torch.tensor(np.float32(picture)).permute(2, 0, 1)[None]
    attribute = Occlusion(network).attribute
    sides, steps = (3, PATCH, PATCH), (3, STRIDE, STRIDE)

    def run():
        with torch.no_grad():
            return attribute(x, sides, steps, 0.0, CLASSES.index(CLASS), perturbations_per_eval=BATCH)

    return run


def main() -> None:
    """Print the ratios."""
    network, picture = squeezenet(), photos()[0][15]
    side = picture.shape[0]
    count = (-(-(side - PATCH) // STRIDE) + 1) ** 2 + 1  # and the whole picture
    score = bare_score(network)
    batch = np.repeat(np.float32(picture)[np.newaxis], BATCH, axis=0)
    batches = [batch] * (count // BATCH) + [batch[: count % BATCH]] * bool(count % BATCH)
    ways = {
        f"{count} bare compiled passes": lambda: [score(one).numpy() for one in batches],
        "occlusion": lambda: occlusion(network, picture, CLASS, PATCH, STRIDE, 0, batch_size=BATCH, progress=False),
    }
    if importlib.util.find_spec("captum"):
        ways["captum's Occlusion"] = captums(picture)
    print(f"Occlusion of {side} x {side}, patch {PATCH}, stride {STRIDE}: {count - 1} places")
    bare, ours, *theirs = medians(ways, ROUNDS)
    print(f"  ratio to bare passes {ours / bare:.2f}   wanted: at most 1.15")
    for other in theirs:
        print(f"  ratio to captum {ours / other:.2f}   wanted: at most 1")


if __name__ == "__main__":
    main()
