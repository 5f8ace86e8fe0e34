import re

import numpy as np
import pytest

from coursekit import imagenet_labels
from coursekit.report.labels import below_common, labels_of

NAMES = ["cats/1.png", "cats/deep/2.png", "dogs/1.png", "loose.png"]


def test_folders_in_alphabetical_order():
    found = labels_of("by-folder", NAMES, 4, 2, None)
    assert found.classes.tolist() == [0, 0, 1, -1]
    assert found.names == {0: "cats", 1: "dogs"}
    assert "in alphabetical order" in found.rule
    assert "1 of 4 pictures lie in no sub-folder" in found.rule


def test_folders_by_the_names_given():
    found = labels_of("by-folder", NAMES, 4, 3, ["dogs", "mice", "cats"])
    assert found.classes.tolist() == [2, 2, 0, -1]
    assert found.names == {0: "dogs", 1: "mice", 2: "cats"}
    assert "by their names" in found.rule


def test_folders_by_number_not_in_alphabetical_order():
    names = [f"{i}/a.png" for i in range(12)]
    found = labels_of("by-folder", names, 12, 12, None)
    assert found.classes.tolist() == list(range(12))
    assert "by number" in found.rule


def test_folders_by_the_names_of_imagenet():
    found = labels_of("by-folder", ["goose/1.png", "tabby/1.png"], 2, 1000, None)
    assert [imagenet_labels()[i] for i in found.classes] == ["goose", "tabby, tabby cat"]
    assert "ImageNet" in found.rule
    assert found.called == (
        "Classes are called by ImageNet's names, because there are 1,000; --classes (class_names in Python) gives "
        "others."
    )


def test_a_thousand_folders_of_other_names():
    names = [f"kind {i:04}/a.png" for i in range(1000)]
    found = labels_of("by-folder", names, 1000, 1000, None)
    assert found.classes.tolist() == list(range(1000))
    assert (found.names[7], found.called) == ("kind 0007", "")
    assert "in alphabetical order" in found.rule


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["/a/pics/cats/1.png", "/a/pics/cats/deep/2.png", "/a/pics/dogs/1.png", "/a/pics/loose.png"], NAMES),
        (["pics/cats/1.png", "pics/cats/deep/2.png", "pics/dogs/1.png", "pics/loose.png"], NAMES),
        (["cats/1.png", "../here/dogs/1.png", "loose.png"], ["cats/1.png", "dogs/1.png", "loose.png"]),
        (["~/cats/1.png", "/home/me/dogs/1.png"], ["cats/1.png", "dogs/1.png"]),
        (["/a/cats/1.png", "/a/cats/2.png"], ["1.png", "2.png"]),
        (["/a/cats/1.png"], ["1.png"]),
    ],
)
def test_a_list_of_files_is_named_below_what_holds_them_all(files, expected, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("HOME", "/home/me")
    assert below_common(files) == expected


@pytest.mark.parametrize("labels", [[2, 0, 1, 1], np.uint8([2, 0, 1, 1]), ["c", "a", "b", "b"]])
def test_labels_one_by_one(labels):
    assert labels_of(labels, None, 4, 3, None).classes.tolist() == [2, 0, 1, 1]


def test_no_labels():
    found = labels_of(None, NAMES, 4, None, None)
    assert found == (found.classes, {}, "", "")
    assert (found.classes == -1).all()


@pytest.mark.parametrize(
    ("labels", "names", "classes", "given", "said"),
    [
        ("by-folder", NAMES, 5, None, "2 labels ('cats', 'dogs'), but the network tells 5 classes apart"),
        ("by-folder", NAMES, 2, ["cats", "mice"], "'dogs' is none of the class names: 'cats', 'mice'"),
        ("by-folder", NAMES, 3, ["a", "b"], "2 different class names, but the network tells 3 apart"),
        ("by-folder", NAMES, 2, ["a", "a"], "1 different class names, but the network tells 2 apart"),
        ("by-folder", ["a.png"] * 4, 2, None, "lie in no sub-folders"),
        ("by-folder", None, 2, None, "lie in no sub-folders"),
        ("by-folder", NAMES, None, None, "does not answer with one number for each class"),
        ("by-folder", ["gose/1.png"] * 4, 1000, None, "ImageNet has no class 'gose'"),
        ("by-folder", ["gose/1.png"] * 4, 1000, None, "If the classes are not ImageNet's, say what the classes are"),
        ("by-folder", NAMES, 5, None, "in their order: --classes, or class_names in Python."),
        (None, NAMES, None, ["a", "b"], "so it takes no class names"),
        ("folder", NAMES, 2, None, "labels must be 'by-folder'"),
        ([0, 1], NAMES, 2, None, "4 pictures but 2 labels"),
        ([0, 1, 2, 0], NAMES, 2, None, "no class 2: the network tells 2 apart"),
        ([0, 1, -1, 0], NAMES, 2, None, "no class -1"),
    ],
)
def test_what_cannot_be_matched(labels, names, classes, given, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        labels_of(labels, names, 4, classes, given)


def test_labels_of_another_kind():
    with pytest.raises(TypeError, match="whole numbers, or words"):
        labels_of([0.5, 1, 1, 1], None, 4, 2, None)
