import itertools
import re

import numpy as np
import pytest
from scipy.stats import mannwhitneyu
from sklearn.metrics import roc_auc_score

from coursekit import activations, name_score, squeezenet, unit_activations
from coursekit.networks.backend import keras

layers = keras.layers
Y, N = True, False


def by_hand(answers, says):
    yes = [a for a, said in zip(answers, says, strict=True) if said]
    no = [a for a, said in zip(answers, says, strict=True) if not said]
    return np.mean([(a > b) + 0.5 * (a == b) for a in yes for b in no])


@pytest.mark.parametrize(
    ("answers", "says", "right", "by_chance"),
    [
        ([5, 4, 3, 2, 1, 0], [Y, Y, Y, N, N, N], 1, 1 / 20),  # one of the 20 ways to choose three of six
        ([5, 4, 3, 2, 1, 0], [N, N, N, Y, Y, Y], 0, 1),
        ([5, 4, 3, 2, 1, 0], [Y, Y, N, Y, N, N], 8 / 9, 2 / 20),
        ([3, 3, 3, 3], [Y, N, Y, N], 0.5, 1),
        ([5, 4, 3, 2, 1, 0], [Y, N, N, N, N, N], 1, 1 / 6),
        ([2, 0, 0, 0], [Y, Y, N, N], 0.75, 3 / 6),  # the half of the pairs that are equal
    ],
)
def test_by_hand(answers, says, right, by_chance):
    score = name_score(answers, says)
    assert score.auc == pytest.approx(right)
    assert score.p_value == pytest.approx(by_chance)
    assert (score.yes, score.no) == (says.count(True), says.count(False))
    assert score.mean_yes == pytest.approx(np.mean([a for a, s in zip(answers, says, strict=True) if s]))
    assert score.mean_no == pytest.approx(np.mean([a for a, s in zip(answers, says, strict=True) if not s]))


def test_against_scikit_learn_and_all_permutations():
    random = np.random.default_rng(0)
    for _ in range(5):
        answers = np.maximum(random.normal(size=9), 0)  # as behind a ReLU: many equal zeros
        says = np.isin(np.arange(9), random.choice(9, 4, replace=False))
        score = name_score(answers, says)
        assert score.auc == pytest.approx(roc_auc_score(says, answers))
        ways = [np.isin(np.arange(9), way) for way in itertools.combinations(range(9), 4)]
        as_well = np.mean([by_hand(answers, way) >= score.auc - 1e-9 for way in ways])
        assert score.p_value == pytest.approx(as_well)


def test_against_scipy():
    random = np.random.default_rng(2)
    answers = np.round(random.normal(size=60), 1)
    says = random.random(60) < 1 / (1 + np.exp(-answers))
    test = mannwhitneyu(answers[says], answers[~says], alternative="greater", method="asymptotic")
    score = name_score(answers, says)
    assert score.auc == pytest.approx(test.statistic / (score.yes * score.no))
    assert score.p_value == pytest.approx(test.pvalue, abs=0.01)
    assert 0.01 < test.pvalue < 0.5


def test_names_that_mean_nothing_score_as_chance_says():
    random = np.random.default_rng(1)
    scores = [name_score(random.normal(size=30), random.permutation(30) < 12) for _ in range(60)]
    assert np.mean([score.auc for score in scores]) == pytest.approx(0.5, abs=0.04)
    assert np.mean([score.p_value for score in scores]) == pytest.approx(0.5, abs=0.12)
    again = name_score(np.arange(30), random.permutation(30) < 12)
    assert 0 < again.p_value <= 1


def test_many_ways_are_sampled_with_a_seed():
    answers, says = np.arange(40), np.arange(40) % 3 > 0
    assert name_score(answers, says) == name_score(answers, says)
    assert name_score(answers, answers > 19).p_value < 0.001


def test_in_words():
    assert str(name_score([5, 4, 3, 2, 1, 0], [Y, Y, N, Y, N, N])) == (
        "89% of all pairs are ordered right; chance gives 50%. The mean answer is 3.667 to the 3 with it, 1.333 to the "
        "3 without. Yes and no dealt out at random do as well in 10.0% of cases."
    )
    few = name_score([5, 4, 3, 2, 1, 0], [Y, Y, N, N, N, N])
    assert few.few
    assert str(few).endswith("That is too few pictures to tell: it takes 3 of each at least.")
    assert "less than 0.1%" in str(name_score(np.arange(40), np.arange(40) > 19))


@pytest.mark.parametrize(
    ("answers", "says", "error", "says_so"),
    [
        ([1, 2], [Y, Y], ValueError, "2 pictures were said to show it and 0 not to"),
        ([], [], ValueError, "0 pictures were said"),
        ([1, 2, 3], [Y, N], ValueError, "(3,) answers, (2,) says"),
        ([[1], [2]], [[Y], [N]], ValueError, "one answer for each picture"),
        ([1, np.nan], [Y, N], ValueError, "NaN"),
        ([1, 2], [Y, None], TypeError, "Leave out pictures not judged"),
        ([1, 2], [1, 0], TypeError, "True and False only, not int64"),
        (["a", "b"], [Y, N], TypeError, "must hold numbers"),
    ],
)
def test_refused(answers, says, error, says_so):
    with pytest.raises(error, match=re.escape(says_so)):
        name_score(answers, says)


def test_answers_are_the_largest_activations():
    network = squeezenet()
    images = np.random.default_rng(0).integers(0, 256, (35, 227, 227, 3)).astype(np.uint8)  # more than one batch
    answers = unit_activations(network, "fire6-squeeze1x1", images)
    maps = activations(network, images, "fire6-squeeze1x1")
    np.testing.assert_allclose(answers, maps.max(axis=(1, 2)), rtol=1e-4, atol=1e-2)
    assert answers.dtype == np.float32
    assert unit_activations(network, "prob", images[0]).sum() == pytest.approx(1, abs=1e-4)


def test_answers_of_other_layers_are_refused():
    network = keras.Sequential([keras.Input((8, 8, 3)), layers.Reshape((64, 3), name="flat"), layers.Flatten()])
    with pytest.raises(ValueError, match="not as 'flat'"):
        unit_activations(network, "flat", np.zeros((2, 8, 8, 3)))


def test_answers_of_a_network_with_two_inputs():
    picture, place = keras.Input((8, 8, 3), name="picture"), keras.Input((2,), name="place")
    maps = keras.layers.Conv2D(4, 3, name="conv")(picture)
    out = keras.layers.Concatenate()([keras.layers.GlobalAveragePooling2D()(maps), place])
    model = keras.Model([picture, place], out)
    rng = np.random.default_rng(0)
    inputs = [rng.random((40, 8, 8, 3)), rng.random((40, 2))]
    expected = activations(model, inputs, "conv").max(axis=(1, 2))
    np.testing.assert_allclose(unit_activations(model, "conv", inputs), expected, rtol=1e-5)
