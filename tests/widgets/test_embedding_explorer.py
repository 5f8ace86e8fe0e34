"""What EmbeddingExplorer holds, takes and refuses. How it looks and answers in the page is tested in tests/browser."""

import io
import re

import nbformat
import numpy as np
import pytest
from nbconvert import HTMLExporter
from PIL import Image

from coursekit import EmbeddingExplorer, digits, nearest_neighbors, pca
from coursekit.show.embeddings import TEN_COLOURS

RANDOM = np.random.default_rng(0)


@pytest.fixture(scope="module")
def some():
    """100 digits: pictures, labels, features, what a bad network says, and two maps."""
    pictures, labels = digits()
    pictures, labels = pictures[::50], labels[::50]
    features = pictures.reshape(100, -1)[:, ::3] / np.float32(255)
    predicted = labels.copy()
    predicted[[5, 50, 77]] = 3
    maps = {5: pca(features, 2), 30: RANDOM.normal(size=(100, 2))}
    return {"maps": maps, "pictures": pictures, "labels": labels, "features": features, "predicted": predicted}


@pytest.fixture
def explorer(some):
    return EmbeddingExplorer(**some)


def small_pictures(explorer):
    """Return the pictures as the page cuts them from the sheet, (N, h, w, 3)."""
    packed = explorer._pictures
    sheet = np.asarray(Image.open(io.BytesIO(packed["file"])))
    height, width = packed["height"], packed["width"]
    corners = [divmod(i, packed["columns"]) for i in range(packed["count"])]
    return np.stack([sheet[y * height : (y + 1) * height, x * width : (x + 1) * width] for y, x in corners])


# ---- what the page gets


def test_page_gets_the_maps(explorer, some):
    assert explorer._maps["keys"] == [5, 30]
    points = np.frombuffer(explorer._maps["points"], "<f4").reshape(2, 100, 2)
    for found, given in zip(points, some["maps"].values(), strict=True):
        np.testing.assert_array_equal(found, given.astype(np.float32))
    assert explorer.shown == 5


def test_one_map(some):
    explorer = EmbeddingExplorer(some["maps"][30], some["pictures"])
    assert explorer._maps["keys"] == [""]
    assert repr(explorer) == "EmbeddingExplorer: 100 pictures"


def test_page_gets_every_picture(explorer, some):
    np.testing.assert_array_equal(small_pictures(explorer), some["pictures"].repeat(3, axis=3))


@pytest.mark.parametrize(("count", "size", "expected"), [(4, (300, 150), (128, 64)), (1600, (110, 200), (56, 102))])
def test_large_pictures_are_made_smaller_until_the_sheet_fits(count, size, expected):
    levels = np.arange(count).astype(np.uint8)
    pictures = np.broadcast_to(levels[:, np.newaxis, np.newaxis, np.newaxis], (count, *size, 3))
    explorer = EmbeddingExplorer(RANDOM.normal(size=(count, 2)), pictures[:, :, :, :], k=3)
    small = small_pictures(explorer)
    assert small.shape == (count, *expected, 3)
    np.testing.assert_array_equal(small.mean((1, 2, 3)), levels)


def test_page_gets_the_classes(explorer, some):
    packed = explorer._classes
    assert packed["names"] == packed["glyphs"] == [str(digit) for digit in range(10)]
    assert packed["colours"] == TEN_COLOURS
    np.testing.assert_array_equal(np.frombuffer(packed["labels"], "<u2"), some["labels"])
    np.testing.assert_array_equal(np.frombuffer(packed["predicted"], "<u2"), some["predicted"])


def test_classes_in_words(some):
    words = np.array(["cat", "dog"])[some["labels"] % 2]
    said = np.where(np.arange(100) == 7, "emu", words)
    packed = EmbeddingExplorer(**{**some, "labels": words, "predicted": list(said)})._classes
    assert (packed["names"], packed["glyphs"]) == (["cat", "dog", "emu"], ["a", "b", "c"])
    assert np.frombuffer(packed["predicted"], "<u2")[7] == 2


def test_more_than_ten_classes_have_no_colours(some):
    explorer = EmbeddingExplorer(some["maps"], some["pictures"], np.arange(100))
    assert len(explorer._classes["names"]) == 100
    assert "colours" not in explorer._classes
    assert "<img" in explorer._repr_mimebundle_()[0]["text/html"]


def test_everything_for_the_page_is_in_the_synchronised_state(explorer):
    state = explorer.get_state()
    assert {"shown", "chosen", "color", "_maps", "_pictures", "_classes", "_neighbors", "_esm", "_css"} <= set(state)


# ---- neighbours


@pytest.mark.parametrize("choose", [lambda e: setattr(e, "chosen", 42), lambda e: e.set_state({"chosen": 42})])
def test_neighbours_of_the_chosen_picture(explorer, some, choose):
    assert explorer.neighbors == {}
    choose(explorer)
    pixels = some["pictures"].reshape(100, -1)
    assert explorer._neighbors["of"] == 42
    for space, vectors in (("pixels", pixels), ("features", some["features"])):
        indices, distances = nearest_neighbors(vectors, vectors[42], 8, exclude=42)
        np.testing.assert_array_equal(explorer.neighbors[space], indices)
        np.testing.assert_array_equal(explorer._neighbors[space]["distances"], distances)
        assert explorer._neighbors[space]["same"] == (some["labels"][indices] == some["labels"][42]).sum()
        assert 42 not in indices
    assert explorer.neighbors["pixels"].tolist() != explorer.neighbors["features"].tolist()
    explorer.chosen = None
    assert explorer.neighbors == {}


def test_chosen_from_the_beginning(some):
    explorer = EmbeddingExplorer(**some, chosen=np.int64(3), k=2)
    assert explorer.chosen == 3
    assert explorer.neighbors["features"].shape == (2,)
    assert repr(explorer).startswith("EmbeddingExplorer: 100 pictures, map 5, chosen picture 3 (class 0); nearest by")


def test_activations_are_flattened(some):
    maps = some["pictures"][:, ::2, ::2].astype(np.float32)
    explorer = EmbeddingExplorer(some["maps"], some["pictures"], features=maps, chosen=9)
    expected = nearest_neighbors(maps.reshape(100, -1), maps[9].ravel(), 8, exclude=9)[0]
    np.testing.assert_array_equal(explorer.neighbors["features"], expected)


def test_without_features_there_are_pixels(some):
    explorer = EmbeddingExplorer(some["maps"], some["pictures"], chosen=1)
    assert list(explorer.neighbors) == ["pixels"]
    assert "same" not in explorer._neighbors["pixels"]


def test_numpy_numbers_are_keys(some):
    explorer = EmbeddingExplorer({np.int64(5): some["maps"][5], "PCA": some["maps"][30]}, some["pictures"])
    assert explorer._maps["keys"] == [5, "PCA"]
    assert type(explorer.shown) is int
    explorer.shown = "PCA"
    assert repr(explorer) == "EmbeddingExplorer: 100 pictures, map PCA"


# ---- without a kernel


def test_still_picture_with_alt_text(explorer):
    explorer.chosen, explorer.shown, explorer.color = 42, 30, "error"
    bundle, _ = explorer._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    alts = re.findall(r'<img alt="([^"]+)" src="data:image/', bundle["text/html"])
    assert alts[0] == (
        "Map 30, each picture in the colour of its class, a ring around the 3 taken for something else. 100 points."
    )
    named = ", ".join(f"{i}: {i // 10}" for i in explorer.neighbors["features"])
    assert alts[2] == f"The chosen picture 42 (class 4) and its nearest by features: {named}."
    assert len(alts) == 3


def test_exported_page_shows_the_still_picture(explorer):
    bundle, metadata = explorer._repr_mimebundle_()
    output = nbformat.v4.new_output("display_data", data=bundle, metadata=metadata)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("explorer", outputs=[output])])
    page, _ = HTMLExporter().from_notebook_node(notebook)
    assert re.search(r'<img alt="Map 5, each picture in the colour of its class. 100 points." src="data:image/', page)


# ---- what is refused


@pytest.mark.parametrize(
    ("arguments", "error", "says"),
    [
        ({"maps": {}}, ValueError, "no map to show"),
        ({"maps": np.zeros((100, 3))}, ValueError, "shape (N, 2)"),
        ({"maps": np.zeros((99, 2))}, ValueError, "100 pictures but 99 points"),
        ({"maps": {5: np.zeros((100, 2)), 30: np.zeros((99, 2))}}, ValueError, "same pictures"),
        ({"pictures": np.zeros((8, 8, 3))}, ValueError, "must be several"),
        ({"labels": range(99)}, ValueError, "100 pictures but 99 labels"),
        ({"predicted": range(101)}, ValueError, "100 pictures but 101 predicted"),
        ({"labels": np.linspace(0, 1, 100)}, TypeError, "whole numbers or words"),
        ({"features": np.zeros((99, 4))}, ValueError, "100 pictures but 99 features"),
        ({"k": 100}, ValueError, "k must be from 1 to 99, not 100"),
        ({"k": "8"}, TypeError, "k must be a whole number"),
        ({"chosen": 100}, ValueError, "There is no picture 100: there are 100"),
        ({"chosen": 1.5}, TypeError, "picture must be a whole number"),
        ({"shown": 31}, ValueError, "There is no map 31"),
        ({"color": "labels"}, ValueError, "'class' or 'error'"),
        ({"color": "error", "predicted": None}, ValueError, "needs labels=... and predicted=..."),
    ],
)
def test_refused(some, arguments, error, says):
    with pytest.raises(error, match=re.escape(says)):
        EmbeddingExplorer(**{**some, **arguments})


def test_refused_later_and_nothing_changed(explorer):
    explorer.chosen = 3
    before = explorer.get_state()
    for name, value in (("chosen", 100), ("chosen", True), ("shown", 6), ("color", "classes")):
        with pytest.raises((TypeError, ValueError)):
            setattr(explorer, name, value)
    assert explorer.get_state() == before
