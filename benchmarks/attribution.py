"""How fast the maps of lessons 06 and 07 are, beside bare compiled gradient passes of the same run.

Run it on an otherwise idle machine: ``python benchmarks/attribution.py``. The ways are timed in turn, so that a machine
that changes its speed changes it for all of them; given are medians.
"""

import statistics
import time
from collections.abc import Callable

import numpy as np

from coursekit import grad_cam, photos, saliency, segment, smoothgrad, squeezenet
from coursekit.networks.backend import keras, tf

SAMPLES, BATCH, CLASS, ROUNDS = 20, 16, 281, 7


def bare_gradient(network: keras.Model) -> Callable:
    """Return the least that a map of pixels computes: pictures -> the gradient of a class before the last ReLU."""
    upto = keras.Model(network.inputs, network.get_layer("conv10").output)

    @tf.function(input_signature=[tf.TensorSpec((None, *network.input_shape[1:]))])
    def gradient(pictures):
        with tf.GradientTape() as tape:
            tape.watch(pictures)
            score = tf.reduce_mean(upto(pictures, training=False)[..., CLASS], (1, 2))
        return tape.gradient(score, pictures)

    return gradient


def bare_forward_and_backward(network: keras.Model) -> Callable:
    """Return the least that Grad-CAM computes: the last feature maps, and the gradient with respect to them."""
    both = keras.Model(network.inputs, [network.get_layer(name).output for name in ("fire9-concat", "conv10")])

    @tf.function(input_signature=[tf.TensorSpec((None, *network.input_shape[1:]))])
    def passes(pictures):
        with tf.GradientTape() as tape:
            tape.watch(pictures)
            features, scores = both(pictures, training=False)
            score = tf.reduce_mean(scores[..., CLASS], (1, 2))
        return features, tape.gradient(score, features)

    return passes


def medians(ways: dict[str, Callable]) -> list[float]:
    """Return the median seconds of each way, after one call that compiles."""
    taken = {name: [] for name in ways}
    for way in ways.values():
        way()
    for _ in range(ROUNDS):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            taken[name].append(time.perf_counter() - start)
    for name, times in taken.items():
        print(f"  {name:40} {1e3 * statistics.median(times):8.1f} ms")
    return [statistics.median(times) for times in taken.values()]


def main() -> None:
    """Print the ratios."""
    network, pictures = squeezenet(), np.float32(photos()[0][:BATCH])
    one = pictures[:1]
    gradient, passes = bare_gradient(network), bare_forward_and_backward(network)
    copies = [np.repeat(one, count, axis=0) for count in (BATCH, SAMPLES - BATCH)]
    print(f"SmoothGrad of one picture, {SAMPLES} samples")
    bare, ours = medians(
        {
            f"{SAMPLES} bare compiled gradient passes": lambda: [gradient(batch).numpy() for batch in copies],
            "smoothgrad": lambda: smoothgrad(network, one[0], CLASS, SAMPLES, progress=False),
        }
    )
    print(f"  ratio {ours / bare:.2f}   wanted: at most 1.1")
    print(f"Grad-CAM of {len(pictures)} pictures at fire9-concat")
    bare, ours = medians(
        {
            "bare compiled forward and backward": lambda: [one.numpy() for one in passes(pictures)],
            "grad_cam": lambda: grad_cam(network, pictures, CLASS, "fire9-concat"),
        }
    )
    print(f"  ratio {ours / bare:.2f}   wanted: at most 1.3")
    print("GrabCut from a map of 227 x 227")
    map = saliency(network, one[0], CLASS)
    medians({"segment": lambda: segment(map, one[0])})


if __name__ == "__main__":
    main()
