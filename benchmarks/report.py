"""How long a report takes, and what further pictures cost beside the bare passes that they need; its memory.

Run it on an otherwise idle machine: ``python benchmarks/report.py``. Measured is processor time, so that what else runs
counts little. The pictures lie in a folder, as a reader's do: the bare way reads and resizes the same files, and takes
them through the network in the same batches. What does not grow with the pictures is the findings, measured on 128 at
most, and the map, of 1,000 at most: with fewer than these the cost of further ones is overstated.
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from coursekit import photos, squeezenet, write_report
from coursekit.networks.graph import compiled
from coursekit.pictures.streams import Fit, as_stream, read_block


def write_pictures(folder: Path, count: int) -> None:
    """Write so many different pictures, made from the photos by shifting them around, each in its class's folder."""
    images, labels = photos()
    for i in range(count):
        place = folder / str(labels[i % 20])
        place.mkdir(parents=True, exist_ok=True)
        shifted = np.roll(images[i % 20], (i // 20, 3 * (i // 20)), axis=(0, 1))
        Image.fromarray(shifted).save(place / f"{i:05}.jpg", quality=92)


def seconds(way) -> tuple[float, float]:
    """Return the processor time and the time that went by."""
    begin = time.process_time(), time.perf_counter()
    way()
    return time.process_time() - begin[0], time.perf_counter() - begin[1]


def bare(model, folder: Path) -> None:
    forward, fit = compiled(model, ["prob"]), Fit((227, 227), 3, False, None)
    for block in as_stream(folder).blocks(32, 0):
        for _, pictures in read_block(block, fit)[0]:
            forward(pictures)


def main(few: int, many: int) -> None:
    model = squeezenet()
    with tempfile.TemporaryDirectory() as place:
        folders = {count: Path(place, str(count)) for count in (27, few, many)}
        for count, folder in folders.items():
            write_pictures(folder, count)
        to = Path(place, "report.html")
        spent, passed = seconds(lambda: write_report(model, folders[27], to, "by-folder"))
        size = to.stat().st_size / 1e6
        print(f"27 pictures: {spent:.1f} s of processor time, {passed:.1f} s, {size:.1f} MB   wanted: below 60 s")
        bare(model, folders[27])  # compiles
        report, alone, peaks = {}, {}, {}
        for count in (few, many):
            report[count] = seconds(lambda count=count: write_report(model, folders[count], to, "by-folder"))[0]
            peaks[count] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            alone[count] = seconds(lambda count=count: bare(model, folders[count]))[0]
            whole = f"report {report[count]:.1f} s, bare passes {alone[count]:.1f} s of processor time"
            print(f"{count} pictures: {whole}, {report[count] / alone[count]:.1f} times", flush=True)
    more = 1000 / (many - few)
    further, needed = ((took[many] - took[few]) * more for took in (report, alone))
    print(f"1,000 further pictures: {further:.1f} s, bare {needed:.1f} s, {further / needed:.2f}   wanted: below 1.3")
    print(f"memory: grown by {peaks[many] - peaks[few]:.0f} MB from {few} to {many} pictures   wanted: below 50")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--few", type=int, default=1000)
    parser.add_argument("--many", type=int, default=3000)
    arguments = parser.parse_args()
    main(arguments.few, arguments.many)
