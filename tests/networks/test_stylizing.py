import zipfile

import numpy as np
import pytest

from coursekit.networks.backend import keras
from coursekit.networks.stylizing import (
    DepthToSpace,
    read_arrays,
    set_weights,
    style_network,
    weight_names,
    write_arrays,
)

RANDOM = np.random.default_rng(0)


def arrays_of(network):
    named = zip(weight_names(network), network.get_weights(), strict=True)
    return {f"weights/{name}": values for name, values in named}


class TestLayers:
    def test_instance_normalization_against_numpy(self):
        """Each channel of each picture by itself; of a flat one its offset is left."""
        layer = style_network(0).get_layer("block1-conv1-norm")
        count = layer.gamma.shape[0]
        maps = RANDOM.normal(3, 5, (2, 4, 6, count)).astype(np.float32)
        maps[0, ..., 0] = 7
        gamma, beta = RANDOM.normal(size=(2, count)).astype(np.float32)
        layer.set_weights([gamma, beta])
        found = layer(maps).numpy()
        for n, c in np.ndindex(2, count):
            one = np.float64(maps[n, ..., c])
            expected = (one - one.mean()) / np.sqrt(one.var() + 1e-5) * gamma[c] + beta[c]
            np.testing.assert_allclose(found[n, ..., c], expected, atol=1e-4)

    def test_depth_to_space_by_hand(self):
        found = DepthToSpace()(np.float32([[[[1, 2, 3, 4, 5, 6, 7, 8]]]])).numpy()[0]  # 2 channels of 4 places
        np.testing.assert_array_equal(found, [[[1, 2], [3, 4]], [[5, 6], [7, 8]]])


class TestNetwork:
    def test_begins_with_nearly_the_photo(self):
        photo = RANDOM.integers(0, 256, (1, 64, 64, 3)).astype(np.float32)
        away = style_network(0)(photo).numpy() - (127.5 + 150 * np.tanh(photo / 127.5 - 1))
        assert 0.5 < np.abs(away).mean() < 25

    @pytest.mark.parametrize(("name", "channels"), [("up1", 48), ("up2", 32)])
    def test_begins_without_a_checkerboard(self, name, channels):
        """The four pixels that each place becomes are alike."""
        network = style_network(0)
        maps = RANDOM.normal(size=(1, 5, 6, channels)).astype(np.float32)
        pixels = network.get_layer(f"{name}-twice")(network.get_layer(name)(maps)).numpy()
        blocks = pixels.reshape(1, 5, 2, 6, 2, -1)
        np.testing.assert_allclose(blocks, np.broadcast_to(blocks[:, :, :1, :, :1], blocks.shape), atol=1e-5)
        assert blocks.std() > 0.1

    @pytest.mark.parametrize("size", [(4, 4), (32, 64), (100, 36)])
    def test_keeps_multiples_of_four(self, size):
        assert style_network()(np.zeros((2, *size, 3), np.float32)).shape == (2, *size, 3)

    def test_contrast_and_brightness_of_the_features_do_not_matter(self):
        """What lies behind the first normalization is the same for a photo of half the contrast."""
        network = style_network(0)
        first = keras.Model(network.input, network.get_layer("down1-relu").output)
        photo = RANDOM.integers(0, 256, (1, 32, 32, 3)).astype(np.float32)
        one, other = (first(given).numpy()[:, 4:-4, 4:-4] for given in (photo, 0.5 * (photo - 127.5) + 127.5))
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-3)

    def test_seeds(self):
        one, two, other = (arrays_of(style_network(seed)) for seed in (0, 0, 1))
        kernels = [name for name in one if name.endswith("kernel")]
        assert len(kernels) == 10
        assert all(np.array_equal(one[name], two[name]) for name in one)
        assert not any(np.array_equal(one[name], other[name]) for name in kernels)
        assert style_network().count_params() == sum(values.size for values in one.values()) == 208_652


class TestFiles:
    def test_there_and_back(self, tmp_path):
        arrays = arrays_of(style_network(3))
        write_arrays(tmp_path / "a.npz", arrays)
        network = style_network(0)
        set_weights(network, read_arrays(tmp_path / "a.npz"), "a.npz")
        again = arrays_of(network)
        assert len(again) == 29
        assert all(np.array_equal(again[name], arrays[name]) for name in arrays)

    def test_what_is_no_style(self, tmp_path):
        file = tmp_path / "a.npz"
        for content in (b"", b"PK", b"not a zip", b"\x93NUMPY"):
            file.write_bytes(content)
            with pytest.raises(ValueError, match=r"a.npz holds no style that can be read"):
                read_arrays(file)
        with pytest.raises(FileNotFoundError):
            read_arrays(tmp_path / "none.npz")

    def test_nothing_is_unpickled(self, tmp_path):
        np.savez(tmp_path / "a.npz", weights=np.array([print], dtype=object))
        with pytest.raises(ValueError, match="holds no style"):
            read_arrays(tmp_path / "a.npz")

    def test_damaged(self, tmp_path):
        file = tmp_path / "a.npz"
        write_arrays(file, arrays_of(style_network()))
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 255
        file.write_bytes(content)
        with pytest.raises(ValueError, match="damaged"):
            read_arrays(file)

    def test_what_would_fill_the_memory(self, tmp_path):
        file = tmp_path / "a.npz"
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("weights.npy", bytes(2**26 + 1))
        assert file.stat().st_size < 100_000
        with pytest.raises(ValueError, match="would unpack to 67 MB"):
            read_arrays(file)

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            (lambda arrays: arrays.pop("weights/up1/kernel"), "up1/kernel should be of shape"),
            (lambda arrays: arrays.update({"weights/up2/bias": np.zeros(3)}), r"up2/bias should be of shape \(12,\)"),
            (lambda arrays: arrays.update({"weights/up2/bias": np.zeros(12, int)}), "up2/bias should be"),
            (lambda arrays: arrays["weights/up2/bias"].fill(np.nan), "up2/bias is not finite"),
        ],
    )
    def test_of_another_network(self, change, words):
        arrays = arrays_of(style_network())
        change(arrays)
        with pytest.raises(ValueError, match=words):
            set_weights(style_network(), arrays, "a.npz")
