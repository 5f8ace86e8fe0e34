"""How fast the maps of lessons 06 and 07 are, beside bare compiled gradient passes and other libraries in the same run.

Run it on an otherwise idle machine: ``python benchmarks/attribution.py``. The ways are timed in turn, so that a machine
that changes its speed changes it for all of them; given are medians. Only this needs the other libraries:
``pip install tf-keras-vis==0.8.7 torch==2.15.0 captum==0.9.0``. The network in PyTorch has the same weights.
"""

import importlib.util
import os
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


def smoothgrad_of_tf_keras_vis(network: keras.Model, picture: np.ndarray) -> Callable:
    """Return SmoothGrad by tf-keras-vis, with as many samples."""
    from tf_keras_vis.saliency import Saliency  # after TensorFlow, which it would start

    saliency = Saliency(keras.Model(network.inputs, network.get_layer("conv10").output))

    def score(outputs):
        return tf.reduce_mean(outputs[..., CLASS], (1, 2))

    return lambda: saliency(score, picture, smooth_samples=SAMPLES, smooth_noise=0.2)


def saliency_of_captum(picture: np.ndarray) -> Callable:
    """Return the gradient by captum, of the same class and on as many threads as TensorFlow has."""
    import torch
    from captum.attr import Saliency
    from captum_reference import CLASSES, same_weights

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    method, x = Saliency(same_weights().float()), torch.tensor(picture).movedim(-1, 1).requires_grad_()
    return lambda: method.attribute(x, CLASSES.index(CLASS), abs=False).numpy()


def medians(ways: dict[str, Callable], rounds: int = ROUNDS) -> list[float]:
    """Return the median seconds of each way, after one call that compiles."""
    taken = {name: [] for name in ways}
    for way in ways.values():
        way()
    for _ in range(rounds):
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
    ways = {
        f"{SAMPLES} bare compiled gradient passes": lambda: [gradient(batch).numpy() for batch in copies],
        "smoothgrad": lambda: smoothgrad(network, one[0], CLASS, SAMPLES, progress=False),
    }
    if importlib.util.find_spec("tf_keras_vis"):
        ways["tf-keras-vis"] = smoothgrad_of_tf_keras_vis(network, one)
    bare, ours, *others = medians(ways)
    print(f"  ratio {ours / bare:.2f}   wanted: at most 1.1")
    print(*(f"  tf-keras-vis / smoothgrad {other / ours:.1f}" for other in others))
    ways = {
        "bare compiled gradient pass": lambda: gradient(one).numpy(),
        "saliency": lambda: saliency(network, one[0], CLASS),
    }
    if importlib.util.find_spec("captum"):
        ways["captum"] = saliency_of_captum(one)
    print("The gradient of one picture")
    bare, ours, *others = medians(ways)
    print(f"  ratio {ours / bare:.2f}")
    print(*(f"  captum / saliency {other / ours:.2f}   wanted: more than 1" for other in others))
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
