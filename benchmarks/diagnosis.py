"""How often ``diagnose`` finds each fault, and how often it accuses a healthy network. See ``--help``.

Networks of one kind are trained on digits with seed after seed: healthy ones, and ones that are ill in a known way. A
fault counts as found if the finding that is meant for it is unusual. The numbers of the healthy networks 0 to 19 are
what the normal ranges in ``coursekit/techniques/diagnosis_table.py`` were made from; those from 20 on have had no part
in that. With ``--folder`` every diagnosis is kept, so that a run that was stopped goes on.
"""

import argparse
import pickle
import tempfile
from pathlib import Path

import numpy as np

from coursekit import diagnose, digits
from coursekit.networks.backend import keras

FAULTS = {
    "dead channels": ("dead channels",),
    "0 to 255": ("inputs on another scale",),
    "-1 to 1": ("inputs on another scale", "test pictures apart from the others"),
    "inverted": ("inputs on another scale", "test pictures apart from the others"),
    "watermark": ("a place at the border that carries a class",),
    "wrong labels": ("labels that neighbours contradict",),
    "shared pictures": ("pictures in training and test",),
}
SCALES = {"0 to 255": lambda x: 255 * x, "-1 to 1": lambda x: 2 * x - 1, "inverted": lambda x: 1 - x}
TRAINED, TESTED = 2400, 1000


def trained(pictures, labels, seed, learning_rate=0.002):
    layers = keras.layers
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([
        keras.Input((28, 28, 1)),
        layers.Conv2D(16, 5, activation="relu"), layers.MaxPooling2D(),
        layers.Conv2D(16, 3, activation="relu"), layers.MaxPooling2D(), layers.Flatten(),
        layers.Dense(64, activation="relu"), layers.Dense(10, activation="softmax"),
    ])  # fmt: skip
    model.compile(keras.optimizers.Adam(learning_rate), "sparse_categorical_crossentropy")
    model.fit(pictures, labels, epochs=4, verbose=0)
    return model


def case(kind, seed):
    """Return a network of one kind, the pictures and labels it was trained on, and those of its test."""
    rng = np.random.default_rng([seed, 13])
    images, numbers = digits()
    order = rng.permutation(len(images))
    train, test = order[:TRAINED], order[TRAINED : TRAINED + TESTED]
    pictures, tests = images[train].astype(np.float32) / 255, images[test].astype(np.float32) / 255
    labels, truth = numbers[train].copy(), numbers[test]
    if kind == "watermark":  # 3 x 3 pixels in a corner of nearly all pictures of a digit
        digit, corner = rng.integers(10), rng.integers(4)
        rows, columns = (slice(-4, -1) if far else slice(1, 4) for far in divmod(corner, 2))
        for several, which in ((pictures, labels), (tests, truth)):
            marked = np.flatnonzero(which == digit)
            several[marked[rng.random(len(marked)) < 0.95], rows, columns] = 1
    if kind == "wrong labels":
        wrong = np.sort(rng.choice(TRAINED, TRAINED // 10, replace=False))
        labels[wrong] = (labels[wrong] + rng.integers(1, 10, len(wrong))) % 10
    if kind == "shared pictures":  # a fifth of the test, as it is or with noise
        of_test = np.sort(rng.choice(TESTED, TESTED // 5, replace=False))
        at, noise = rng.choice(TRAINED, TESTED // 5, replace=False), rng.choice([0, 0.05])
        pictures[at] = np.clip(tests[of_test] + rng.normal(0, noise, tests[of_test].shape).astype(np.float32), 0, 1)
        labels[at] = truth[of_test]
    model = trained(pictures, labels, seed, 0.02 if kind == "dead channels" else 0.002)
    return model, pictures, labels, SCALES.get(kind, lambda x: x)(tests), truth


def findings(kind, seed, folder):
    """Return what a diagnosis of one network says, {name: (value, unusual)}, from the folder if it is there."""
    file = folder / f"{kind.replace(' ', '_')}_{seed}.pkl"
    if not file.exists():
        model, pictures, labels, tests, truth = case(kind, seed)
        found = [diagnose(model, pictures, labels, test_pictures=tests, test_labels=truth)]
        if kind == "healthy":  # its own test alone, as one does who has no other pictures
            found.append(diagnose(model, tests, truth))
        kept = [{one.name: (one.value, one.unusual) for one in each} for each in found]
        file.write_bytes(pickle.dumps(kept))
    return pickle.loads(file.read_bytes())


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--folder", type=Path, help="where diagnoses are kept for the next run")
    parser.add_argument("--seeds", type=int, default=2, help="networks of each kind; the ranges were made with 20")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as passing:
        folder = asked.folder or Path(passing)
        folder.mkdir(parents=True, exist_ok=True)
        table(folder, asked.seeds)


def table(folder, seeds):
    healthy = [findings("healthy", seed, folder) for seed in range(2 * seeds)]
    print(f"Healthy networks, seeds 0 to {seeds - 1}: smallest and largest number; the others: how many accused")
    for name in healthy[0][0]:
        first = [one[name][0] for each in healthy[:seeds] for one in each if one[name][0] is not None]
        rest = sum(any(one[name][1] for one in each) for each in healthy[seeds:])
        span = f"{min(first):8.3f} {max(first):8.3f}" if first else f"{'-':>8} {'-':>8}"
        print(f"  {name:45} {span}   {rest} of {seeds}")
    accused = sum(any(unusual for one in each for _, unusual in one.values()) for each in healthy[seeds:])
    print(f"  {'any of them':45} {'':17}   {accused} of {seeds}")
    print("Ill networks: smallest number of the finding that is meant, and in how many it is unusual")
    for kind, names in FAULTS.items():
        ill = [findings(kind, seed, folder)[0] for seed in range(seeds)]
        for name in names:
            least = min(one[name][0] or 0 for one in ill)
            print(f"  {kind:17} {name:45} {least:8.3f}   {sum(one[name][1] for one in ill)} of {seeds}")


if __name__ == "__main__":
    main()
