"""How fast ``maximize`` is, beside a bare compiled gradient step and beside tf-keras-vis, and whether it arrives.

Run it on an otherwise idle machine: ``python benchmarks/gradient_ascent.py``, five minutes on two cores. The ways are
timed in turn, a few steps at a time, so that a machine that changes its speed changes it for all of them; given are
medians. tf-keras-vis is needed for this only: ``pip install tf-keras-vis==0.8.7``.
"""

import importlib.util
import itertools
import statistics
import time
from collections.abc import Callable

import numpy as np

from coursekit import activations, channel, maximize, photos, squeezenet
from coursekit.networks.backend import keras, tf
from coursekit.techniques.objectives import linear_aim
from coursekit.techniques.optimization import Ascent, ascend

LAYER, CHANNELS, STEPS = "fire6-squeeze1x1", range(16), 128
TOGETHER = 4  # steps timed at once: of four, one is turned and scaled


def bare_step(network: keras.Model) -> Callable:
    """Return the least that gradient ascent has to compute: pictures -> the gradient of one channel each."""
    upto = keras.Model(network.inputs, network.get_layer(LAYER).output)

    @tf.function(input_signature=[tf.TensorSpec((None, *network.input_shape[1:])), tf.TensorSpec((None,), tf.int32)])
    def gradient(pictures, channels):
        with tf.GradientTape() as tape:
            tape.watch(pictures)
            values = tf.gather(upto(pictures, training=False), channels, axis=3, batch_dims=1)
            objective = tf.reduce_mean(values, (1, 2))
        return tape.gradient(objective, pictures)

    return gradient


def tf_keras_vis(network: keras.Model, channels: range) -> Callable:
    """Return ``(pictures, steps) -> pictures`` by tf-keras-vis with its own defaults, one channel for each picture."""
    from tf_keras_vis.activation_maximization import ActivationMaximization  # after TensorFlow, which it would start

    search = ActivationMaximization(keras.Model(network.inputs, network.get_layer(LAYER).output))

    def score(outputs):
        return [tf.reduce_mean(outputs[n, ..., index]) for n, index in enumerate(channels)]

    return lambda pictures, steps: search(score, seed_input=pictures, steps=steps)


def seconds(way: Callable) -> float:
    """Return how long a call takes."""
    start = time.perf_counter()
    way()
    return time.perf_counter() - start


def per_step(network: keras.Model, channels: range, rounds: int) -> dict[str, float]:
    """Return the median seconds of a step of each way, all from the same start."""
    objectives = [channel(network, LAYER, index) for index in channels]
    start = maximize(objectives, 1, learning_rate=0, progress=False).images
    stages = ascend(linear_aim(objectives), Ascent(), 10**6, start=list(start), seed=[0] * len(objectives))
    next(stages)
    bare, index, pictures = bare_step(network), tf.constant(list(channels)), tf.constant(start)
    ways = {
        "bare compiled gradient step": lambda: [bare(pictures, index).numpy() for _ in range(TOGETHER)],
        "maximize": lambda: list(itertools.islice(stages, TOGETHER)),
    }
    if importlib.util.find_spec("tf_keras_vis"):
        other = tf_keras_vis(network, channels)
        ways["tf-keras-vis"] = lambda: other(pictures, TOGETHER)
    taken = {name: [] for name in ways}
    for way in ways.values():
        way()
    for _ in range(rounds):
        for name, way in ways.items():
            taken[name].append(seconds(way) / TOGETHER)
    return {name: statistics.median(times) for name, times in taken.items()}


def report(title: str, taken: dict[str, float], wanted: float) -> None:
    """Print each way in milliseconds and as a ratio to the first."""
    print(f"\n{title}")
    base, ours, *others = taken.values()
    for name, each in taken.items():
        print(f"  {name:30} {1e3 * each:8.1f} ms a step   {each / base:6.2f}")
    print(f"  maximize / bare step: {ours / base:.2f}   wanted: at most {wanted}")
    if others:
        print(f"  tf-keras-vis / maximize: {others[0] / ours:.1f}   wanted: at least 5")
    else:
        print("  tf-keras-vis is not installed, so it was not measured.")


def main() -> None:
    """Print the ratios, and how many channels found more than the photos have."""
    network = squeezenet()
    report(f"{len(CHANNELS)} channels of {LAYER} together", per_step(network, CHANNELS, rounds=12), 1.1)
    report(f"One channel of {LAYER}", per_step(network, range(1), rounds=12), 1.2)

    objectives = [channel(network, LAYER, index) for index in CHANNELS]
    whole = seconds(lambda: maximize(objectives, STEPS, progress=False))
    print(f"\nmaximize, {len(CHANNELS)} channels, {STEPS} steps: {whole:.1f} s, {1e3 * whole / STEPS:.1f} ms a step")

    of_photos = activations(network, photos()[0], LAYER).mean((1, 2)).max(0)
    every = [channel(network, LAYER, index) for index in range(len(of_photos))]
    above = maximize(every, progress=False).scores > of_photos
    print(f"\nmaximize with its defaults excites {above.sum()} of {len(above)} channels more than any photo does")
    print(f"  channels that it does not: {np.flatnonzero(~above).tolist()}   wanted: at least 90 %")


if __name__ == "__main__":
    main()
