import numpy as np
import pytest

from coursekit import activation_mask, activations, intersection_over_union, photos, receptive_field, resize, squeezenet
from coursekit.networks.backend import keras

MAPS = np.random.default_rng(0).normal(size=(6, 4, 5, 3)).astype(np.float32)


class TestActivationMask:
    @pytest.mark.parametrize("quantile", [0, 0.5, 0.9, 0.995, 1])
    def test_each_channel_at_its_quantile_over_all_pictures(self, quantile):
        mask = activation_mask(MAPS, (40, 50), quantile)
        assert mask.shape == (6, 40, 50, 3)
        assert mask.dtype == bool
        for c in range(3):
            threshold = np.quantile(MAPS[..., c], quantile)
            for i in range(6):
                np.testing.assert_array_equal(mask[i, ..., c], resize(MAPS[i, ..., c], (40, 50)) > threshold)
        np.testing.assert_array_equal(activation_mask(MAPS, (40, 50), quantile, channel=1), mask[..., 1])

    def test_shapes(self):
        assert activation_mask(MAPS[0, ..., 0], 9).shape == (9, 9)
        assert activation_mask(MAPS[0], (7, 9)).shape == (7, 9, 3)
        assert activation_mask(MAPS[0], (7, 9), channel=2).shape == (7, 9)
        np.testing.assert_array_equal(
            activation_mask(MAPS[0], 9, 0.8, channel=2), activation_mask(MAPS[0, ..., 2], 9, 0.8)
        )

    def test_the_share_in_light_at_the_size_of_the_layer(self):
        assert activation_mask(MAPS, (4, 5), 0.75).mean() == pytest.approx(0.25)

    def test_one_picture_has_its_most_active_spot_and_among_others_maybe_none(self):
        maps = np.random.default_rng(1).uniform(0, 1, (2, 8, 8, 1)).astype(np.float32)
        maps[1] *= 10
        assert activation_mask(maps[0], 32, 0.9).any()
        alone, among = activation_mask(maps[0], 32, 0.9), activation_mask(maps, 32, 0.9)
        assert alone.any()
        assert not among[0].any()
        assert among[1].any()

    def test_a_silent_channel_has_an_empty_mask(self):
        for quantile in (0, 0.5, 1):
            assert not activation_mask(np.zeros((3, 4, 4, 2)), 16, quantile).any()

    def test_a_threshold_from_elsewhere(self):
        mask = activation_mask(MAPS, (4, 5), threshold=np.array([0, 1, -1], np.float32))
        np.testing.assert_array_equal(mask, np.array([0, 1, -1]) < MAPS)
        np.testing.assert_array_equal(activation_mask(MAPS, (4, 5), threshold=0.5), MAPS > 0.5)

    def test_at_the_centres_of_receptive_fields(self):
        model = keras.Sequential(
            [keras.Input((30, 20, 3)), keras.layers.Conv2D(2, (7, 5), strides=(4, 3), name="conv")]
        )
        field = receptive_field(model, "conv")
        assert field.shape == (6, 6)
        for row, column in np.ndindex(6, 6):  # one unit alone lights up, and the mask lies around its centre
            maps = np.zeros((6, 6), np.float32)
            maps[row, column] = 1
            mask = activation_mask(maps, (30, 20), threshold=0.9, field=field)
            top, left, bottom, right = field.box(row, column)
            assert mask[(top + bottom) // 2, (left + right) // 2]
            lit = np.argwhere(mask)
            if 0 < row < 5 and 0 < column < 5:
                np.testing.assert_array_equal(lit.mean(axis=0) + 0.5, [(top + bottom) / 2, (left + right) / 2])

    def test_the_course_network(self):
        model, pictures = squeezenet(), photos()[0]
        maps = activations(model, pictures, "fire6-relu_squeeze1x1")
        mask = activation_mask(maps, 227, channel=13)
        strongest = np.unravel_index(maps[..., 13].argmax(), maps.shape[:3])
        centre = [int((i + 0.5) * 227 / 14) for i in strongest[1:]]
        assert mask[strongest[0], centre[0], centre[1]]
        assert 0 < mask.mean() < 0.02

    @pytest.mark.parametrize(
        ("arguments", "error", "words"),
        [
            ((MAPS, 9, 1.5), ValueError, "quantile must be from 0 to 1, not 1.5"),
            ((MAPS, 0), ValueError, "at least one pixel"),
            ((MAPS, 9, 0.9, 3), ValueError, "no channel 3"),
            ((MAPS[0, ..., 0], 9, 0.9, 0), ValueError, "this is one channel"),
            ((MAPS, 9, 0.9, None, [1, 2]), ValueError, r"one number or 3, not of shape \(2,\)"),
            ((MAPS * np.nan, 9), ValueError, "NaN"),
            (("conv", 9), TypeError, "activation"),
        ],
    )
    def test_wrong_input(self, arguments, error, words):
        with pytest.raises(error, match=words):
            activation_mask(*arguments)

    def test_a_receptive_field_that_does_not_belong(self):
        model = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 3, name="conv")])
        with pytest.raises(ValueError, match=r"of a layer of \(6, 6\), the activation is \(4, 5\)"):
            activation_mask(MAPS, 8, field=receptive_field(model, "conv"))


class TestIntersectionOverUnion:
    def test_values(self):
        mask, region = np.zeros((2, 10, 10), bool)
        mask[2:6, 2:6] = region[4:8, 2:6] = True
        assert intersection_over_union(mask, region) == 8 / 24
        assert intersection_over_union(mask, mask) == 1
        assert intersection_over_union(mask, ~mask) == 0
        assert intersection_over_union(mask, np.zeros((10, 10), bool)) == 0
        assert intersection_over_union(mask & ~mask, region & ~region) == 0
        assert isinstance(intersection_over_union(mask, region), float)

    def test_several_pictures_are_counted_together(self):
        masks, regions = np.random.default_rng(0).random((2, 5, 9, 9)) > 0.6
        assert intersection_over_union(masks, regions) == (masks & regions).sum() / (masks | regions).sum()

    def test_wrong_input(self):
        mask = np.zeros((4, 4), bool)
        with pytest.raises(TypeError, match="region must be boolean, not float64"):
            intersection_over_union(mask, np.zeros((4, 4)))
        with pytest.raises(ValueError, match=r"mask has shape \(4, 4\), but region \(4, 3\)"):
            intersection_over_union(mask, mask[:, :3])
