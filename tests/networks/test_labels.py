import numpy as np
import pytest

from coursekit.networks.labels import as_class, imagenet_labels


class TestAsClass:
    @pytest.mark.parametrize("label", [281, np.int64(281), "tabby, tabby cat", "Tabby, Tabby Cat"])
    def test_by_index_or_by_name(self, label):
        assert as_class(label, 1000) == 281

    def test_every_class_by_its_name_but_the_two_cranes(self):
        names = imagenet_labels()
        assert [index for index, name in enumerate(names) if name == "crane"] == [134, 517]
        assert [as_class(name, 1000) for name in names if name != "crane"] == [
            index for index in range(1000) if index not in (134, 517)
        ]

    @pytest.mark.parametrize(
        ("label", "index"),
        [("tabby", 281), ("African elephant", 386), ("loxodonta africana", 386), ("paper towel", 700)],
    )
    def test_one_of_several_names_will_do(self, label, index):
        assert as_class(label, 1000) == index

    def test_the_whole_name_goes_first(self):
        assert as_class("maillot", 1000) == 638
        assert as_class("maillot, tank suit", 1000) == 639

    def test_networks_with_other_classes(self):
        assert as_class(0, 5) == 0
        assert as_class(4, 5) == 4

    @pytest.mark.parametrize(
        ("label", "count", "error", "words"),
        [
            ("crane", 1000, ValueError, r"Several classes are called 'crane': give 134 or 517\."),
            ("panther", 1000, ValueError, r"Several classes are called 'panther': give 286 or 290\."),
            ("toilet tisue", 1000, ValueError, "ImageNet has no class 'toilet tisue'. Did you mean 'toilet tissue'"),
            ("", 1000, ValueError, "ImageNet has no class ''. There are"),
            ("tench, Tinca tinca", 10, ValueError, "This network has 10 classes, not ImageNet's 1000"),
            (5, 5, ValueError, "There is no class 5: there are 5, counted from 0 to 4"),
            (-1, 1000, ValueError, "There is no class -1"),
            (2.0, 1000, TypeError, r"class must be a whole number from 0 to 999, not 2\.0"),
            (None, 1000, TypeError, "class must be a whole number"),
            (True, 1000, TypeError, "class must be a whole number"),
        ],
    )
    def test_what_is_no_class(self, label, count, error, words):
        with pytest.raises(error, match=words):
            as_class(label, count)
