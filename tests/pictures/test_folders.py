import signal
import warnings

import numpy as np
import pytest
from PIL import Image

from coursekit.pictures import folder, folders, read_picture


@pytest.fixture
def own(tmp_path):
    """Return a folder with four pictures, each of one colour, in names that have to be sorted."""
    colours = {"zoo.png": 10, "Auto.png": 20, "kätzchen 1.png": 30, "trips/rome.png": 40}
    for name, value in colours.items():
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        Image.new("RGB", (30, 20), (value, value, 0)).save(file)
    return tmp_path


ORDER = ["Auto.png", "kätzchen 1.png", "trips/rome.png", "zoo.png"]
VALUES = [20, 30, 40, 10]


@pytest.mark.parametrize(("size", "shape"), [(16, (16, 16)), ((8, 12), (8, 12))])
def test_all_pictures_by_name(own, size, shape):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        images, names = folder(own, size)
    assert names == ORDER
    assert images.shape == (4, *shape, 3)
    assert images.dtype == np.uint8
    for image, value in zip(images, VALUES, strict=True):
        assert (image == (value, value, 0)).all()


def test_size_is_227_and_a_text_path_works(own):
    images, names = folder(str(own))
    assert images.shape == (4, 227, 227, 3)
    assert names == ORDER


def test_unreadable_files_are_left_out_and_named(own):
    (own / "bad.jpg").write_text("not a picture")
    (own / "trips/cut.png").write_bytes((own / "zoo.png").read_bytes()[:50])
    with pytest.warns(UserWarning, match="2 of 6 files") as caught:
        images, names = folder(own, 16)
    assert names == ORDER
    assert images[:, 0, 0, 0].tolist() == VALUES
    assert len(caught) == 1
    message = str(caught[0].message)
    assert "bad.jpg holds text" in message
    assert "trips/cut.png cannot be read" in message
    assert caught[0].filename == __file__


def test_many_unreadable_files_make_one_short_warning(own):
    for number in range(40):
        (own / f"bad{number:02d}.jpg").write_text("not a picture")
    with pytest.warns(UserWarning, match=r"40 of 44 files .* And 35 more\.") as caught:
        folder(own, 16)
    assert len(caught) == 1


def test_hidden_files_are_left_out(own):
    (own / ".DS_Store").write_bytes(b"\0\1\2")
    (own / ".ipynb_checkpoints").mkdir()
    (own / ".ipynb_checkpoints/zoo.png").write_bytes((own / "zoo.png").read_bytes())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert folder(own, 16)[1] == ORDER


def test_folders_that_are_links_are_walked_and_links_back_up_are_not(own, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (own / "trips").rename(elsewhere / "trips")
    (own / "trips").symlink_to(elsewhere / "trips", target_is_directory=True)
    (elsewhere / "trips" / "again").symlink_to(own, target_is_directory=True)
    _, names = folder(own, 8)
    assert names == ORDER


def test_no_picture_at_all(tmp_path):
    with pytest.raises(ValueError, match="is empty"):
        folder(tmp_path)
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(ValueError, match=r"There is no picture in .* notes\.txt holds text"):
        folder(tmp_path)


def test_no_folder(own):
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        folder(own / "nowhere")
    with pytest.raises(NotADirectoryError, match=r"is a file, not a folder; photo\("):
        folder(own / "zoo.png")
    with pytest.raises(TypeError, match="size must be"):
        folder(own, None)


def press_ctrl_c_at(name):
    """Return read_picture, with Ctrl-C pressed as soon as it comes to that file."""

    def read(file, called):
        if called == name:
            signal.raise_signal(signal.SIGINT)
        return read_picture(file, called)

    return read


def test_ctrl_c_gives_what_has_been_read(own, monkeypatch):
    monkeypatch.setattr(folders, "read_picture", press_ctrl_c_at("trips/rome.png"))
    with pytest.warns(UserWarning, match="Interrupted: 2 of 4 files were read"):
        images, names = folder(own, 16)
    assert names == ORDER[:2]
    assert images[:, 0, 0, 0].tolist() == VALUES[:2]


def test_ctrl_c_before_the_first_picture(own, monkeypatch):
    monkeypatch.setattr(folders, "read_picture", press_ctrl_c_at("Auto.png"))
    with pytest.raises(KeyboardInterrupt):
        folder(own, 16)
