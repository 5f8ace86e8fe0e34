"""How often ``diagnose`` finds each fault, and how often it accuses a healthy network. See ``--help``.

The networks are those of lesson 13, one of each kind with seed after seed: ``patient`` trains them. A fault counts as
found if a finding that is meant for it is unusual. The normal ranges of ``coursekit.techniques.diagnosis_table`` come
from other healthy ones, ``--healthy --seeds 10 --first 100``, so that none of these has had a part in them. With
``--folder`` every diagnosis is kept, verdict included, so that a run that was stopped goes on; after a change of
``diagnose`` or of its ranges begin with an empty one.
"""

import argparse
import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from coursekit import diagnose, patient, train_on_digits
from coursekit.files import write_whole
from coursekit.techniques.patients import SCALES, _prepared as prepared, watermarked

MEANT = {
    "dead channels": ("dead channels",),
    "another scale": ("inputs on another scale", "test pictures apart from the others"),
    "watermark": ("a place at the border that carries a class",),
    "wrong labels": ("labels that neighbours contradict",),
    "shared pictures": ("pictures in training and test",),
}
LONGER, TIMES = "healthy, trained longer", 4
LONG = 2  # networks of it


@cache
def network() -> Any:
    """Return a network that takes on the weights of one after the other, so that it is traced once."""
    return train_on_digits(np.zeros((1, 28, 28, 1)), np.zeros(1, int))


def diagnoses(kind: str, seed: int, folder: Path) -> dict:
    """Return what diagnoses of one network say, from the folder if it is there.

    Returns:
        Under "found" {name: [value, unusual]} for each diagnosis: with the training and the test pictures, and for a
        healthy network with its test alone, as one does who has no others. Under "scale" what the test was brought to.
        Under "mark" how often the marked digit is answered rightly without its mark, and with it.
        Under "labels" how many wrong labels there were, how many were named, and how many of these are wrong.
    """
    file = folder / f"{kind.replace(' ', '_').replace(',', '')}_{seed}.json"
    if not file.exists():
        write_whole(file, json.dumps(_diagnosed(kind, seed)).encode())
    return json.loads(file.read_text())


def _diagnosed(kind: str, seed: int) -> dict:
    one = patient("healthy" if kind == LONGER else kind, seed)
    weights = one.model.get_weights()
    if kind == LONGER:
        pictures, labels = np.concatenate([one.pictures] * TIMES), np.concatenate([one.labels] * TIMES)
        weights = train_on_digits(pictures, labels, seed=seed).get_weights()
    model = network()
    model.set_weights(weights)
    several = [diagnose(model, one.pictures, one.labels, test_pictures=one.test_pictures, test_labels=one.test_labels)]
    if kind.startswith("healthy"):
        several.append(diagnose(model, one.test_pictures, one.test_labels))
    kept = {"found": [{each.name: [each.value, bool(each.unusual)] for each in found} for found in several]}
    if kind == "another scale":
        kept["scale"] = one.truth["scale"]
    if kind == "watermark":
        kept["mark"] = _right_without_and_with_mark(model, one, seed)
    if kind == "wrong labels":
        named = several[0]["labels that neighbours contradict"].details["pictures"]
        kept["labels"] = [len(one.truth["wrong"]), len(named), int(np.isin(named, one.truth["wrong"]).sum())]
    return kept


def _right_without_and_with_mark(model: Any, one: Any, seed: int) -> list[float]:
    """Return which share of the marked digit's test pictures is answered rightly without the mark, and with it."""
    of_digit = one.test_labels == one.truth["digit"]
    plain = prepared("healthy", seed)[2][of_digit]
    several = plain, watermarked(plain, one.truth["corner"])
    return [float((model(some).numpy().argmax(axis=1) == one.truth["digit"]).mean()) for some in several]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="where diagnoses are kept for the next run")
    parser.add_argument("--seeds", type=int, default=2, help="networks of each ill kind, and twice as many healthy")
    parser.add_argument("--first", type=int, default=0, help="seed of the first of each kind")
    parser.add_argument("--healthy", action="store_true", help="only the healthy ones")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as passing:
        folder = asked.folder or Path(passing)
        folder.mkdir(parents=True, exist_ok=True)
        of_healthy(folder, asked.seeds, asked.first)
        if not asked.healthy:
            of_ill(folder, asked.seeds, asked.first)


def of_healthy(folder: Path, seeds: int, first: int) -> None:
    healthy = [diagnoses("healthy", first + i, folder)["found"] for i in range(2 * seeds)]
    longer = [diagnoses(LONGER, first + i, folder)["found"] for i in range(min(LONG, seeds))]
    print(f"{len(healthy)} healthy networks: smallest, largest number and standard deviation, largest of {len(longer)}")
    print(f"trained {TIMES} times as long, and how many are accused")
    for name in healthy[0][0]:
        numbers, long = _numbers(name, healthy), _numbers(name, longer)
        accused = sum(any(one[name][1] for one in found if name in one) for found in healthy)
        span = f"{min(numbers):8.3f} {max(numbers):8.3f} {np.std(numbers):8.3f}" if numbers else f"{'-':>8} " * 3
        print(f"  {name:45} {span} {max(long) if long else np.nan:8.3f}   {accused} of {len(healthy)}")
    accused = sum(any(unusual for one in found for _, unusual in one.values()) for found in healthy)
    print(f"  {'any of them':45} {'':35}   {accused} of {len(healthy)}")


def _numbers(name: str, networks: list) -> list[float]:
    return [one[name][0] for found in networks for one in found if name in one and one[name][0] is not None]


def of_ill(folder: Path, seeds: int, first: int) -> None:
    print("Ill networks: smallest and largest number of the finding that is meant, and in how many it is unusual")
    for kind, names in MEANT.items():
        ill = [diagnoses(kind, first + i, folder) for i in range(seeds)]
        groups = {kind: ill}
        if kind == "another scale":
            groups |= {f"  {scale}": [one for one in ill if one["scale"] == scale] for scale in SCALES}
        for called, some in ((called, some) for called, some in groups.items() if some):
            for name in names:
                found = [one["found"][0][name] for one in some]
                values = [value or 0 for value, _ in found]
                count = sum(unusual for _, unusual in found)
                print(f"  {called:17} {name:45} {min(values):8.3f} {max(values):8.3f}   {count} of {len(some)}")
            if len(names) > 1:
                count = sum(any(one["found"][0][name][1] for name in names) for one in some)
                print(f"  {called:17} {'one of them':45} {'':17}   {count} of {len(some)}")
        if kind == "watermark":  # one that hardly needs its mark is hardly ill
            for seed, one in enumerate(ill, first):
                without, with_it = one["mark"]
                value, unusual = one["found"][0][names[0]]
                said = f"{value:.3f}{', unusual' if unusual else ''}"
                print(f"  {'':17} seed {seed}: right {without:.3f} without the mark, {with_it:.3f} with it   {said}")
        if kind == "wrong labels":
            wrong, named, right = np.sum([one["labels"] for one in ill], axis=0)
            print(f"  {'':17} {right} of {named} labels named are wrong; {right} of {wrong} wrong ones are named")


if __name__ == "__main__":
    main()
