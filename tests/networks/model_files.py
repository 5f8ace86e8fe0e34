"""Files of a small network, and how to tamper with them."""

import json
import warnings
import zipfile

import h5py
import numpy as np
import pytest

from coursekit import load_network
from coursekit.networks.backend import keras

layers = keras.layers
BOTH = pytest.mark.parametrize("suffix", [".keras", ".h5"])
PICTURES = np.random.default_rng(0).uniform(0, 255, (2, 8, 8, 3)).astype(np.float32)


def small():
    return keras.Sequential(
        [
            keras.Input((8, 8, 3), name="picture"),
            layers.Conv2D(4, 3, activation="relu", name="conv"),
            layers.GlobalAveragePooling2D(name="pool"),
            layers.Dense(3, activation="softmax", name="prob"),
        ],
        name="small",
    )


def save(model, path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras on .h5 and on lambdas
        model.save(path)
    return path


def rewrite(path, member, change, **kwargs):
    """Replace a member of a .keras file by change(old content)."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members[member] = change(members.get(member))
    with zipfile.ZipFile(path, "w", **kwargs) as archive:
        for name, content in members.items():
            if content is not None:
                archive.writestr(name, content)


def describe(path, change):
    """Replace the description of the network in a file by change(description)."""
    if path.suffix == ".keras":
        rewrite(path, "config.json", lambda old: json.dumps(change(json.loads(old))))
    else:
        with h5py.File(path, "r+") as file:
            file.attrs["model_config"] = json.dumps(change(json.loads(file.attrs["model_config"])))


def redo_weights(path, change):
    """Call change(h5py.File) on the weights in a file."""
    if path.suffix == ".keras":
        weights = path.with_name("weights.h5")
        with zipfile.ZipFile(path) as archive:
            weights.write_bytes(archive.read("model.weights.h5"))
        redo_weights(weights, change)
        rewrite(path, "model.weights.h5", lambda old: weights.read_bytes())
        weights.unlink()
    else:
        with h5py.File(path, "r+") as file:
            change(file)


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refusal(path, *words):
    """Load a file that must be refused; nothing may be written, and the message must be short and hold the words."""
    before = contents(path.parent)
    with pytest.raises(ValueError, match=path.name) as caught:
        load_network(path)
    message = str(caught.value)
    assert contents(path.parent) == before
    assert message.startswith(path.name)
    assert message.count(". ") <= 1, message
    assert len(message) < 400, message
    assert "\n" not in message
    for word in words:
        assert word in message, message
    return message
