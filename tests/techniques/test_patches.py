import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from coursekit import activations, photos, receptive_field, resize, squeezenet, top_patches, with_preprocessing
from coursekit.networks.backend import keras
from coursekit.techniques.patches_search import ROW, Search
from tests.techniques.searches import LARGE, PICTURES, RANDOM, small

ROOT = Path(__file__).parents[2]
layers = keras.layers


@pytest.fixture(scope="module")
def model():
    return small()


@pytest.fixture(scope="module")
def course():
    return squeezenet(), photos()[0]


def brute_force(model, layer, pictures, k, per_picture=1, batch_size=32):
    """All activations, sorted: values, pictures, rows and columns, each (C, k)."""
    maps = activations(model, pictures, layer, batch_size=batch_size)
    maps = maps[:, np.newaxis, np.newaxis] if maps.ndim == 2 else maps
    number, height, width, channels = maps.shape
    flat = maps.reshape(number, height * width, channels)
    best = np.argsort(-flat, axis=1, kind="stable")[:, :per_picture]
    values = np.take_along_axis(flat, best, axis=1)
    of_picture = np.broadcast_to(np.arange(number)[:, np.newaxis, np.newaxis], values.shape)
    values, of_picture, best = (array.reshape(-1, channels) for array in (values, of_picture, best))
    order = [np.lexsort((best[:, c], of_picture[:, c], -values[:, c]))[:k] for c in range(channels)]
    found = [np.stack([array[order[c], c] for c in range(channels)]) for array in (values, of_picture, best)]
    return *found[:2], *np.divmod(found[2], width)


def assert_found(result, expected):
    values, of_picture, rows, columns = expected
    np.testing.assert_array_equal(result.values, values)
    np.testing.assert_array_equal(result.pictures, of_picture)
    np.testing.assert_array_equal(result.positions, np.stack([rows, columns], axis=-1))


def assert_same(first, second):
    """Everything is the same, to the bit."""
    for name in ("channels", "values", "pictures", "positions", "boxes", "sizes"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
        assert getattr(first, name).dtype == getattr(second, name).dtype
    assert (first.layer, first.searched) == (second.layer, second.searched)
    for crops, others in zip(first.crops, second.crops, strict=True):
        for crop, other in zip(crops, others, strict=True):
            assert crop.dtype == other.dtype
            np.testing.assert_array_equal(crop, other)


class TestAgainstBruteForce:
    @pytest.mark.parametrize(
        "layer", ["picture", "relu_conv1", "fire4-concat", "fire6-squeeze1x1", "relu_conv10", "prob"]
    )
    def test_over_the_photos_of_the_course(self, layer, course):
        result = top_patches(*course[:1], layer, course[1])
        assert_found(result, brute_force(course[0], layer, course[1], 9))

    @pytest.mark.parametrize("per_picture", [1, 2, 5, 1000])
    @pytest.mark.parametrize("batch_size", [1, 7, 32, 100])
    @pytest.mark.parametrize("layer", ["conv", "deep", "all"])
    def test_several_of_one_picture(self, layer, per_picture, batch_size, model):
        result = top_patches(model, layer, PICTURES, 20, per_picture=per_picture, batch_size=batch_size)
        assert result.values.dtype == np.float32
        assert_found(result, brute_force(model, layer, PICTURES, 20, per_picture, batch_size))

    def test_equal_values_by_picture_row_and_column(self):
        model = keras.Sequential([keras.Input((4, 4, 1)), layers.ReLU(name="relu")])
        pictures = np.zeros((6, 4, 4, 1), np.float32)
        pictures[3, 2, 1:3] = pictures[3, 1, 3] = pictures[5, 0, 0] = 7
        one = top_patches(model, "relu", pictures, 4, batch_size=2)
        assert one.pictures.tolist() == [[3, 5, 0, 1]]
        assert one.positions.tolist() == [[[1, 3], [0, 0], [0, 0], [0, 0]]]
        two = top_patches(model, "relu", pictures, 5, batch_size=4, per_picture=2)
        assert two.pictures.tolist() == [[3, 3, 5, 0, 0]]
        assert two.positions.tolist() == [[[1, 3], [2, 1], [0, 0], [0, 0], [0, 1]]]

    def test_negative_activations(self):
        model = keras.Sequential([keras.Input((4, 4, 3)), layers.Rescaling(-1.0, offset=-1, name="negative")])
        pictures = RANDOM.integers(0, 256, (9, 4, 4, 3))
        assert_found(
            top_patches(model, "negative", pictures, 3, batch_size=2), brute_force(model, "negative", pictures, 3)
        )

    def test_chosen_channels_in_the_order_asked(self, model):
        whole, some = top_patches(model, "deep", PICTURES), top_patches(model, "deep", PICTURES, channels=(4, 1, 4))
        np.testing.assert_array_equal(some.channels, [4, 1])
        np.testing.assert_array_equal(some.values, whole.values[[4, 1]])
        np.testing.assert_array_equal(some.boxes, whole.boxes[[4, 1]])
        np.testing.assert_array_equal(some.crops[1][3], whole.crops[1][3])
        np.testing.assert_array_equal(top_patches(model, "deep", PICTURES, channels=4).values, whole.values[4:5])

    def test_fewer_pictures_than_asked_for(self, model):
        assert top_patches(model, "deep", PICTURES[:3], 9).values.shape == (6, 3)
        assert top_patches(model, "all", PICTURES[0], 9, per_picture=9).values.shape == (6, 1)
        assert top_patches(model, "deep", PICTURES[:3], 100, per_picture=100).values.shape == (6, 3 * 5 * 4)

    @pytest.mark.parametrize("policy", ["mixed_float16", "bfloat16", "float64"])
    def test_whatever_the_network_computes_in(self, policy):
        model = keras.Sequential([keras.Input((12, 10, 3)), layers.Conv2D(4, 3, dtype=policy, name="conv")])
        assert_found(top_patches(model, "conv", PICTURES), brute_force(model, "conv", PICTURES, 9))

    def test_nested_networks(self, model):
        outer = with_preprocessing(model, lambda x: 255 - x)
        assert_found(top_patches(outer, "deep", PICTURES), brute_force(outer, "deep", PICTURES, 9))


def test_tables_merge_to_the_same_whatever_the_order():
    search = Search("layer", 4, (0, 1, 2), 3, 1, None)
    table = np.zeros(300, ROW)
    table["channel"], table["picture"] = np.arange(300) % 3, np.arange(300) // 3
    table["value"] = RANDOM.integers(0, 20, 300)  # many are equal
    table["row"] = RANDOM.integers(0, 5, 300)
    whole = search.merge([table])
    for _ in range(50):
        parts = np.split(RANDOM.permutation(table), np.sort(RANDOM.integers(0, 300, 6)))
        best = [search.merge([part]) for part in parts]
        left = best[0]
        for part in best[1:]:
            left = search.merge([left, part])
        np.testing.assert_array_equal(left, whole)
        np.testing.assert_array_equal(search.merge(best[::-1]), whole)
    assert whole["channel"].tolist() == [0] * 4 + [1] * 4 + [2] * 4
    np.testing.assert_array_equal(search.to_beat(whole), whole["value"][3::4])


class TestBoxesAndCrops:
    @pytest.mark.parametrize("layer", ["conv", "deep", "all"])
    def test_the_receptive_field_at_the_position(self, layer, model):
        field = receptive_field(model, layer)
        result = top_patches(model, layer, PICTURES)
        for c, j in np.ndindex(result.values.shape):
            assert tuple(result.boxes[c, j]) == field.box(*result.positions[c, j].tolist())
            top, left, bottom, right = result.boxes[c, j]
            picture = PICTURES[result.pictures[c, j]]
            np.testing.assert_array_equal(result.crops[c][j], picture[top:bottom, left:right])
            assert result.crops[c][j].dtype == np.uint8
        assert (result.sizes == (12, 10)).all()

    def test_the_network_answers_to_the_patch_alone(self, course):
        """Whatever lies outside the box has no part in the activation."""
        model, pictures = course
        result = top_patches(model, "fire4-squeeze1x1", pictures, 2, channels=range(5))
        emptied = np.zeros((10, 227, 227, 3), np.uint8)
        for i, (c, j) in enumerate(np.ndindex(5, 2)):
            top, left, bottom, right = result.boxes[c, j]
            assert (bottom - top) * (right - left) < 227 * 227 / 4
            emptied[i, top:bottom, left:right] = result.crops[c][j]
        maps = activations(model, emptied, "fire4-squeeze1x1")
        for i, (c, j) in enumerate(np.ndindex(5, 2)):
            row, column = result.positions[c, j]
            assert maps[i, row, column, c] == pytest.approx(result.values[c, j], rel=1e-4)

    def test_crops_cannot_spoil_the_pictures(self, model):
        crop = top_patches(model, "all", PICTURES).crops[0][0]
        with pytest.raises(ValueError, match="read-only"):
            crop[:] = 0


SOURCES = {
    "list": list,
    "pictures one by one": iter,
    "batches of another size": lambda x: (x[i : i + 9] for i in range(0, len(x), 9)),
    "with names": lambda x: (x, [f"{i}.png" for i in range(len(x))]),
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("layer", ["deep", "all"])
def test_the_same_from_every_source(source, layer, model):
    result = top_patches(model, layer, SOURCES[source](PICTURES), batch_size=4)
    assert_same(result, top_patches(model, layer, PICTURES, batch_size=4))
    if source == "with names":
        assert result.names[2, 3] == f"{result.pictures[2, 3]}.png"
    else:
        assert result.names is None


class TestFiles:
    @pytest.fixture
    def files(self, tmp_path):
        for i, picture in enumerate(PICTURES[:12]):
            Image.fromarray(picture).save(tmp_path / f"{i:02}.png")
        return tmp_path

    def test_a_folder(self, files, model):
        result = top_patches(model, "deep", files, batch_size=5)
        assert_same(result, top_patches(model, "deep", PICTURES[:12], batch_size=5))
        assert result.names[1, 0] == f"{result.pictures[1, 0]:02}.png"

    def test_of_other_sizes(self, files, model):
        large = np.kron(PICTURES[3], np.ones((3, 3, 1), np.uint8))
        Image.fromarray(large).save(files / "03.png")
        expected = PICTURES[:12].copy()
        expected[3] = resize(large, (12, 10))
        assert_same(top_patches(model, "deep", files), top_patches(model, "deep", expected))

    def test_some_cannot_be_read(self, files, model):
        (files / "05.png").write_text("no picture")
        with pytest.warns(UserWarning, match=r"1 files were left out\. 05\.png holds text"):
            result = top_patches(model, "all", files, 40, batch_size=4)
        assert sorted(result.pictures[0]) == [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11]  # the others keep their numbers
        for path in files.iterdir():
            path.write_text("no picture")
        with pytest.raises(ValueError, match=r"No picture could be searched\. 12 files were left out\. .* And 7 more"):
            top_patches(model, "all", files)


class TestScanning:
    def check(self, result, model, layer, pictures):
        """Against the same network built for any size, one picture at a time."""
        free = small((None, None))
        free.set_weights(model.get_weights())
        found = []
        for i, picture in enumerate(pictures):
            values, _, rows, columns = brute_force(free, layer, picture[np.newaxis], 1)
            found.append([values[:, 0], np.full(len(values), i), rows[:, 0], columns[:, 0]])
        values, indices, rows, columns = np.moveaxis(np.array(found), 0, -1)  # each (C, N)
        order = np.argsort(-values, axis=1, kind="stable")
        np.testing.assert_allclose(result.values, np.take_along_axis(values, order, 1), rtol=1e-5)
        np.testing.assert_array_equal(result.pictures, np.take_along_axis(indices, order, 1))
        np.testing.assert_array_equal(result.positions[..., 0], np.take_along_axis(rows, order, 1))
        np.testing.assert_array_equal(result.positions[..., 1], np.take_along_axis(columns, order, 1))

    @pytest.mark.parametrize("layer", ["conv", "deep", "all"])
    def test_pictures_in_their_own_size(self, layer, model):
        result = top_patches(model, layer, LARGE, scan=True)
        self.check(result, model, layer, LARGE)
        for c, j in np.ndindex(result.values.shape):
            picture = LARGE[result.pictures[c, j]]
            assert tuple(result.sizes[c, j]) == picture.shape[:2]
            box = receptive_field(model, layer, picture.shape[:2]).box(*result.positions[c, j].tolist())
            assert tuple(result.boxes[c, j]) == box
            np.testing.assert_array_equal(result.crops[c][j], picture[box[0] : box[2], box[1] : box[3]])

    def test_a_network_for_any_size_always_scans(self, model):
        free = small((None, None))
        free.set_weights(model.get_weights())
        result = top_patches(free, "deep", iter(LARGE))
        assert_same(result, top_patches(model, "deep", LARGE, scan=True))

    def test_what_is_too_large_or_too_small(self, model):
        pictures = [np.zeros((60, 40, 3), np.uint8), RANDOM.integers(0, 256, (6, 10, 3)).astype(np.uint8)]
        result = top_patches(model, "deep", pictures, scan=True, longest=30)
        sizes = {int(i): tuple(size) for i, size in zip(result.pictures[0], result.sizes[0].tolist(), strict=True)}
        assert sizes == {0: (30, 20), 1: (12, 20)}
        self.check(result, model, "deep", [resize(pictures[0], (30, 20)), resize(pictures[1], (12, 20))])
        with pytest.raises(ValueError, match=r"not take pictures of 1 x 1 up to layer 'deep'"):
            top_patches(small((None, None)), "deep", np.zeros((1, 1, 3)))

    def test_layers_that_take_one_size_only(self, model):
        x = keras.Input((12, 10, 3))
        y = layers.Flatten(name="flat")(x)
        dense = keras.Model(x, layers.Dense(3, name="dense")(y))
        with pytest.raises(ValueError, match=r"cannot scan larger pictures\. Layer 'dense' does not take"):
            top_patches(dense, "dense", LARGE, scan=True)
        flat = keras.Model(x, y)
        with pytest.raises(ValueError, match=r"Layer 'flat' cannot scan: .* 1440 channels"):
            top_patches(flat, "flat", LARGE, scan=True)
        assert top_patches(dense, "dense", PICTURES).values.shape == (3, 9)

    def test_layers_before_those_that_take_one_size_only(self, model):
        keras.utils.set_random_seed(1)
        y = layers.Dense(3, name="dense")(layers.Flatten()(model.get_layer("deep").output))
        dense = with_preprocessing(keras.Model(model.inputs, y), lambda x: x)
        result = top_patches(dense, "deep", LARGE, scan=True)
        self.check(result, model, "deep", LARGE)

    def test_squeezenet_finds_what_it_finds_in_the_same_picture_unscanned(self, course):
        model, pictures = course
        assert_found(
            top_patches(model, "fire6-squeeze1x1", pictures, scan=True, batch_size=32),
            brute_force(model, "fire6-squeeze1x1", pictures, 9),
        )


class TestWrongInput:
    @pytest.mark.parametrize(
        ("change", "error", "words"),
        [
            ({"layer": "dep"}, ValueError, "no layer 'dep'. Did you mean 'deep'"),
            ({"channels": 6}, ValueError, "no channel 6"),
            ({"channels": []}, ValueError, "No channel was asked for"),
            ({"channels": "13"}, TypeError, "whole number from 0 to 5, not '13'"),
            ({"k": 0}, ValueError, "k must be at least 1, not 0"),
            ({"k": 2.5}, TypeError, "k must be a whole number, 1 or more, not 2.5"),
            ({"per_picture": 0}, ValueError, "per_picture must be at least 1"),
            ({"batch_size": 0}, ValueError, "batch_size must be at least 1, not 0"),
            ({"longest": 0}, ValueError, "longest must be at least 1"),
            ({"client": 3}, TypeError, "distributed.Client, not int"),
            ({"images": "nowhere"}, FileNotFoundError, "no folder nowhere"),
            ({"images": PICTURES[:, :5]}, ValueError, "Picture 0 is 5 x 10"),
            ({"images": np.full((1, 12, 10, 3), np.nan)}, ValueError, "NaN"),
        ],
    )
    def test_says_what_is_wrong(self, change, error, words, model):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises(error, match=words):
                top_patches(model, **{"layer": "deep", "images": PICTURES, **change})

    def test_a_network_that_gives_nan(self):
        model = small()
        model.get_layer("deep").bias.assign([0, 0, np.nan, 0, 0, 0])
        with pytest.raises(ValueError, match=r"'deep' gives NaN, infinity or nothing in pictures 0 to 31"):
            top_patches(model, "deep", PICTURES)

    def test_networks_and_layers_without_patches(self, model):
        x, y = keras.Input((8, 8, 3)), keras.Input((8, 8, 3))
        with pytest.raises(ValueError, match="takes 2 inputs"):
            top_patches(keras.Model([x, y], layers.Add(name="sum")([x, y])), "sum", PICTURES)
        with pytest.raises(ValueError, match=r"layers that give \(height, width, channels\), not \(64, 3\)"):
            top_patches(keras.Model(x, layers.Reshape((64, 3), name="long")(x)), "long", PICTURES)
        with pytest.raises(TypeError, match="Keras model"):
            top_patches("squeezenet", "fire6-squeeze1x1", PICTURES)
