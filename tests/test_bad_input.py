"""Whatever is wrong, the message is one or two plain sentences that help, and nothing is left half written."""

import re
import shutil
import struct
import warnings
import zlib
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from coursekit import (
    ChannelExplorer,
    activations,
    analyze,
    class_scores,
    folder,
    load_network,
    near_zero_channels,
    photo,
    photos,
    read_picture,
    resize,
    show,
    strongest_channel,
    with_preprocessing,
)
from coursekit.networks.backend import keras

layers = keras.layers
PICTURE = np.random.default_rng(0).integers(0, 256, (8, 8, 3)).astype(np.uint8)
MAPS = np.random.default_rng(1).normal(size=(6, 6, 4)).astype(np.float32)
NAN = np.full((8, 8, 3), np.nan)


def png(width, height):
    """A PNG that says it is that large; behind the header come ten bytes of picture."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(bytes(10))) + chunk(b"IEND", b"")


class Own(keras.Model):
    def call(self, x):
        return x


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder with everything that can be wrong about a file."""
    here = tmp_path_factory.mktemp("files")
    network = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(4, 3)])
    hostile = keras.Sequential([keras.Input((8, 8, 3)), layers.Lambda(lambda x: x * 2)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for suffix in (".keras", ".h5"):
            network.save(here / f"dogs{suffix}")
            whole = (here / f"dogs{suffix}").read_bytes()
            (here / f"cut{suffix}").write_bytes(whole[: len(whole) // 2])
            hostile.save(here / f"code{suffix}")
            (here / f"text{suffix}").write_text("Dear network,")
        network.save_weights(here / "alone.weights.h5")
    (here / "text.jpg").write_text("This is not a photo.")
    Image.fromarray(np.kron(PICTURE, np.ones((30, 30, 1), np.uint8))).save(here / "whole.png")
    whole = (here / "whole.png").read_bytes()
    (here / "cut.png").write_bytes(whole[: len(whole) // 2])
    (here / "bomb.png").write_bytes(png(60_000, 60_000))
    (here / "empty.png").touch()
    (here / "no pictures").mkdir()
    (here / "no pictures" / "text.jpg").write_text("This is not a photo.")
    return here


@pytest.fixture(scope="module")
def model():
    x = keras.Input((8, 8, 3), name="picture")
    y = layers.ReLU(name="relu1")(layers.Conv2D(4, 3, name="conv1")(x))
    return keras.Model(x, layers.Dense(3, activation="softmax", name="prob")(layers.Flatten(name="flat")(y)))


@pytest.fixture(scope="module")
def two():
    x, y = keras.Input((8, 8, 3), name="photo"), keras.Input((2,), name="place")
    flat = layers.Flatten()(x)
    return keras.Model([x, y], [layers.Concatenate()([flat, y]), flat])


# Name: (what is called, with m: a small network, two: one with two inputs and outputs, f: the folder of files;
#        the error; what its message must hold).
BAD = {
    # layers and channels
    "unknown layer": (lambda a: activations(a.m, PICTURE, "conv"), ValueError, ["no layer 'conv'", "'conv1'"]),
    "unknown layer in a list": (lambda a: activations(a.m, PICTURE, ["relu1", "re"]), ValueError, ["'re'", "'relu1'"]),
    "layer nothing is near to": (lambda a: activations(a.m, PICTURE, "xyz"), ValueError, ["'xyz'", "There are 5"]),
    "layer by number": (lambda a: activations(a.m, PICTURE, 2), TypeError, ["string", "'prob'", "not 2"]),
    "no layers": (lambda a: activations(a.m, PICTURE, []), ValueError, ["No layer was asked for"]),
    "channel too large": (lambda a: show.beside(PICTURE, MAPS, 4), ValueError, ["channel 4", "0 to 3"]),
    "channel below zero": (lambda a: show.beside(PICTURE, MAPS, -1), ValueError, ["channel -1", "0 to 3"]),
    "channel in words": (lambda a: show.beside(PICTURE, MAPS, "13"), TypeError, ["whole number", "0 to 3", "'13'"]),
    "explorer: unknown layer": (lambda a: ChannelExplorer(a.m, PICTURE, "conv"), ValueError, ["'conv'", "'conv1'"]),
    "explorer: layer without maps": (lambda a: ChannelExplorer(a.m, PICTURE, "flat"), ValueError, ["'flat'", "height"]),
    "explorer: channel too large": (
        lambda a: ChannelExplorer(a.m, PICTURE, "conv1", 4),
        ValueError,
        ["channel 4", "0 to 3"],
    ),
    # arrays
    "empty batch": (lambda a: activations(a.m, np.zeros((0, 8, 8, 3))), ValueError, ["empty", "(0, 8, 8, 3)"]),
    "no pictures in a list": (lambda a: activations(a.m, []), ValueError, ["images", "(0,)"]),
    "two dimensions": (
        lambda a: activations(a.m, np.zeros((8, 8))),
        ValueError,
        ["(height, width, ", "(8, 8)"],
    ),
    "five dimensions": (lambda a: activations(a.m, np.zeros((1, 1, 8, 8, 3))), ValueError, ["(1, 1, 8, 8, 3)"]),
    "NaN": (lambda a: activations(a.m, NAN), ValueError, ["NaN", "0 to 255"]),
    "infinity": (lambda a: activations(a.m, NAN + np.inf), ValueError, ["infinity"]),
    "a file name": (lambda a: activations(a.m, "cat.jpg"), TypeError, ["array", "photo('cat.jpg')"]),
    "several file names": (lambda a: activations(a.m, ["a.jpg", "b.jpg"]), TypeError, ["numbers from 0 to 255"]),
    "no array": (lambda a: activations(a.m, None), TypeError, ["numbers from 0 to 255"]),
    "complex numbers": (lambda a: activations(a.m, PICTURE * 1j), TypeError, ["real numbers"]),
    "wrong size": (lambda a: activations(a.m, np.zeros((9, 8, 3))), ValueError, ["9 x 8 x 3", "resize(image, 8)"]),
    "grey for colour": (lambda a: activations(a.m, PICTURE[..., :1]), ValueError, ["8 x 8 x 1", "takes 8 x 8 x 3"]),
    "different sizes": (lambda a: activations(a.m, [PICTURE, PICTURE[:4]]), ValueError, ["one size", "resize(image, "]),
    "one input of two": (lambda a: activations(a.two, PICTURE), TypeError, ["2 inputs", "photo, place"]),
    "one input missing": (lambda a: activations(a.two, {"photo": PICTURE}), ValueError, ["'place' is missing"]),
    "different numbers": (
        lambda a: activations(a.two, [PICTURE[np.newaxis], np.zeros((2, 2))]),
        ValueError,
        ["differ in their number of pictures", "[1, 2]"],
    ),
    "no batch": (lambda a: activations(a.m, PICTURE, batch_size=0), ValueError, ["batch_size", "at least 1"]),
    "strongest channel of a vector": (lambda a: strongest_channel(np.zeros(4)), ValueError, ["activation", "(4,)"]),
    "strongest channel of words": (lambda a: strongest_channel("conv1"), TypeError, ["activation must be an array"]),
    "strongest channel of NaN": (lambda a: strongest_channel(MAPS * np.nan), ValueError, ["activation holds NaN"]),
    "share above one": (lambda a: near_zero_channels(MAPS, 2), ValueError, ["share must be from 0 to 1", "2"]),
    "montage of a batch": (lambda a: show.montage(MAPS[np.newaxis]), ValueError, ["(H, W, C)", "(1, 6, 6, 4)"]),
    "montage on no scale": (lambda a: show.montage(MAPS, scale="mine"), ValueError, ["'shared' or 'own'", "'mine'"]),
    "resize to nothing": (lambda a: resize(PICTURE, 0), ValueError, ["at least one pixel"]),
    "resize to words": (lambda a: resize(PICTURE, "big"), TypeError, ["whole number of pixels", "'big'"]),
    "resize a file name": (lambda a: resize("cat.jpg", 8), TypeError, ["array", "photo('cat.jpg')"]),
    "explorer: NaN": (lambda a: ChannelExplorer(a.m, NAN), ValueError, ["NaN"]),
    # networks
    "no network": (lambda a: activations("squeezenet", PICTURE), TypeError, ["Keras model, not str", "squeezenet()"]),
    "a layer for a network": (lambda a: analyze(layers.Dense(3)), TypeError, ["Keras model, not Dense"]),
    "the function, not its result": (lambda a: class_scores(keras.Model), TypeError, ["Keras model, not type"]),
    "a network with its own call": (
        lambda a: activations(Own(), PICTURE),
        TypeError,
        ["call() of its own"],
    ),
    "a network without input": (
        lambda a: analyze(keras.Sequential([layers.Dense(3)])),
        ValueError,
        ["no input shape", "keras.Input(shape)"],
    ),
    "scores of two outputs": (lambda a: class_scores(a.two), ValueError, ["2 outputs"]),
    "preprocessing for two inputs": (lambda a: with_preprocessing(a.two, abs), ValueError, ["2 inputs"]),
    "preprocessing is no function": (
        lambda a: with_preprocessing(a.m, 255),
        TypeError,
        ["pictures, not int"],
    ),
    "preprocessing in NumPy": (
        lambda a: with_preprocessing(a.m, lambda x: x - np.mean(x)),
        TypeError,
        ["does not work on tensors", "keras.ops"],
    ),
    "preprocessing to another shape": (
        lambda a: with_preprocessing(a.m, lambda x: x[:, :4]),
        ValueError,
        ["(4, 8, 3)", "(8, 8, 3)"],
    ),
    "explorer: no network": (lambda a: ChannelExplorer(PICTURE, a.m), TypeError, ["Keras model, not ndarray"]),
    # files of networks
    "missing network": (lambda a: load_network(a.f / "dog.keras"), FileNotFoundError, ["'dog.keras'", "'dogs.keras'"]),
    "missing folder": (lambda a: load_network(a.f / "x" / "dog.keras"), FileNotFoundError, ["no folder"]),
    "an address": (lambda a: load_network("https://example.org/a.keras"), FileNotFoundError, ["no folder"]),
    "network cut short": (
        lambda a: load_network(a.f / "cut.keras"),
        ValueError,
        ["cut.keras", "incomplete"],
    ),
    "old network cut short": (lambda a: load_network(a.f / "cut.h5"), ValueError, ["cut.h5", "damaged or incomplete"]),
    "network with code": (lambda a: load_network(a.f / "code.keras"), ValueError, ["Lambda", "Python code", "trust"]),
    "old network with code": (lambda a: load_network(a.f / "code.h5"), ValueError, ["Lambda", "Python code", "trust"]),
    "text for a network": (lambda a: load_network(a.f / "text.keras"), ValueError, ["text.keras", "no Keras model"]),
    "text for an old network": (lambda a: load_network(a.f / "text.h5"), ValueError, ["text.h5", "no Keras model"]),
    "picture for a network": (lambda a: load_network(a.f / "whole.png"), ValueError, ["'.png'", ".keras or .h5"]),
    "folder for a network": (lambda a: load_network(a.f), ValueError, ["a folder", "model.save('name.keras')"]),
    "weights alone": (lambda a: load_network(a.f / "alone.weights.h5"), ValueError, ["holds no network", "weights"]),
    "no path to a network": (
        lambda a: load_network(None),
        TypeError,
        ["name of a file, not NoneType"],
    ),
    # files of pictures
    "text called .jpg": (lambda a: read_picture(a.f / "text.jpg"), ValueError, ["text.jpg", "text"]),
    "PNG cut short": (lambda a: read_picture(a.f / "cut.png"), ValueError, ["cut.png", "incomplete"]),
    "decompression bomb": (lambda a: photo(a.f / "bomb.png"), ValueError, ["bomb.png", "more than 200 million pixels"]),
    "empty picture": (lambda a: photo(a.f / "empty.png"), ValueError, ["empty.png is empty"]),
    "network for a picture": (lambda a: photo(a.f / "dogs.keras"), ValueError, ["dogs.keras"]),
    "missing picture": (lambda a: photo(a.f / "whle.png"), FileNotFoundError, ["whle.png", "'whole.png'"]),
    "photo by number": (lambda a: photo(3), TypeError, ["int"]),
    "photos of no size": (lambda a: photos(-1), ValueError, ["at least one pixel"]),
    "missing folder of pictures": (lambda a: folder(a.f / "nowhere"), FileNotFoundError, ["no folder", "nowhere"]),
    "a file for a folder": (lambda a: folder(a.f / "whole.png"), NotADirectoryError, ["a file, not a folder"]),
    "a folder without pictures": (lambda a: folder(a.f / "no pictures"), ValueError, ["no picture in", "text.jpg"]),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input(name, model, two, files, tmp_path, monkeypatch):
    call, error, words = BAD[name]
    here = shutil.copytree(files, tmp_path / "files")
    monkeypatch.chdir(tmp_path)

    def on_disk():
        return {path: path.is_file() and path.read_bytes() for path in tmp_path.rglob("*")}

    before = on_disk()
    with pytest.raises(error) as caught:
        call(SimpleNamespace(m=model, two=two, f=here))
    message = str(caught.value)
    assert type(caught.value) is error
    for word in words:
        assert word in message, message
    assert 1 <= len(re.findall(r"[.?!](?=\s|$)", message)) <= 2, message
    assert "\n" not in message, message
    assert len(message) < 400, message
    assert on_disk() == before
