import inspect

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

from coursekit import (
    digits,
    feature_vectors,
    nearest_neighbors,
    pca,
    place_in_map,
    principal_components,
    tsne,
)

RANDOM = np.random.default_rng(0)
FEATURES = RANDOM.normal(size=(40, 7)).astype(np.float32)
QUERIES = RANDOM.normal(size=(6, 7)).astype(np.float32)


@pytest.fixture(scope="module")
def some_digits():
    """500 digits as vectors (500, 784), and which digit each is."""
    pictures, labels = digits()
    return feature_vectors(pictures[::10]), labels[::10]


def distances_to_all(features, queries, metric):
    """Return every distance by its definition, (M, N)."""
    features, queries = features.astype(np.float64), queries.astype(np.float64)
    if metric == "euclidean":
        return np.sqrt(((queries[:, np.newaxis] - features) ** 2).sum(-1))
    lengths = np.linalg.norm(queries, axis=1)[:, np.newaxis] * np.linalg.norm(features, axis=1)
    return 1 - queries @ features.T / lengths


class TestFeatureVectors:
    MAPS = RANDOM.integers(0, 256, (3, 4, 5, 2)).astype(np.uint8)

    def test_every_place_is_a_number_of_its_own(self):
        vectors = feature_vectors(self.MAPS)
        assert vectors.dtype == np.float32
        np.testing.assert_array_equal(vectors, self.MAPS.reshape(3, 40))

    def test_means_over_places(self):
        np.testing.assert_allclose(feature_vectors(self.MAPS, average=True), self.MAPS.mean((1, 2)), rtol=1e-6)

    @pytest.mark.parametrize("average", [False, True])
    def test_alone_in_alone_out(self, average):
        np.testing.assert_array_equal(feature_vectors(self.MAPS[1], average), feature_vectors(self.MAPS, average)[1])

    @pytest.mark.parametrize("vectors", [FEATURES, FEATURES[0]])
    def test_vectors_stay(self, vectors):
        np.testing.assert_array_equal(feature_vectors(vectors, average=True), vectors)

    @pytest.mark.parametrize("shape", [(), (1, 2, 3, 4, 5), (0, 4, 4, 3), (0, 3)])
    def test_other_shapes(self, shape):
        with pytest.raises(ValueError, match=r"activation (must have shape|is empty)"):
            feature_vectors(np.zeros(shape))

    def test_a_stack_of_grey_pictures_is_not_taken_for_one(self):
        with pytest.raises(ValueError, match="are these 60 grey pictures"):
            feature_vectors(np.zeros((60, 28, 28)))


class TestNearestNeighbors:
    @pytest.mark.parametrize("metric", ["euclidean", "cosine"])
    @pytest.mark.parametrize("k", [1, 3, 40])
    def test_all_distances_sorted(self, metric, k):
        every = distances_to_all(FEATURES, QUERIES, metric)
        indices, distances = nearest_neighbors(FEATURES, QUERIES, k, metric)
        assert (indices.dtype, distances.dtype) == (np.int64, np.float32)
        np.testing.assert_array_equal(indices, every.argsort(axis=1)[:, :k])
        np.testing.assert_allclose(distances, np.sort(every, axis=1)[:, :k], rtol=1e-5, atol=1e-6)

    def test_one_query(self):
        for one, several in zip(
            nearest_neighbors(FEATURES, QUERIES[2]), nearest_neighbors(FEATURES, QUERIES), strict=True
        ):
            assert one.shape == (5,)
            np.testing.assert_allclose(one, several[2], rtol=1e-6)

    @pytest.mark.parametrize("metric", ["euclidean", "cosine"])
    def test_a_query_among_the_features_finds_itself(self, metric):
        indices, distances = nearest_neighbors(FEATURES, FEATURES, 3, metric)
        np.testing.assert_array_equal(indices[:, 0], np.arange(40))
        np.testing.assert_allclose(distances[:, 0], 0, atol=1e-5)

    @pytest.mark.parametrize("k", [1, 4, 39])
    def test_without_itself(self, k):
        indices, distances = nearest_neighbors(FEATURES, FEATURES, k, exclude=range(40))
        whole = nearest_neighbors(FEATURES, FEATURES, k + 1)
        np.testing.assert_array_equal(indices, whole[0][:, 1:])
        np.testing.assert_allclose(distances, whole[1][:, 1:], rtol=1e-6)

    def test_equal_copies_stay(self):
        features = np.concatenate([FEATURES, FEATURES[:1], FEATURES[:1]])
        indices, distances = nearest_neighbors(features, features[0], 2, exclude=0)
        assert sorted(indices) == [40, 41]
        np.testing.assert_allclose(distances, 0, atol=1e-5)
        many = np.ones((9, 2))  # whichever of nine equal ones are found, never the excluded one
        for row in range(9):
            assert row not in nearest_neighbors(many, many[row], 3, exclude=row)[0]

    def test_any_row_can_be_excluded(self):
        first = nearest_neighbors(FEATURES, QUERIES, 2)[0]
        np.testing.assert_array_equal(nearest_neighbors(FEATURES, QUERIES, 1, exclude=first[:, 0])[0], first[:, 1:])
        np.testing.assert_array_equal(nearest_neighbors(FEATURES, QUERIES, 1, exclude=first[:, 1])[0], first[:, :1])

    def test_length_does_not_matter_for_the_angle(self):
        lengths = RANDOM.uniform(0.1, 100, (40, 1))
        for found, before in zip(
            nearest_neighbors(FEATURES * lengths, QUERIES, 5, "cosine"),
            nearest_neighbors(FEATURES, QUERIES, 5, "cosine"),
            strict=True,
        ):
            np.testing.assert_allclose(found, before, rtol=1e-4)

    def test_zeros_have_no_direction(self):
        assert nearest_neighbors(np.zeros((1, 3)), [1, 2, 3], 1, "cosine")[1] == [1]

    @pytest.mark.parametrize("convert", [np.float64, np.float16, lambda x: x.tolist()])
    def test_types_of_numbers(self, convert):
        features = FEATURES.round(1)
        indices, distances = nearest_neighbors(convert(features), convert(QUERIES.round(1)), 1)
        expected = nearest_neighbors(features, QUERIES.round(1), 1)
        np.testing.assert_array_equal(indices, expected[0])
        np.testing.assert_allclose(distances, expected[1], rtol=1e-2)
        assert distances.dtype == np.float32

    def test_bytes_do_not_wrap_around(self):
        assert nearest_neighbors(np.uint8([[0], [250]]), np.uint8([[1], [254]]), 1)[1].tolist() == [[1], [4]]

    @pytest.mark.parametrize(
        ("arguments", "error", "words"),
        [
            ({"k": 0}, ValueError, "k must be from 1 to 40, not 0: there are 40 features"),
            ({"k": 41}, ValueError, "k must be from 1 to 40, not 41"),
            ({"k": 40, "exclude": range(6)}, ValueError, "k must be from 1 to 39, not 40: there are 39 other features"),
            ({"k": 2.0}, TypeError, "k must be a whole number from 1 to 40, not 2.0"),
            ({"k": True}, TypeError, "k must be a whole number"),
            ({"metric": "cosin"}, ValueError, r"no metric 'cosin'\. Did you mean 'cosine'\?"),
            ({"exclude": 3}, ValueError, "exclude names 1 rows, but there are 6 queries; give one row for each"),
            ({"exclude": [0, 1, 2, 3, 4, 40]}, ValueError, "no row to exclude 40"),
            ({"exclude": [0.5] * 6}, TypeError, "row to exclude must be a whole number"),
            ({"queries": QUERIES[:, :6]}, ValueError, "queries have length 6, but features have length 7"),
            ({"queries": QUERIES * np.nan}, ValueError, "queries holds NaN"),
            ({"queries": "cat"}, TypeError, "queries must be an array of real numbers"),
            ({"queries": np.zeros((2, 4, 4, 3))}, ValueError, r"feature_vectors\(\.\.\.\) makes them"),
            ({"features": FEATURES[0]}, ValueError, r"features must be vectors, \(number, length\), not \(7,\)"),
            ({"features": np.zeros((0, 7))}, ValueError, "features is empty"),
            ({"features": [[1, 2], [3]]}, ValueError, "features must all have one length"),
            ({"features": FEATURES * 1j}, TypeError, "features must be an array of real numbers"),
        ],
    )
    def test_bad_input(self, arguments, error, words):
        with pytest.raises(error, match=words):
            nearest_neighbors(**{"features": FEATURES, "queries": QUERIES, **arguments})


class TestPCA:
    def test_largest_singular_values(self):
        centred = FEATURES.astype(np.float64) - FEATURES.mean(0, dtype=np.float64)
        left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
        found = pca(FEATURES, 3)
        assert (found.shape, found.dtype) == ((40, 3), np.float32)
        np.testing.assert_allclose(np.abs(found), np.abs(left * sizes)[:, :3], atol=1e-4)

    def test_as_the_library_has_it(self, some_digits):
        vectors, _ = some_digits
        found = pca(vectors, 10)
        exact = PCA(10, svd_solver="full").fit_transform(vectors.astype(np.float64))
        np.testing.assert_allclose(found, exact, atol=1e-2 * exact.std())  # it is randomised
        np.testing.assert_array_equal(found, pca(vectors, 10))

    def test_a_new_picture_in_the_same_map(self):
        fitted = principal_components(FEATURES, 2)
        np.testing.assert_allclose(fitted.transform(FEATURES[3:5]), pca(FEATURES, 2)[3:5], atol=1e-5)

    @pytest.mark.parametrize("dims", [0, 8, -1])
    def test_dims_out_of_range(self, dims):
        with pytest.raises(ValueError, match=f"dims must be from 1 to 7, not {dims}: there are 7 directions at most"):
            pca(FEATURES, dims)
        with pytest.raises(ValueError, match="from 1 to 3"):
            principal_components(FEATURES[:3], 8)


class TestTSNE:
    @pytest.mark.parametrize("start", ["pca", "random"])
    def test_as_the_library_has_it(self, some_digits, start):
        vectors, _ = some_digits
        vectors = vectors[::4]
        found = tsne(vectors, perplexity=10, seed=3, start=start)
        assert (found.shape, found.dtype) == ((125, 2), np.float32)
        reduced = PCA(50, random_state=0).fit_transform(vectors.astype(np.float64))
        method = TSNE(perplexity=10, init=start, learning_rate="auto", random_state=3)
        with threadpool_limits(1, "openmp"):
            np.testing.assert_array_equal(found, method.fit_transform(reduced))

    def test_neighbours_stay_neighbours(self, some_digits):
        vectors, labels = some_digits
        for positions, share in ((tsne(vectors), 0.7), (pca(vectors, 2), 0)):
            indices, _ = nearest_neighbors(positions, positions, 1, exclude=range(500))
            same = (labels[indices[:, 0]] == labels).mean()
            assert same > share
        assert same < 0.5  # two principal components alone are not enough

    def test_the_same_seed_gives_the_same_map(self):
        np.testing.assert_array_equal(tsne(FEATURES, 5, seed=1), tsne(FEATURES, 5, seed=1))
        assert np.abs(tsne(FEATURES, 5) - tsne(FEATURES, 8)).max() > 1

    def test_each_seed_gives_another_random_start(self):
        first, second = (tsne(FEATURES, 5, seed=seed, start="random") for seed in (1, 2))
        assert np.abs(first - second).max() > 1

    def test_the_design_of_its_call(self):
        assert list(inspect.signature(tsne).parameters) == ["features", "perplexity", "seed", "start"]

    @pytest.mark.parametrize("scale", [1e-36, 1e-30, 1e-10, 1e10, 1e18, 1e36])
    def test_a_map_does_not_depend_on_the_scale(self, scale):
        """Features far from 1 ended the process with a segmentation fault, or in a map of zeros."""
        centres = np.repeat(np.eye(3), 20, axis=0) + RANDOM.normal(0, 0.05, (60, 3))
        found = tsne((scale * centres).astype(np.float32), perplexity=10)
        indices, _ = nearest_neighbors(found, found, 5, exclude=range(60))
        assert (indices // 20 == np.arange(60)[:, np.newaxis] // 20).mean() > 0.95

    def test_a_sure_classifier(self):
        """Every picture has probability 1 for one class: what is left are differences of 1e-36."""
        logits = np.random.default_rng(0).normal(size=(60, 5)) * 3 + [90, 0, 0, 0, 0]
        exponentials = np.exp(logits - logits.max(1, keepdims=True))
        sure = (exponentials / exponentials.sum(1, keepdims=True)).astype(np.float32)
        assert (sure[:, 0] == 1).all()
        found = tsne(sure, perplexity=10)
        assert np.isfinite(found).all()
        assert (found.std(axis=0) > 0.1).all()

    def test_far_from_zero(self):
        found = tsne(FEATURES + np.float32(1e7), perplexity=10)
        assert np.isfinite(found).all()

    @pytest.mark.parametrize("count", [3, 20])
    def test_fewer_pictures_than_components(self, count):
        found = tsne(RANDOM.normal(size=(count, 100)), perplexity=2)
        assert found.shape == (count, 2)
        assert np.isfinite(found).all()

    @pytest.mark.parametrize(
        ("arguments", "error", "words"),
        [
            ({"perplexity": 40}, ValueError, "from 1 to below the number of features, 40, not 40; 13 would do"),
            ({"perplexity": 0.5}, ValueError, "perplexity must be from 1"),
            ({"perplexity": np.nan}, ValueError, "perplexity must be from 1"),
            ({"perplexity": "30"}, TypeError, "perplexity must be a number, not '30'; 30 is usual"),
            ({"seed": -1}, ValueError, "seed"),
            ({"seed": 1.5}, TypeError, "seed must be a whole number"),
            ({"start": "chance"}, ValueError, "There is no start 'chance'"),
            ({"features": FEATURES[:, :1]}, ValueError, "at least 2 numbers for a map, not 40 of 1"),
            ({"features": FEATURES[:2]}, ValueError, "at least 3 vectors"),
            ({"features": np.ones((40, 60))}, ValueError, "All features are the same"),
            ({"features": np.ones((4, 8, 8, 3))}, ValueError, "feature_vectors"),
        ],
    )
    def test_bad_input(self, arguments, error, words):
        with pytest.raises(error, match=words):
            tsne(**{"features": FEATURES, "perplexity": 5, **arguments})


class TestPlaceInMap:
    POSITIONS = RANDOM.normal(size=(40, 2)).astype(np.float32)

    def test_mean_weighted_by_nearness(self):
        placed = place_in_map(self.POSITIONS, FEATURES, QUERIES, 4)
        assert (placed.shape, placed.dtype) == ((6, 2), np.float32)
        indices, distances = nearest_neighbors(FEATURES, QUERIES, 4)
        weights = 1 / distances[..., np.newaxis]
        expected = (self.POSITIONS[indices] * weights).sum(1) / weights.sum(1)
        np.testing.assert_allclose(placed, expected, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(place_in_map(self.POSITIONS, FEATURES, QUERIES[1], 4), placed[1], rtol=1e-5)

    def test_one_that_is_there_already_keeps_its_place(self):
        np.testing.assert_allclose(place_in_map(self.POSITIONS, FEATURES, FEATURES), self.POSITIONS, atol=1e-3)

    def test_left_out_digits_land_among_their_like(self, some_digits):
        vectors, labels = some_digits
        left_out = np.arange(500) % 10 == 0
        positions = tsne(vectors[~left_out])
        placed = place_in_map(positions, vectors[~left_out], vectors[left_out])
        beside = nearest_neighbors(positions, placed, 1)[0][:, 0]
        assert (labels[~left_out][beside] == labels[left_out]).mean() > 0.6  # by chance 0.1

    def test_bad_input(self):
        with pytest.raises(ValueError, match="39 positions but 40 features; give one position for each"):
            place_in_map(self.POSITIONS[1:], FEATURES, QUERIES)
        with pytest.raises(ValueError, match="k must be from 1 to 40"):
            place_in_map(self.POSITIONS, FEATURES, QUERIES, 41)
