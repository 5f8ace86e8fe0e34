"""How fast ``top_patches`` is, as a ratio to a bare compiled forward pass over the same pictures, and its memory.

Run it on an otherwise idle machine: ``python benchmarks/patches.py``. The ways are timed in turn, so that a machine
that changes its speed changes it for all of them. ``--memory`` searches 1,000 and then 20,000 pictures instead, which
takes minutes.
"""

import argparse
import resource
import statistics
import time
from collections.abc import Iterator

import numpy as np

from coursekit import photos, squeezenet, top_patches
from coursekit.networks.graph import compiled

LAYERS = ("relu_conv1", "fire2-concat", "fire4-concat", "fire6-squeeze1x1", "fire9-concat", "conv10")


def seconds(way) -> float:
    start = time.perf_counter()
    way()
    return time.perf_counter() - start


def throughput(count: int, rounds: int) -> None:
    """Print, for some layers, the throughput of a search as a ratio to that of the pass up to the layer."""
    model = squeezenet()
    pictures = shifted(photos()[0], count)
    whole = compiled(model, ["prob"])

    def bare(forward) -> None:
        for start in range(0, count, 32):
            forward(pictures[start : start + 32])

    print(f"{count} pictures, batches of 32; pictures a second: bare pass to the layer, top_patches, their ratio")
    for layer in LAYERS:
        to_layer = compiled(model, [layer])
        ways = {
            "layer": lambda to_layer=to_layer: bare(to_layer),
            "search": lambda layer=layer: top_patches(model, layer, pictures),
            "whole": lambda: bare(whole),
        }
        for way in ways.values():
            way()
        taken = {name: [] for name in ways}
        for _ in range(rounds):
            for name, way in ways.items():
                taken[name].append(seconds(way))
        ratio = {
            name: statistics.median(b / s for b, s in zip(taken[name], taken["search"], strict=True)) for name in ways
        }
        rate = {name: count / statistics.median(values) for name, values in taken.items()}
        print(
            f"  {layer:18} {rate['layer']:7.0f} {rate['search']:7.0f} {ratio['layer']:7.2f}"
            f"   to the bare pass through the whole network: {ratio['whole']:.2f}"
        )
    print("  wanted: at least 0.85")


def shifted(photos_: np.ndarray, count: int) -> np.ndarray:
    """Return so many different pictures, made from the photos by shifting them around."""
    return np.stack([np.roll(photos_[i % 20], 7 * (i // 20), axis=(0, 1)) for i in range(count)])


def stream(photos_: np.ndarray, count: int) -> Iterator[np.ndarray]:
    for i in range(count):
        yield np.roll(photos_[i % 20], (i // 20, 3 * (i // 20)), axis=(0, 1))


def memory() -> None:
    """Print how much the peak memory grows from a search over 1,000 pictures to one over 20,000."""
    model, photos_ = squeezenet(), photos()[0]
    peaks = []
    for count in (1_000, 20_000):
        start = time.perf_counter()
        top_patches(model, "fire6-squeeze1x1", stream(photos_, count))
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        print(f"{count} pictures: {time.perf_counter() - start:.0f} s, peak {peaks[-1]:.0f} MB")
    print(f"  grown by {peaks[1] - peaks[0]:.0f} MB   wanted: less than 50")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--memory", action="store_true")
    if arguments.parse_args().memory:
        memory()
    else:
        throughput(count=320, rounds=5)
