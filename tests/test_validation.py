import numpy as np
import pytest

from coursekit.validation import as_count, as_index, as_maps, as_pictures, nearest


class TestNearest:
    @pytest.mark.parametrize(
        ("name", "valid", "sentence"),
        [
            ("conv", ["conv1", "pool1"], "Did you mean 'conv1'?"),
            ("CONV1", ["conv1", "pool1"], "Did you mean 'conv1'?"),
            ("conv1", ["Conv2", "CONV1", "pool1"], "Did you mean 'CONV1' or 'Conv2'?"),
            ("x", ["conv1", "pool1", "a", "b"], "There are 4, for example 'conv1', 'pool1', 'a'."),
            ("x", ["conv1", "pool1"], "There are 'conv1', 'pool1'."),
            ("x", ["conv1"], "There is 'conv1'."),
            ("x", [], "There is none."),
            (3, ["conv1"], "There is 'conv1'."),
        ],
    )
    def test_sentences(self, name, valid, sentence):
        assert nearest(name, valid) == sentence
        assert nearest(name, iter(valid)) == sentence

    def test_at_most_so_many(self):
        assert nearest("conv", ["conv1", "conv2", "conv3"], most=1) == "Did you mean 'conv3'?"


class TestAsIndex:
    @pytest.mark.parametrize("value", [0, 2, np.int64(2), np.uint8(2), np.array(2)])
    def test_whole_numbers(self, value):
        index = as_index(value, 3, "channel")
        assert index == value
        assert type(index) is int

    @pytest.mark.parametrize("value", [-1, 3, 10**30])
    def test_outside(self, value):
        with pytest.raises(ValueError, match=f"There is no channel {value}: there are 3, counted from 0 to 2"):
            as_index(value, 3, "channel")

    @pytest.mark.parametrize("value", [1.0, "1", None, True, np.True_, [1], np.array([1, 2])])
    def test_no_whole_number(self, value):
        with pytest.raises(TypeError, match="channel must be a whole number from 0 to 2, not"):
            as_index(value, 3, "channel")


class TestAsCount:
    @pytest.mark.parametrize("value", [1, 9, np.int64(2), np.array(3)])
    def test_whole_numbers(self, value):
        assert as_count(value, "k", 1, 9) == value
        assert type(as_count(value, "k")) is int

    @pytest.mark.parametrize("value", ["9", 2.0, None, True, [1]])
    def test_no_whole_number(self, value):
        with pytest.raises(TypeError, match="k must be a whole number, 1 or more, not"):
            as_count(value, "k")
        with pytest.raises(TypeError, match="k must be a whole number from 1 to 8, not"):
            as_count(value, "k", most=8)

    def test_outside(self):
        with pytest.raises(ValueError, match=r"k must be at least 1, not 0\."):
            as_count(0, "k")
        with pytest.raises(ValueError, match=r"k must be from 1 to 8, not 9: there are 8 features\."):
            as_count(9, "k", most=8, of="features")


class TestAsPictures:
    def test_one_and_many(self):
        one, many = np.zeros((4, 5, 3), np.uint8), np.zeros((2, 4, 5, 3), np.uint8)
        assert (as_pictures(one)[0].shape, as_pictures(one)[1]) == ((1, 4, 5, 3), True)
        assert (as_pictures(many)[0].shape, as_pictures(many)[1]) == ((2, 4, 5, 3), False)
        assert (as_pictures([one, one])[0].shape, as_pictures([one, one])[1]) == ((2, 4, 5, 3), False)

    @pytest.mark.parametrize(
        ("given", "kept"),
        [("uint8", "uint8"), ("float32", "float32"), ("float64", "float32"), ("int64", "float32"), ("bool", "float32")],
    )
    def test_types(self, given, kept):
        assert as_pictures(np.ones((4, 5, 3), given))[0].dtype == kept

    def test_what_is_right_is_not_copied(self):
        for dtype in (np.uint8, np.float32):
            batch = np.zeros((2, 4, 5, 3), dtype)
            assert np.shares_memory(as_pictures(batch)[0], batch)

    @pytest.mark.parametrize(
        ("images", "error", "words"),
        [
            ("cat.jpg", TypeError, r"must be an array, not str; photo\('cat.jpg'\) reads a picture"),
            (b"cat.jpg", TypeError, "must be an array, not bytes"),
            (["cat.jpg", "dog.jpg"], TypeError, "must hold numbers from 0 to 255, not"),
            (None, TypeError, "must hold numbers from 0 to 255, not object"),
            ({"a": 1}, TypeError, "must hold numbers"),
            (np.zeros((4, 5, 3), complex), TypeError, "must hold real numbers from 0 to 255, not complex128"),
            (np.zeros((4, 5, 3), "datetime64[s]"), TypeError, "must hold numbers"),
            (3, ValueError, r"must have shape \(height, width, channels\).*not \(\)"),
            (np.zeros((4, 5)), ValueError, r"not \(4, 5\)"),
            (np.zeros((1, 1, 4, 5, 3)), ValueError, r"not \(1, 1, 4, 5, 3\)"),
            ([], ValueError, r"must have shape .* not \(0,\)"),
            (np.zeros((0, 4, 5, 3)), ValueError, r"is empty: its shape is \(0, 4, 5, 3\)"),
            (np.zeros((4, 0, 3)), ValueError, "is empty"),
            (np.full((4, 5, 3), np.nan), ValueError, "holds NaN or infinity"),
            (np.full((4, 5, 3), np.inf), ValueError, "holds NaN or infinity"),
            (np.full((4, 5, 3), 1e300), ValueError, "holds NaN or infinity"),
            (
                [np.zeros((4, 5, 3)), np.zeros((6, 5, 3))],
                ValueError,
                r"must all have one size, but came as \[\(4, 5, 3\), \(6, 5, 3\)\]; resize\(image, size\) mends it",
            ),
            ([np.zeros((4, 5, 3)), np.zeros((4, 5))], ValueError, "must all have one size"),
            ([[[1, 2], [3]], [[4, 5], [6, 7]]], ValueError, "must all have one size"),
        ],
    )
    def test_what_is_no_picture(self, images, error, words):
        with pytest.raises(error, match=words) as caught:
            as_pictures(images, "photos")
        assert str(caught.value).startswith("photos ")

    def test_maps_are_called_by_their_name(self):
        with pytest.raises(ValueError, match=r"^activation must have shape"):
            as_maps(np.zeros((4, 5)))


def test_activations_are_not_asked_for_a_picture_s_range():
    with pytest.raises(ValueError, match=r"^activation holds NaN or infinity, but must hold numbers only\.$"):
        as_maps(np.full((2, 2, 1), np.nan))
