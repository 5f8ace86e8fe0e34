"""What widgets leave in an output that is made for the web book."""

import io
import json
import zlib
from base64 import b64decode

import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter
from PIL import Image

from coursekit import EmbeddingExplorer, UnitCard, activation_mask, activations, digits, top_patches, unit_activations
from coursekit.networks.backend import keras
from coursekit.widgets import base
from coursekit.widgets.page_state import PAGE, VARIABLE


@pytest.fixture
def for_book(monkeypatch):
    monkeypatch.setenv(VARIABLE, "1")


@pytest.fixture(scope="module")
def pictures():
    return digits()[0][::500].astype(np.float32)  # ten


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Conv2D(3, 5, 2, name="conv")])


def left(widget):
    """Return what stands in the output, as a notebook's file has it, with its bytes; None if nothing does."""
    data, _ = DisplayFormatter().format(widget)

    def as_bytes(value):
        return b64decode(value["base64"]) if "base64" in value else value

    return json.loads(json.dumps(data[PAGE]), object_hook=as_bytes) if PAGE in data else None


def opened(file):
    return np.asarray(Image.open(io.BytesIO(file)).convert("RGB"))


def test_nothing_is_left_in_a_learners_notebook(pictures, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert left(EmbeddingExplorer(pictures[:, 0, :2, 0], pictures)) is None


def test_nothing_too_large_is_left(pictures, for_book, monkeypatch):
    explorer = EmbeddingExplorer(pictures[:, 0, :2, 0], pictures)
    size = len(json.dumps(DisplayFormatter().format(explorer)[0][PAGE]))
    monkeypatch.setattr(base, "MOST", size)
    assert left(explorer) is not None
    monkeypatch.setattr(base, "MOST", size - 1)
    assert left(explorer) is None


def test_map_of_pictures(pictures, for_book):
    points, features, labels = pictures[:, 10, 10:12, 0], pictures.reshape(10, -1)[:, ::3], list("aabbccaabb")
    explorer = EmbeddingExplorer({"PCA": points, 30: -points}, pictures, labels, features, k=3)
    state = left(explorer)
    assert state["_maps"] == explorer._maps
    assert state["_classes"] == explorer._classes | {"colours": list(explorer._classes["colours"])}
    np.testing.assert_array_equal(opened(state["_pictures"]["file"]), opened(explorer._pictures["file"]))  # lossless
    for chosen in range(10):
        explorer.chosen = chosen
        for space in ("pixels", "features"):
            saved, rows = state["neighbors"][space], slice(3 * chosen, 3 * chosen + 3)
            assert np.frombuffer(saved["indices"], "<u2")[rows].tolist() == explorer.neighbors[space].tolist()
            distances = np.frombuffer(saved["distances"], "<f4")[rows]
            np.testing.assert_allclose(distances, explorer._neighbors[space]["distances"], rtol=1e-5)


def test_card_of_a_unit(pictures, network, for_book):
    searched, others = pictures[:7], pictures[7:]
    card = UnitCard(network, "conv", 1, searched, others, k=2, quantile=0.9, drawing=searched[0], steps=8)
    state, found = left(card), top_patches(network, "conv", searched, 2)
    for name, kind in {"values": "<f4", "pictures": "<u2", "boxes": "<u2"}.items():
        np.testing.assert_array_equal(np.frombuffer(state["found"][name], kind), getattr(found, name).ravel())
    answers = np.frombuffer(state["answers"], "<f4").reshape(3, 3)
    np.testing.assert_allclose(answers, unit_activations(network, "conv", others), rtol=1e-5)
    bits = np.unpackbits(np.frombuffer(zlib.decompress(state["masks"]), np.uint8))[: 3 * 2 * 28 * 28]
    for channel, masks in enumerate(bits.reshape(3, 2, 28, 28).astype(bool)):
        maps = activations(network, searched[found.pictures[channel]], "conv")
        expected = activation_mask(maps, 28, 0.9, channel, field=card._field)
        assert (masks != expected).mean() < 1e-3  # a value at the threshold
        assert 0.02 < masks.mean() < 0.3
    sheet = state["pictures"]
    assert (sheet["count"], sheet["height"], sheet["width"]) == (10, 28, 28)
    last = opened(sheet["file"])[28 * 2 :, 28:56, 0]  # the tenth of four in a row
    assert np.abs(last.astype(float) - pictures[9, ..., 0]).mean() < 6  # WebP's losses
    assert (state["kernels"]["count"], state["step"], state["size"]) == (3, 8, [28, 28])
    np.testing.assert_array_equal(opened(state["drawing"])[..., 0], searched[0, ..., 0])
