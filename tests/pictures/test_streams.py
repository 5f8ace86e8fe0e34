import itertools

import numpy as np
import pytest
from PIL import Image

from coursekit.networks.backend import tf
from coursekit.pictures import folder
from coursekit.pictures.streams import Block, Fit, as_stream, fitted, read_block

PICTURES = np.random.default_rng(0).integers(0, 256, (7, 8, 6, 3)).astype(np.uint8)
AS_IT_IS = Fit((8, 6), 3, scan=False, longest=None)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    here = tmp_path_factory.mktemp("photos")
    (here / "inner").mkdir()
    for i, picture in enumerate(PICTURES):
        Image.fromarray(picture).save(here / ("inner" if i > 4 else "") / f"{i}.png")
    return here


def all_of(stream, size=3, start=0):
    """All pictures of a stream from one on, having checked that its blocks are as they should be."""
    blocks = list(stream.blocks(size, start))
    assert [block.first for block in blocks] == list(range(start, 7, size))
    assert all(len(block.items) == size for block in blocks[:-1])
    batches, unread = zip(*(read_block(block, AS_IT_IS) for block in blocks), strict=True)
    assert not any(unread)
    indices, pictures = zip(*itertools.chain.from_iterable(batches), strict=True)
    assert np.concatenate(indices).tolist() == list(range(start, 7))
    return np.concatenate(pictures)


class EndlessGenerator:
    """What Keras' data generators are: a length, batches by number, and an iteration that begins anew for ever."""

    def __len__(self):
        return 3

    def __getitem__(self, index):
        return PICTURES[3 * index : 3 * index + 3], np.arange(3)

    def __iter__(self):
        return (self[i] for i in itertools.cycle(range(3)))


class EndlessLoader:
    def __len__(self):
        return 7

    def __iter__(self):
        return itertools.cycle(zip(PICTURES, range(7), strict=True))


def keras_generator():
    maker = tf.keras.preprocessing.image.ImageDataGenerator()
    return maker.flow(PICTURES.astype(np.float32), np.arange(7), batch_size=2, shuffle=False)


SOURCES = {
    "array": lambda: PICTURES,
    "floats": lambda: PICTURES.astype(np.float64),
    "tensor": lambda: tf.constant(PICTURES),
    "list": lambda: list(PICTURES),
    "what folder gives": lambda: (PICTURES, [f"{i}.png" for i in range(7)]),
    "pictures and labels": lambda: (PICTURES, np.arange(7)),
    "pictures and labels in a list": lambda: [PICTURES, list("abcdefg")],
    "pictures and what they should become": lambda: (PICTURES, PICTURES[::-1]),
    "pictures one by one": lambda: iter(PICTURES),
    "batches": lambda: (PICTURES[i : i + 2] for i in range(0, 7, 2)),
    "list of batches": lambda: [PICTURES[:5], PICTURES[5:]],
    "with labels": lambda: ((picture, i) for i, picture in enumerate(PICTURES)),
    "lists with labels": lambda: ([PICTURES[i : i + 2], np.arange(i, min(i + 2, 7))] for i in range(0, 7, 2)),
    "lists of a picture and its label": lambda: ([picture, i] for i, picture in enumerate(PICTURES)),
    "lists of pictures": lambda: (list(PICTURES[i : i + 2]) for i in range(0, 7, 2)),
    "a generator that never ends, with a length": lambda: EndlessGenerator(),
    "Keras' own": lambda: keras_generator(),
    "one with a length and no index": lambda: EndlessLoader(),
    "tf.data": lambda: tf.data.Dataset.from_tensor_slices((PICTURES, np.arange(7))).batch(4),
}


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("size", [1, 3, 10])
def test_all_sources_give_the_same_pictures(name, size):
    np.testing.assert_array_equal(all_of(as_stream(SOURCES[name]()), size), PICTURES)


@pytest.mark.parametrize("name", SOURCES)
def test_going_on_in_the_middle(name):
    np.testing.assert_array_equal(all_of(as_stream(SOURCES[name]()), 3, 3), PICTURES[3:])


def test_what_can_be_read_again():
    for name, source in SOURCES.items():
        stream = as_stream(source())
        whole = ("array", "floats", "tensor", "list", "what folder gives", "pictures and what they should become")
        passes = name not in whole and not name.startswith("pictures and labels")
        assert (stream.item is None) == (stream.count is None) == passes, name
        if not passes:
            np.testing.assert_array_equal(stream.item(5), PICTURES[5])


def test_files(files, monkeypatch):
    monkeypatch.chdir(files)
    inside = as_stream(files)
    assert inside.names == ["0.png", "1.png", "2.png", "3.png", "4.png", "inner/5.png", "inner/6.png"]
    assert inside.count == 7
    for source in (files, str(files), [files / name for name in inside.names], tuple(inside.names), iter(inside.names)):
        np.testing.assert_array_equal(all_of(as_stream(source)), PICTURES)
    np.testing.assert_array_equal(folder(files, (8, 6))[0], PICTURES)  # the same order
    one = as_stream(files / "3.png")
    assert (one.count, one.names) == (1, ["3.png"])


def test_an_array_on_disk_is_read_block_by_block(tmp_path):
    on_disk = np.lib.format.open_memmap(tmp_path / "a.npy", "w+", np.uint8, (7, 8, 6, 3))
    on_disk[:] = PICTURES
    reads = []

    class Watched:
        shape, ndim, dtype = on_disk.shape, on_disk.ndim, on_disk.dtype

        def __len__(self):
            return 7

        def __getitem__(self, key):
            reads.append(key)
            return on_disk[key]

    np.testing.assert_array_equal(all_of(as_stream(Watched())), PICTURES)
    assert reads == [0, slice(0, 3), slice(3, 6), slice(6, 9)]


def test_arrays_are_not_copied():
    [(_, batch)], _ = read_block(Block(0, PICTURES[2:5]), AS_IT_IS)
    assert np.shares_memory(batch, PICTURES)


def test_pictures_of_one_size_share_a_batch():
    items = [PICTURES[0], PICTURES[1, :5], PICTURES[2], PICTURES[3, :5], PICTURES[4].astype(np.float32)]
    batches, _ = read_block(Block(10, items), Fit(None, 3, scan=True, longest=None))
    assert [(indices.tolist(), batch.shape, batch.dtype.name) for indices, batch in batches] == [
        ([10, 12], (2, 8, 6, 3), "uint8"),
        ([11, 13], (2, 5, 6, 3), "uint8"),
        ([14], (1, 8, 6, 3), "float32"),
    ]


@pytest.mark.parametrize(
    ("size", "longest", "comes", "goes"),
    [
        (None, None, (500, 300), (500, 300)),
        (None, 100, (500, 300), (100, 60)),
        (None, 100, (30, 50), (30, 50)),
        ((40, 40), None, (50, 60), (50, 60)),
        ((40, 40), None, (20, 60), (40, 120)),
        ((40, 40), None, (20, 10), (80, 40)),
        ((40, 40), 100, (400, 100), (160, 40)),  # at least what the network takes
        ((40, 20), 100, (200, 100), (100, 50)),
    ],
)
def test_scanned_pictures_keep_their_proportions(size, longest, comes, goes):
    assert Fit(size, 3, scan=True, longest=longest).target((*comes, 3), 0) == goes
    assert fitted(np.zeros((*comes, 3), np.uint8), Fit(size, 3, True, longest), 0).shape == (*goes, 3)


def test_files_that_cannot_be_read_are_named(files, tmp_path):
    (tmp_path / "text.jpg").write_text("This is not a photo.")
    batches, unread = read_block(Block(3, [files / "0.png", tmp_path / "text.jpg", tmp_path / "no.png"]), AS_IT_IS)
    assert [indices.tolist() for indices, _ in batches] == [[3]]
    assert len(unread) == 2
    assert "text.jpg holds text" in unread[0]
    assert "no file no.png" in unread[1]


@pytest.mark.parametrize(
    ("images", "error", "words"),
    [
        (3, TypeError, "not int"),
        ({"a": PICTURES}, TypeError, "not dict"),
        ([], ValueError, "no picture"),
        (iter([]), ValueError, "no picture"),
        (np.zeros((0, 8, 6, 3)), ValueError, "empty"),
        (np.zeros((8, 6)), ValueError, r"not \(8, 6\)"),
        ([1, 2], ValueError, r"int of shape \(\)"),
        ((PICTURES, ["one", "two"]), ValueError, "7 pictures but 2 names"),
        ("no such folder", FileNotFoundError, "no such folder"),
        (tf.data.Dataset.from_tensors(PICTURES).repeat(), ValueError, "without end.*take"),
    ],
)
def test_what_is_no_stream_of_pictures(images, error, words):
    with pytest.raises(error, match=words):
        as_stream(images)


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        (PICTURES[0, :7], r"Picture 4 is 7 x 6, but this network takes 8 x 6\. resize\(image, \(8, 6\)\)"),
        (PICTURES[0, ..., :1], "Picture 4 has 1 channels, but this network takes 3"),
        (np.full((8, 6, 3), np.nan), "NaN"),
    ],
)
def test_pictures_that_do_not_fit(picture, words):
    for items in ([picture], picture[np.newaxis]):
        with pytest.raises(ValueError, match=words):
            read_block(Block(4, items), AS_IT_IS)
