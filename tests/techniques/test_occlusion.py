import tracemalloc

import numpy as np
import pytest

from coursekit import channel, class_score, neuron, occlusion
from coursekit.networks.backend import keras
from coursekit.techniques.occlusion import growing_occlusion

layers = keras.layers
PICTURES = np.random.default_rng(1).integers(0, 256, (3, 7, 10, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def model():
    """A network of small whole numbers: float32 adds them without rounding, in any order."""
    model = keras.Sequential(
        [
            keras.Input((7, 10, 3)),
            layers.Conv2D(4, 3, activation="relu", name="conv"),
            layers.Flatten(),
            layers.Dense(5, activation="softmax", name="prob"),
        ]
    )
    random = np.random.default_rng(3)
    model.set_weights([random.integers(-2, 3, weight.shape) for weight in model.get_weights()])
    return model


def naive(score, picture, patch, stride, cover):
    """Occlusion as its definition reads: one covered copy after the other."""
    height, width = picture.shape[:2]
    total, times = np.zeros((2, height, width))
    tops = sorted({*range(0, height - patch[0] + 1, stride[0]), height - patch[0]})
    lefts = sorted({*range(0, width - patch[1] + 1, stride[1]), width - patch[1]})
    for top in tops:
        for left in lefts:
            copy = picture.astype(np.float32)
            for row in range(top, top + patch[0]):
                for column in range(left, left + patch[1]):
                    copy[row, column] = cover[row, column]
                    times[row, column] += 1
            total[top : top + patch[0], left : left + patch[1]] += score(picture) - score(copy)
    assert times.min() > 0
    return np.float32(total / times)


class TestValues:
    @pytest.mark.parametrize(
        ("patch", "stride"),
        [((2, 2), (1, 1)), ((3, 3), (2, 3)), ((2, 5), (2, 4)), ((5, 2), (3, 2)), ((7, 10), (1, 1)), ((1, 1), (1, 1))],
    )
    def test_equals_a_naive_loop_exactly(self, patch, stride, model):
        score = class_score(model, 2)
        found = occlusion(model, PICTURES[0], 2, patch, stride, baseline=(10, 200, 31), batch_size=5)
        cover = np.broadcast_to(np.float32([10, 200, 31]), (7, 10, 3))
        expected = naive(score, PICTURES[0], patch, stride, cover)
        assert (found.shape, found.dtype) == ((7, 10), np.float32)
        assert np.ptp(expected) > 0 or patch == (7, 10)
        np.testing.assert_array_equal(found, expected)

    def test_of_a_linear_network_by_hand(self):
        """Covered by itself, a pixel takes weight x (value - baseline) with it, with its sign."""
        linear = keras.Sequential([keras.Input((2, 3, 1)), layers.Flatten(), layers.Dense(2, name="scores")])
        weights = np.float32([[1, 0], [2, 0], [-3, 0], [0.5, 0], [0, 0], [4, 1]])
        linear.set_weights([weights, np.float32([7, 0])])
        picture = np.float32([[10, 20, 30], [40, 50, 60]])[..., np.newaxis]
        found = occlusion(linear, picture, 0, patch=1, stride=1, baseline=15)
        np.testing.assert_array_equal(found, [[1 * -5, 2 * 5, -3 * 15], [0.5 * 25, 0, 4 * 45]])

    def test_the_edges_by_hand(self):
        """A patch 1 x 2 with stride 2 over 3 pixels lies at 0 and at 1: the pixel in the middle is covered twice."""
        linear = keras.Sequential([keras.Input((1, 3, 1)), layers.Flatten(), layers.Dense(1, name="scores")])
        linear.set_weights([np.float32([[1], [10], [100]]), np.zeros(1)])
        found = occlusion(linear, np.ones((1, 3, 1)), 0, patch=(1, 2), stride=(1, 2), baseline=0)
        np.testing.assert_array_equal(found, [[11, (11 + 110) / 2, 110]])

    @pytest.mark.parametrize(
        ("baseline", "cover"),
        [
            ("mean", PICTURES[1].mean((0, 1))),
            ("grey", 127.5),
            (0, 0),
            (PICTURES[2], PICTURES[2]),
        ],
    )
    def test_baselines(self, baseline, cover, model):
        cover = np.broadcast_to(np.float32(cover), (7, 10, 3))
        found = occlusion(model, PICTURES[1], 0, (3, 4), 2, baseline)
        expected = naive(class_score(model, 0), PICTURES[1], (3, 4), (2, 2), cover)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-2)

    def test_blur(self, model):
        """Of one colour all over, a picture is as sharp blurred; a stripe loses contrast, along both sides."""
        even = np.full((7, 10, 3), 90, np.uint8)
        np.testing.assert_allclose(occlusion(model, even, 0, 3, 2, "blur"), 0, atol=1e-2)
        x = keras.Input((40, 60, 1))
        brightest = keras.Model(x, layers.GlobalMaxPooling2D(name="most")(x))
        for stripe in (np.s_[20], np.s_[:, 30]):
            picture = np.zeros((40, 60, 1))
            picture[stripe] = 255
            drop = occlusion(brightest, picture, channel(brightest, "most", 0), (40, 60), (40, 60), "blur")
            # A line of width 1 under a Gaussian of standard deviation 60 / 20.
            np.testing.assert_allclose(drop, 255 * (1 - 1 / (3 * np.sqrt(2 * np.pi))), rtol=0.02)

    def test_an_objective_is_missed_where_it_looks(self, model):
        found = occlusion(model, PICTURES[0], neuron(model, "conv", 1, (2, 3)), 1, 1, baseline=255 - PICTURES[0])
        inside = np.zeros((7, 10), bool)
        inside[2:5, 3:6] = True
        assert (found[~inside] == 0).all()
        assert (found[inside] != 0).any()


class TestGrowing:
    @pytest.mark.parametrize(("patch", "stride"), [(3, 1), ((2, 5), (1, 2)), ((7, 10), (1, 1)), ((4, 3), (3, 3))])
    def test_a_few_places_that_cover_all_come_first(self, patch, stride, model):
        found = growing_occlusion(model, PICTURES[0], 2, patch, stride, 50, batch_size=1, coarse_first=True)
        tall, wide = (patch, patch) if isinstance(patch, int) else patch
        covered_after = [done for done in found.steps if found.times.all()]
        assert covered_after[-1] == found.total
        if stride in (1, (1, 1)):
            assert covered_after[0] == -(-7 // tall) * -(-10 // wide)  # as few as can be
        expected = occlusion(model, PICTURES[0], 2, patch, stride, 50)
        np.testing.assert_array_equal(np.float32(found.drops / found.times)[0], expected)

    def test_nothing_is_computed_before_it_is_asked_for(self, model):
        found = growing_occlusion(model, PICTURES, [0, 1, 2], 3, 2, 50, batch_size=4)
        assert not found.times.any()
        assert next(found.steps) == 4
        assert found.times.sum() == 4 * 9
        assert found.alone is False


class TestPicturesAndTargets:
    def test_alone_and_in_batches(self, model):
        how = {"patch": (3, 4), "stride": 2, "baseline": 50}
        together = occlusion(model, PICTURES, 1, **how)
        assert together.shape == (3, 7, 10)
        np.testing.assert_array_equal(occlusion(model, PICTURES, 1, batch_size=7, **how), together)
        np.testing.assert_array_equal(occlusion(model, PICTURES[2], 1, **how), together[2])

    def test_one_target_for_each_picture(self, model):
        how = {"patch": 3, "stride": 2, "baseline": 50}
        targets = [neuron(model, "conv", 0), 4, channel(model, "conv", 1)]
        found = occlusion(model, PICTURES, targets, **how)
        several = occlusion(model, PICTURES[0], targets, **how)  # of one picture
        for number, target in enumerate(targets):
            np.testing.assert_allclose(found[number], occlusion(model, PICTURES[number], target, **how), rtol=1e-5)
            np.testing.assert_allclose(several[number], occlusion(model, PICTURES[0], target, **how), rtol=1e-5)

    def test_none_is_the_top_class_of_each(self, model):
        tops = np.argmax([class_score(model, index)(PICTURES) for index in range(5)], axis=0)
        how = {"patch": 3, "stride": 2}
        np.testing.assert_array_equal(
            occlusion(model, PICTURES, None, **how), occlusion(model, PICTURES, tops.tolist(), **how)
        )

    def test_whole_numbers_and_several_inputs(self):
        """The first picture is covered, with whole numbers where the network takes such; the rest stays."""
        number, whole = keras.Input((2,), name="number"), keras.Input((1, 2, 1), dtype="uint8", name="picture")
        flat = layers.Flatten()(layers.Rescaling(1.0)(whole))
        both = keras.Model([number, whole], layers.Multiply(name="product")([number, flat]))
        picture = np.uint8([[[100], [200]]])
        found = occlusion(both, [np.float32([2, 3]), picture], channel(both, "product", 0), 1, 1, baseline=49.6)
        np.testing.assert_array_equal(found, [[2 * (100 - 50), 0]])

    def test_the_picture_stays_and_the_copies_are_few(self, model):
        x = keras.Input((128, 128, 3))
        large = keras.Model(x, layers.GlobalAveragePooling2D(name="mean")(x))
        picture = np.zeros((128, 128, 3), np.float32)
        occlusion(large, picture, 0, 16, 16, 100, batch_size=4)
        before = picture.copy()
        tracemalloc.start()
        occlusion(large, picture, 0, 16, 4, 100, batch_size=4)  # 841 copies of 0.2 MB
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert most < 20 * picture.nbytes
        np.testing.assert_array_equal(picture, before)


class TestWrongArguments:
    @pytest.mark.parametrize(
        ("how", "words"),
        [
            ({"patch": 8}, "patch must be from 1 to 7, not 8"),
            ({"patch": (2, 11)}, "patch must be from 1 to 10, not 11"),
            ({"patch": (1, 2, 3)}, r"patch must be one number of pixels or \(height, width\)"),
            ({"patch": 2, "stride": 3}, "stride must be from 1 to 2, not 3: .* none is to be missed"),
            ({"patch": 2, "stride": 0}, "stride must be from 1 to 2, not 0"),
            ({"baseline": "gray"}, "There is no baseline 'gray'. Did you mean 'grey'"),
            ({"baseline": (1, 2)}, r"baseline must be a number, a colour \(3,\) or a picture"),
            ({"baseline": np.nan}, "baseline holds NaN"),
            ({"target": 5}, "There is no class 5"),
            ({"target": [0, 1]}, "There are 2 objectives but 3 pictures"),
        ],
    )
    def test_values(self, how, words, model):
        with pytest.raises(ValueError, match=words):
            occlusion(model, PICTURES, **{"target": 0, "patch": 2, "stride": 1, **how})

    def test_no_picture(self):
        x = keras.Input((4,))
        row = keras.Model(x, layers.Dense(2, name="scores")(x))
        with pytest.raises(ValueError, match=r"There is no picture to cover: this network takes \(4,\)"):
            occlusion(row, np.zeros((1, 4)), 0)
