"""What is said of a wrong value that is none of the usual mistakes: what it comes to, and not what is right."""

import re

import numpy as np
import pytest

from coursekit import activations, class_score, photo, photos, squeezenet
from coursekit.exercises.cases import case_of
from coursekit.exercises.catalogue import find
from coursekit.exercises.comparing import compare

SEEDS = (0, 1003)


def off_the_list(exercise, case, answers):
    """Return what is said of those of the answers that are neither right nor a usual mistake."""
    verdicts = {str(answer): compare(exercise, [case], [answer]) for answer in answers}
    return {key: v.says for key, v in verdicts.items() if not v.is_right and not v.mistake}


def shown(text):
    """Return the number that a text gives for what was reached, and how far it is rounded."""
    digits = re.search(r"(?:reaches|gives) (-?[\d.]+(?:e[-+]\d+)?)", text).group(1)
    return float(digits), max(abs(float(digits)) * 5e-3, 1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_wrong_channel_is_told_what_it_reaches(seed):
    exercise = find("01.strongest-channel")
    case = case_of(exercise, seed)
    layer = activations(squeezenet(), photo(case["picture"], size=227), case["layer"])
    said = off_the_list(exercise, case, range(layer.shape[-1]))
    assert len(said) > layer.shape[-1] // 2
    for channel, text in said.items():
        largest = layer[..., int(channel)].max()
        value, margin = shown(text)
        assert abs(value - largest) <= margin
        assert text.startswith(f"Channel {channel} of this layer reaches ")
        assert largest < layer.max()
        assert str(exercise.right(case)) not in re.findall(r"\d+", text.replace(f"Channel {channel} ", ""))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_wrong_giver_is_told_what_it_gives(seed):
    exercise = find("05.served")
    case = case_of(exercise, seed)
    net, image = squeezenet(), photos()[0][case["photo"]]
    lead = [
        class_score(net, index) for index in (int(net.predict(image[np.newaxis], verbose=0).argmax()), case["rival"])
    ]
    whole = float(lead[0](image) - lead[1](image))
    weights, bias = net.get_layer("conv10").get_weights()
    first = int(net.predict(image[np.newaxis], verbose=0).argmax())
    said = off_the_list(exercise, case, range(512))
    parts = {int(channel): shown(text)[0] for channel, text in said.items()}
    assert len(parts) > 500
    mean = activations(net, image, "fire9-concat").mean(axis=(0, 1))
    rest = sum(
        float(mean[c] * (weights[0, 0, c, first] - weights[0, 0, c, case["rival"]]))
        for c in range(512)
        if c not in parts
    )
    # All parts and the biases add up to the lead that the network itself gives, up to three digits of each part.
    assert sum(parts.values()) + rest + float(bias[first] - bias[case["rival"]]) == pytest.approx(whole, abs=0.05)
    assert all("another one gives more" in text for text in said.values())


@pytest.mark.parametrize("seed", SEEDS)
def test_wrong_photos_are_told_their_means(seed):
    exercise = find("02.best-photo")
    case = case_of(exercise, seed)
    maps = activations(squeezenet(), photos()[0], case["layer"])[..., case["channel"]]
    order = maps.mean(axis=(1, 2)).argsort()[::-1]
    best, second, third, fourth, fifth = order[:5].tolist()
    tries = {
        "and a photo that you left out has more than": [best, second, fifth],
        "the best should come first": [second, best, third],
        "one photo stands there twice": [best, fourth, fourth],
        "There is no photo 20: they go from 0 to 19.": [best, second, 20],
    }
    for says, answer in tries.items():
        verdict = compare(exercise, [case], [answer])
        assert says in verdict.says
        if "means" in verdict.says:
            assert f"{maps[answer[0]].mean():.4g}, {maps[answer[1]].mean():.4g}" in verdict.says
