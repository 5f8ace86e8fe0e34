"""HDF5 files as different versions of Keras 2 wrote them: loaded, they compute what they did."""

import json

import h5py
import numpy as np
import pytest

from coursekit import load_network
from coursekit.networks.backend import keras
from coursekit.networks.keras2 import up_to_date

layers = keras.layers
PICTURES = np.random.default_rng(0).random((2, 8, 8, 3)).astype(np.float32)
NEW = ("module", "registered_name", "build_config", "compile_config", "optional", "quantization_config")


def network():
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(4, 3, name="conv"),
            layers.DepthwiseConv2D(3, name="deep"),
            layers.GlobalAveragePooling2D(name="mean"),
            layers.Dense(3, activation="softmax", name="prob"),
        ]
    )


def as_keras_2(part):
    """Return a description without what Keras 3 added."""
    if isinstance(part, list):
        return [as_keras_2(item) for item in part]
    if not isinstance(part, dict):
        return part
    if part.get("class_name") == "DTypePolicy":
        return part["config"]["name"]
    part = {key: as_keras_2(value) for key, value in part.items() if key not in (*NEW, "build_input_shape")}
    if "batch_shape" in part:
        part["batch_input_shape"] = part.pop("batch_shape")
    return part


def with_groups(description):
    description["config"]["layers"][2]["config"]["groups"] = 1


def with_policy(description):
    for layer in description["config"]["layers"]:
        layer["config"]["dtype"] = {"class_name": "Policy", "config": {"name": "mixed_float16"}}


def without_input(description):
    first, *rest = description["config"]["layers"]
    rest[0]["config"]["batch_input_shape"] = first["config"]["batch_input_shape"]
    description["config"]["layers"] = rest


def as_list(description):
    without_input(description)
    description["config"] = description["config"]["layers"]


CHANGES = {
    "2.11.0": lambda description: None,
    "2.11.0, DepthwiseConv2D with groups": with_groups,
    "2.9.0, mixed precision": with_policy,
    "2.3.1, Sequential without InputLayer": without_input,
    "2.1.6, Sequential as a list": as_list,
}


def saved(folder, name):
    """Save the network as that version did; return the file and what it computes."""
    model, file = network(), folder / "old.h5"
    model.save(file)
    with h5py.File(file, "r+") as opened:
        description = as_keras_2(json.loads(opened.attrs["model_config"]))
        CHANGES[name](description)
        opened.attrs["model_config"], opened.attrs["keras_version"] = json.dumps(description), name.partition(",")[0]
    return file, np.asarray(model(PICTURES))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CHANGES)
def test_computes_what_it_did(name, tmp_path):
    file, expected = saved(tmp_path, name)
    before = file.read_bytes()
    found = np.asarray(load_network(file)(PICTURES), np.float32)
    np.testing.assert_allclose(found, expected, atol=2e-3 if "mixed" in name else 1e-6)
    assert file.read_bytes() == before


def test_what_needs_no_change_comes_back_as_it_is():
    text = json.dumps({"class_name": "Functional", "config": {"layers": [{"class_name": "ReLU", "config": {}}]}})
    assert up_to_date(text) is text
    assert up_to_date("no JSON") == "no JSON"
    assert up_to_date("[1, 2]") == "[1, 2]"
    assert up_to_date('{"class_name": "Sequential", "config": 3}') == '{"class_name": "Sequential", "config": 3}'


def test_groups_that_say_something_stay():
    text = json.dumps({"class_name": "DepthwiseConv2D", "config": {"groups": 2}})
    assert up_to_date(text) == text
