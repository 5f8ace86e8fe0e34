"""Networks of odd kinds: a page that says what it cannot show, or an error that says what to do."""

import numpy as np
import pytest
from PIL import Image

from coursekit import write_report
from coursekit.report import writing
from tests.contract import more_networks  # noqa: F401 -- enters networks
from tests.contract.networks import KINDS


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    place = tmp_path_factory.mktemp("pictures")
    for i in range(3):
        colours = np.random.default_rng(i).integers(0, 256, (10, 12, 3)).astype(np.uint8)
        Image.fromarray(colours).save(place / f"{i}.png")
    return place


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("makes_nan", "The network answers NaN or infinity to some pictures."),
        ("channels_first", "has its channels first"),
        ("sequences_in", "Pictures are for networks with one input (height, width, channels); this takes 9 x 3."),
        ("siamese", "this takes 9 x 9 x 3 and 9 x 9 x 3."),
        ("with_alpha", "this network takes 4 channels"),
        ("several_outputs", "The network does not answer with one number for each class."),
        ("any_size", "3 pictures were looked at, each at 224 x 224."),
    ],
)
def test_the_page_says_what_it_cannot_show(kind, said, pictures, tmp_path, monkeypatch):
    shown = ("architecture", "answers", "pictures")
    monkeypatch.setattr(writing, "PARTS", [part for part in writing.PARTS if part[0] in shown])
    text = write_report(KINDS[kind]().model, pictures, tmp_path / "report.html").read_text(encoding="utf-8")
    assert said in text
    assert "Architecture" in text


@pytest.mark.parametrize(
    ("kind", "said"),
    [("without_an_input", "no input shape yet"), ("subclassed", "call.. of its own"), ("stateful", "is stateful")],
)
def test_what_has_no_layers_to_show_is_refused(kind, said, pictures, tmp_path):
    with pytest.raises((ValueError, TypeError), match=said):
        write_report(KINDS[kind]().model, pictures, tmp_path / "report.html")
    assert not list(tmp_path.iterdir())
