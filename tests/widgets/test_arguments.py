"""What an output says of itself, from which the web book makes it live where no Python runs."""

import json

import keras
import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter

from coursekit import (
    ChannelExplorer,
    DreamExplorer,
    EmbeddingExplorer,
    FoolingExplorer,
    OcclusionExplorer,
    UnitCard,
    check,
    photo,
    predict,
    quiz,
    randomize,
    squeezenet,
    with_average_pooling,
)
from coursekit.widgets.networks import published

FACE = np.s_[20:240, 120:340]
PICTURES = np.arange(6 * 28 * 28, dtype=np.float32).reshape(6, 28, 28, 1) % 251
POINTS = np.float32([[0, 0], [1, 0], [0, 1], [1, 1], [2, 0], [0, 2]])


def about(shown):
    """Return what stands in the metadata of an output, as a notebook's file has it."""
    _, metadata = DisplayFormatter().format(shown)
    written = json.dumps(metadata["coursekit"])
    assert len(written) < 2000
    return json.loads(written)


@pytest.fixture(autouse=True)
def _folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # no answers of others


def test_channel_explorer(network):
    explorer = ChannelExplorer(network, photo("astronaut")[FACE], layer="fire6-squeeze1x1", channel=13, scale="own")
    arguments = {"layer": "fire6-squeeze1x1", "channel": 13, "scale": "own", "relu": False, "sort": False}
    arguments |= {"network": "squeezenet", "photo": "face"}
    assert about(explorer) == {"kind": "ChannelExplorer", "arguments": arguments}
    explorer.relu, explorer.channel = True, 20  # what is chosen when the notebook is saved
    explorer.image = 255 - photo("astronaut")[FACE]
    assert about(explorer)["arguments"] == arguments | {"relu": True, "channel": 20, "photo": None}


def test_another_network(network, small):
    assert about(ChannelExplorer(small, PICTURES[0]))["arguments"]["network"] is None
    assert published(network) == "squeezenet"
    assert published(randomize(network, ["conv10"])) is None  # of the same layers and names
    # The same weights, and another network: a page would show what SqueezeNet computes as if it were this one's.
    assert published(with_average_pooling(network)) is None
    other = squeezenet()
    assert published(other) == "squeezenet"
    other.get_layer("conv1").activation = keras.activations.tanh
    assert published(other) is None


def test_dream_explorer(network):
    explorer = DreamExplorer(network, label="zebra", b={"l2": 20}, steps=40)
    explorer._still = str  # drawing is not what is tested
    said = about(explorer)
    assert said["kind"] == "DreamExplorer"
    assert set(said["arguments"]) == {"layer", "channel", "label", "a", "b", "compare", "steps", "network", "size"}
    assert (said["arguments"]["label"], said["arguments"]["steps"], said["arguments"]["size"]) == (340, 40, None)
    assert (said["arguments"]["a"]["l2"], said["arguments"]["b"]["l2"]) == (0, 20)


def test_embedding_explorer():
    explorer = EmbeddingExplorer({"PCA": POINTS, np.int64(30): POINTS}, PICTURES, labels=list("aabbcc"), k=2, chosen=3)
    arguments = {"shown": "PCA", "chosen": 3, "color": "class", "maps": ["PCA", 30], "pictures": 6}
    assert about(explorer) == {"kind": "EmbeddingExplorer", "arguments": arguments}


def test_unit_card(small):
    card = UnitCard(small, "conv", 2, PICTURES, k=2, drawing=PICTURES[0], steps=8)
    arguments = {"channel": 2, "network": None, "layer": "conv", "steps": 8}
    assert about(card) == {"kind": "UnitCard", "arguments": arguments}


def test_explorers_without_a_page_of_their_own(small):
    explorer = OcclusionExplorer(small, PICTURES[0], 3, patch=7, stride=7)
    said = about(explorer)
    explorer.close()
    assert (said["kind"], said["arguments"]["target"]) == ("OcclusionExplorer", 3)
    assert FoolingExplorer._arguments is OcclusionExplorer._arguments  # what is chosen, nothing more


def test_questions():
    assert about(predict("01.zeros")) == {
        "kind": "QuestionCards",
        "arguments": {"asks": "prediction", "ids": ["01.zeros"]},
    }
    said = about(quiz("01"))["arguments"]
    assert said["asks"] == "quiz"
    assert all(id.startswith("01.quiz.") for id in said["ids"])


@pytest.mark.parametrize(
    ("id", "given", "result"), [("01.zeros", np.float32(93.385134), 93.3851), ("01.which-part", ..., "E")]
)
def test_results(id, given, result):
    note = predict(id, result=given)
    assert about(note) == {"kind": "Result", "arguments": {"id": id, "result": result}}
    assert note == predict(id, result=given)


def test_checks_say_nothing_of_the_answer(monkeypatch):
    for answer in (46, 3, "no number"):
        assert about(check("01.strongest-channel", answer)) == {
            "kind": "Check",
            "arguments": {"id": "01.strongest-channel"},
        }
