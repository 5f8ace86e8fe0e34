"""How fast ``activations`` is, as ratios to a bare compiled forward pass in the same run.

Run it on an otherwise idle machine: ``python benchmarks/activations.py``. The ways are timed in turn, so that a machine
that changes its speed changes it for all of them.
"""

import statistics
import subprocess
import sys
import time

import numpy as np

from coursekit import activations, photos, squeezenet
from coursekit.networks.backend import keras, tf


def medians(ways: dict, rounds: int) -> dict:
    """Return the median seconds of each way."""
    seconds = {name: [] for name in ways}
    for way in ways.values():
        for _ in range(3):
            way()
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(taken) for name, taken in seconds.items()}


def report(title: str, taken: dict, limit: str) -> None:
    """Print each way in milliseconds and as a ratio to the first."""
    print(f"\n{title}")
    base = next(iter(taken.values()))
    for name, seconds in taken.items():
        print(f"  {name:52} {1e3 * seconds:8.1f} ms   {seconds / base:6.2f}")
    print(f"  wanted: {limit}")


def import_seconds() -> float:
    """Return the median seconds that ``import coursekit`` adds to a start of Python."""

    def start(code: str) -> float:
        begin = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        return time.perf_counter() - begin

    return statistics.median(start("import coursekit") - start("pass") for _ in range(7))


def main() -> None:
    """Print the ratios."""
    model = squeezenet()
    every = keras.Model(model.inputs, [layer.output for layer in model.layers])
    bare = tf.function(lambda x: model(x, training=False), input_signature=[tf.TensorSpec((None, 227, 227, 3))])
    pictures = np.tile(photos()[0].astype(np.float32), (2, 1, 1, 1))[:32]
    one = pictures[:1]

    single = medians(
        {
            "bare compiled pass, one picture": lambda: bare(one),
            "activations, all 68 layers": lambda: activations(model, one),
            "activations, fire6-squeeze1x1": lambda: activations(model, one, "fire6-squeeze1x1"),
            "Model.predict, all 68 layers": lambda: every.predict(one, verbose=0),
        },
        rounds=40,
    )
    report("One picture", single, "all layers at most 1.3; predict at least 5 times activations")
    ratio = single["Model.predict, all 68 layers"] / single["activations, all 68 layers"]
    print(f"  predict / activations: {ratio:.1f}")

    report(
        "32 pictures",
        medians(
            {
                "bare compiled pass, 32 pictures": lambda: bare(pictures),
                "activations, prob": lambda: activations(model, pictures, "prob"),
                "activations, fire6-squeeze1x1": lambda: activations(model, pictures, "fire6-squeeze1x1"),
                "activations, all 68 layers": lambda: activations(model, pictures),
            },
            rounds=10,
        ),
        "at most 1.2",
    )
    print(f"\nimport coursekit: {1e3 * import_seconds():.0f} ms more than starting Python   wanted: at most 500")


if __name__ == "__main__":
    main()
