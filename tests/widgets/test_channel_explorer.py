"""What ChannelExplorer holds, takes and refuses. How it looks and answers in the page is tested in tests/browser."""

import base64
import io
import re

import nbformat
import numpy as np
import pytest
import traitlets
from nbconvert import HTMLExporter
from PIL import Image
from skimage import data

from coursekit import activations, near_zero_channels, receptive_field, resize, strongest_channel
from coursekit.networks.backend import keras
from coursekit.widgets import ChannelExplorer
from tests.widgets.sample import two_inputs

layers = keras.layers


@pytest.fixture(scope="module")
def face():
    return resize(data.astronaut()[20:240, 120:340], 227)


@pytest.fixture
def explorer(network, face):
    return ChannelExplorer(network, face, "fire6-squeeze1x1")


@pytest.fixture
def small():
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [keras.Input((28, 28, 1)), layers.Conv2D(5, 3, name="conv"), layers.Flatten(), layers.Dense(10)]
    )


def values_for_the_page(explorer):
    packed = explorer._maps
    return np.frombuffer(packed["values"], "<f4").reshape(packed["shape"])


def numbers_for_the_page(explorer):
    return np.frombuffer(explorer._maps["numbers"], "<f4").reshape(2, 5, -1)


def boxes_for_the_page(explorer):
    return np.frombuffer(explorer._maps["field"]["boxes"], "<u2").reshape(*explorer._maps["shape"][1:], 4)


def drop(explorer, content, name="new.png", part_size=None):
    """Hand over a file as the page does, and return what the page is told."""
    told = []
    explorer.send = lambda message, buffers=None: told.append(message)
    size = part_size or max(len(content), 1)
    parts = [content[at : at + size] for at in range(0, max(len(content), 1), size)]
    for number, part in enumerate(parts):
        message = {"name": name, "part": number, "parts": len(parts)}
        explorer._handle_custom_msg(message, [memoryview(part)])
    return told


def png(picture):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    return file.getvalue()


# ---- where it begins


def test_begins_with_the_first_convolution_and_its_strongest_channel(network, face):
    explorer = ChannelExplorer(network, face)
    assert explorer.layer == "conv1"
    assert explorer.channel == strongest_channel(activations(network, face, "conv1"))
    assert (explorer.scale, explorer.relu, explorer.sort) == ("shared", False, False)


def test_finds_the_eyes(explorer):
    assert explorer.channel == 13
    row, column = np.unravel_index(explorer.activation[..., 13].argmax(), (14, 14))
    assert (row, column) == (4, 5)  # her right eye


def test_lists_the_layers_with_height_and_width_and_no_others(explorer, network):
    names = [name for name, *_ in explorer._layers]
    assert names[:3] == ["picture", "data", "conv1"]
    assert names[-1] == "relu_conv10"
    assert len(names) == len(network.layers) - 2  # pool10 and prob have no height and width
    assert ["pool5", 14, 14, 256] in explorer._layers


# ---- what the page gets


@pytest.mark.parametrize("layer", ["conv1", "fire6-squeeze1x1", "relu_conv10"])
def test_page_gets_the_activations_to_the_bit(explorer, network, face, layer):
    explorer.layer = layer
    expected = activations(network, face, layer)
    assert values_for_the_page(explorer).tobytes() == np.ascontiguousarray(expected.transpose(2, 0, 1)).tobytes()
    assert explorer._maps["layer"] == layer
    np.testing.assert_array_equal(explorer.activation, expected)


@pytest.mark.parametrize("layer", ["fire6-squeeze1x1", "fire9-expand3x3"])
def test_page_gets_the_numbers_of_each_channel(explorer, layer):
    explorer.layer = layer
    raw = explorer.activation.astype(np.float64)
    for numbers, values in zip(numbers_for_the_page(explorer), (raw, np.where(raw > 0, raw, 0)), strict=True):
        largest, smallest, mean, zeros, near_zero = numbers
        np.testing.assert_array_equal(largest, [values[..., c].max() for c in range(values.shape[2])])
        np.testing.assert_array_equal(smallest, [values[..., c].min() for c in range(values.shape[2])])
        np.testing.assert_allclose(mean, values.sum((0, 1)) / 196, rtol=1e-4, atol=1e-3)
        np.testing.assert_allclose(zeros, (values == 0).sum((0, 1)) / 196, rtol=1e-6)
        np.testing.assert_array_equal(np.flatnonzero(near_zero), near_zero_channels(values.astype(np.float32)))


@pytest.mark.parametrize(
    ("layer", "unit", "box"),
    [
        ("picture", (3, 9), (3, 9, 4, 10)),
        ("conv1", (3, 9), (6, 18, 9, 21)),
        ("fire6-squeeze1x1", (4, 5), (40, 56, 119, 135)),
        ("fire6-squeeze1x1", (0, 0), (0, 0, 55, 55)),  # clipped: 24 of its 79 pixels lie above the photo
        ("relu_conv10", (7, 7), (24, 24, 227, 227)),
    ],
)
def test_page_gets_what_each_unit_sees(explorer, network, layer, unit, box):
    explorer.layer = layer
    field = receptive_field(network, layer)
    np.testing.assert_array_equal(boxes_for_the_page(explorer), field.boxes())
    assert tuple(boxes_for_the_page(explorer)[unit]) == field.box(*unit) == box
    assert explorer._maps["field"]["kind"] == "exact"


def test_page_gets_the_photo(explorer, face):
    assert tuple(explorer._photo["shape"]) == (227, 227)
    rgba = np.frombuffer(explorer._photo["rgba"], np.uint8).reshape(227, 227, 4)
    np.testing.assert_array_equal(rgba[..., :3], face)
    assert (rgba[..., 3] == 255).all()


def test_everything_for_the_page_is_in_the_synchronised_state(explorer):
    state = explorer.get_state()
    assert state["_maps"]["values"] == explorer._maps["values"]
    assert {"layer", "channel", "scale", "relu", "sort", "_photo", "_layers", "_esm", "_css"} <= set(state)


# ---- what a cell sets


def test_a_new_layer_keeps_the_channel_where_there_is_one(explorer):
    explorer.channel = 40
    explorer.layer = "conv1"
    assert explorer.channel == 40
    explorer.layer = "fire2-squeeze1x1"  # 16 channels
    assert explorer.channel == strongest_channel(explorer.activation)


def test_numpy_integers_are_channels(explorer):
    explorer.channel = np.int64(7)
    assert explorer.channel == 7
    assert type(explorer.channel) is int


def test_a_new_image_is_computed(explorer, network, face):
    cat = resize(data.chelsea(), 227)
    explorer.channel = 3
    explorer.image = data.chelsea()  # brought to the network's size
    np.testing.assert_array_equal(explorer.image, cat)
    expected = activations(network, cat, "fire6-squeeze1x1")
    np.testing.assert_array_equal(values_for_the_page(explorer), expected.transpose(2, 0, 1))
    np.testing.assert_array_equal(np.frombuffer(explorer._photo["rgba"], np.uint8).reshape(227, 227, 4)[..., :3], cat)
    assert (explorer.layer, explorer.channel) == ("fire6-squeeze1x1", 3)


def test_a_layer_without_change_still_reaches_the_page(explorer):
    explorer.layer = "fire9-concat"
    explorer.layer = "drop9"  # the same values: dropout does nothing outside training
    assert explorer._maps["layer"] == "drop9"


# ---- what the page sets


def test_page_chooses_layer_and_channel(explorer):
    explorer.set_state({"channel": 46})
    assert explorer.channel == 46
    explorer.set_state({"layer": "conv1", "scale": "signed", "relu": True, "sort": True})
    assert (explorer.layer, explorer.channel, explorer._maps["layer"]) == ("conv1", 46, "conv1")
    assert (explorer.scale, explorer.relu, explorer.sort) == ("signed", True, True)


def test_a_choice_that_came_too_late_is_put_right_in_the_page(explorer):
    explorer.layer = "conv1"
    explorer.channel = 50
    explorer.layer = "fire6-squeeze1x1"
    told = []
    explorer.send_state = lambda key=None: told.append(key)
    explorer.set_state({"channel": 60})  # the page still thought of conv1
    assert explorer.channel == 13
    assert told[-1] == "channel"
    explorer.set_state({"channel": 47, "layer": "fire2-squeeze1x1"})
    assert explorer.channel == 13  # it exists there too: 16 channels
    assert explorer.layer == "fire2-squeeze1x1"


# ---- a photo from the page


@pytest.mark.parametrize("part_size", [None, 10_000])
def test_a_dropped_photo_is_computed(explorer, network, part_size):
    told = drop(explorer, png(data.chelsea()), "cat.png", part_size)
    assert told == [{"kind": "taken", "text": "cat.png is the picture now."}]
    np.testing.assert_array_equal(explorer.image, resize(data.chelsea(), 227))
    np.testing.assert_array_equal(
        explorer.activation, activations(network, resize(data.chelsea(), 227), "fire6-squeeze1x1")
    )


def test_back_to_the_first_photo(explorer, face):
    assert explorer._photo["first"]
    first = explorer.activation
    drop(explorer, png(data.chelsea()), "cat.png")
    drop(explorer, png(data.coffee()), "cup.png")
    assert not explorer._photo["first"]
    told = []
    explorer.send = lambda content, buffers=None: told.append(content)
    explorer._handle_custom_msg({"first": True}, [])
    assert told == [{"kind": "taken", "text": "The first photo is the picture again."}]
    np.testing.assert_array_equal(explorer.image, face)
    np.testing.assert_array_equal(explorer.activation, first)
    assert explorer._photo["first"]
    explorer.image = resize(data.chelsea(), 227)  # another first one, given in Python
    assert explorer._photo["first"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"Dear diary,\n", "notes.jpg holds text"),
        (b"", "notes.jpg is empty"),
        (png(data.chelsea())[:4000], "notes.jpg cannot be read"),
    ],
)
def test_a_bad_file_is_refused_and_changes_nothing(explorer, face, content, says):
    before = explorer.activation
    (told,) = drop(explorer, content, "notes.jpg")
    assert told["kind"] == "refused"
    assert says in told["text"]
    assert explorer.activation is before
    np.testing.assert_array_equal(explorer.image, face)


def test_a_photo_for_a_network_of_grey_pictures(small):
    digit = np.zeros((28, 28, 1), np.uint8)
    explorer = ChannelExplorer(small, digit)
    drop(explorer, png(np.full((50, 60, 3), (255, 0, 0), np.uint8)))
    np.testing.assert_allclose(explorer.image, np.full((28, 28, 1), 76.245), rtol=1e-5)  # 0.299 * 255


def test_a_photo_for_a_network_of_values_from_0_to_1(small):
    digit = np.random.default_rng(0).random((28, 28), np.float32)
    explorer = ChannelExplorer(small, digit)
    photo = np.frombuffer(explorer._photo["rgba"], np.uint8).reshape(28, 28, 4)
    np.testing.assert_array_equal(photo[..., 0], np.rint(digit * 255))
    drop(explorer, png(np.full((28, 28), 51, np.uint8)))
    np.testing.assert_allclose(explorer.image, np.full((28, 28, 1), 0.2), rtol=1e-5)


# ---- other networks


def test_network_of_any_size():
    network = keras.Sequential([keras.Input((None, None, 3)), layers.Conv2D(4, 3, name="conv"), layers.ReLU()])
    explorer = ChannelExplorer(network, np.zeros((20, 30, 3), np.uint8))
    assert explorer.activation.shape == (18, 28, 4)
    assert boxes_for_the_page(explorer)[17, 27].tolist() == [17, 27, 20, 30]
    explorer.image = np.ones((40, 12, 3), np.uint8)
    assert explorer.activation.shape == (38, 10, 4)
    assert boxes_for_the_page(explorer)[37, 9].tolist() == [37, 9, 40, 12]
    assert ["conv", 38, 10, 4] in explorer._layers


def test_whole_picture_and_bounds():
    picture = keras.Input((16, 12, 3))
    gate = layers.Conv2D(3, 1)(layers.GlobalAveragePooling2D(keepdims=True)(picture))
    network = keras.Model(picture, layers.Multiply(name="gated")([picture, gate]))
    explorer = ChannelExplorer(network, np.zeros((16, 12, 3), np.uint8), "gated")
    assert boxes_for_the_page(explorer).tolist() == [[[0, 0, 16, 12]] * 12] * 16
    bound = keras.Sequential([keras.Input((16, 12, 3)), layers.LayerNormalization(axis=(1, 2, 3), name="norm")])
    explorer = ChannelExplorer(bound, np.zeros((16, 12, 3), np.uint8), "norm")
    assert explorer._maps["field"]["kind"] == "upper bound"


def test_nested_network(small):
    outer = keras.Sequential([keras.Input((28, 28, 1)), small])
    explorer = ChannelExplorer(outer, np.zeros((28, 28), np.uint8), layer="conv")
    assert explorer.layer == f"{small.name}/conv"


def test_several_explorers_do_not_meet(network, face):
    one, two = ChannelExplorer(network, face), ChannelExplorer(network, face)
    one.channel, one.layer = 5, "pool1"
    assert (two.layer, two.channel) == ("conv1", 0)


# ---- without a kernel


def test_still_picture_with_alt_text(explorer):
    bundle, _ = explorer._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert bundle["text/plain"] == (
        "ChannelExplorer: layer fire6-squeeze1x1 (48 channels of 14 x 14), channel 13, largest value 1615"
    )
    alts = re.findall(r'<img alt="([^"]+)" src="data:image/', bundle["text/html"])
    assert len(alts) == 2
    assert "fire6-squeeze1x1, channel 13" in alts[0]
    assert "48 channels of 14 x 14" in alts[1]
    for encoded in re.findall(r'base64,([^"]+)"', bundle["text/html"]):
        assert np.ptp(np.asarray(Image.open(io.BytesIO(base64.b64decode(encoded))))) > 200


def test_exported_page_shows_the_still_picture(explorer):
    bundle, metadata = explorer._repr_mimebundle_()
    output = nbformat.v4.new_output("display_data", data=bundle, metadata=metadata)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("explorer", outputs=[output])])
    page, _ = HTMLExporter().from_notebook_node(notebook)
    assert re.search(r'<img alt="fire6-squeeze1x1: 48 channels of 14 x 14[^"]+" src="data:image/', page)


# ---- what is refused


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda n, f: ChannelExplorer("squeezenet", f), TypeError, "Expected a Keras model, not str"),
        (lambda n, f: ChannelExplorer(f, n), TypeError, "Expected a Keras model, not ndarray"),
        (lambda n, f: ChannelExplorer(two_inputs(), f), ValueError, "networks that take one picture"),
        (
            lambda n, f: ChannelExplorer(keras.Sequential([keras.Input((4,)), layers.Dense(2)]), f),
            ValueError,
            "networks that take one picture",
        ),
        (lambda n, f: ChannelExplorer(n, "astronaut"), TypeError, "must be an array, not str"),
        (lambda n, f: ChannelExplorer(n, f[:, 0, 0]), ValueError, "must have shape"),
        (lambda n, f: ChannelExplorer(n, np.stack([f, f])), ValueError, "must be one picture, not 2"),
        (lambda n, f: ChannelExplorer(n, f[:0]), ValueError, "is empty"),
        (lambda n, f: ChannelExplorer(n, np.where(f > 250, np.nan, f)), ValueError, "NaN or infinity"),
        (lambda n, f: ChannelExplorer(n, np.repeat(f, 2, axis=2)), ValueError, "takes 227 x 227 x 3"),
        (lambda n, f: ChannelExplorer(n, f, "conv11"), ValueError, "Did you mean 'conv1'"),
        (lambda n, f: ChannelExplorer(n, f, "prob"), ValueError, "no channels of height and width"),
        (lambda n, f: ChannelExplorer(n, f, 3), TypeError, "named by a string"),
        (lambda n, f: ChannelExplorer(n, f, "conv1", 64), ValueError, "There is no channel 64: there are 64"),
        (lambda n, f: ChannelExplorer(n, f, "conv1", -1), ValueError, "There is no channel -1"),
        (lambda n, f: ChannelExplorer(n, f, "conv1", 1.5), TypeError, "must be a whole number"),
        (lambda n, f: ChannelExplorer(n, f, scale="log"), ValueError, "'shared', 'own' or 'signed'"),
    ],
)
def test_refused_at_construction(network, face, make, error, says):
    with pytest.raises(error, match=re.escape(says)):
        make(network, face)


@pytest.mark.parametrize(
    ("name", "value", "error", "says"),
    [
        ("layer", "fire6_squeeze1x1", ValueError, "Did you mean 'fire6-squeeze1x1'"),
        ("layer", "pool10", ValueError, "no channels of height and width"),
        ("channel", 48, ValueError, "There is no channel 48"),
        ("channel", True, TypeError, "must be a whole number"),
        ("channel", "13", TypeError, "must be a whole number"),
        ("scale", "Shared", ValueError, "not 'Shared'"),
        ("relu", 2, traitlets.TraitError, "relu"),
        ("image", np.full((227, 227, 3), np.inf), ValueError, "NaN or infinity"),
    ],
)
def test_refused_later_and_nothing_changed(explorer, face, name, value, error, says):
    before = explorer.get_state()
    with pytest.raises(error, match=re.escape(says)):
        setattr(explorer, name, value)
    assert explorer.get_state() == before
    np.testing.assert_array_equal(explorer.image, face)


def test_network_that_answers_nan():
    network = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(2, 3, bias_initializer="zeros", name="conv")])
    kernel, bias = network.get_layer("conv").get_weights()
    network.get_layer("conv").set_weights([kernel, np.full_like(bias, np.nan)])
    with pytest.raises(ValueError, match="Layer 'conv' answers this picture with NaN"):
        ChannelExplorer(network, np.zeros((8, 8, 3), np.uint8))
