"""What is said of a wrong value that is none of the usual mistakes: what it comes to, and not what is right."""

import re

import pytest

from coursekit import activations, photo, squeezenet
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
    digits = re.search(r"reaches (-?[\d.]+(?:e[-+]\d+)?)", text).group(1)
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
