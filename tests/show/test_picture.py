"""Pictures as a screen shows them."""

import numpy as np

from coursekit.show.picture import as_seen


def test_each_range_of_values_has_its_colours():
    bytes_ = np.arange(12, dtype=np.uint8).reshape(2, 2, 3) * 20
    np.testing.assert_array_equal(as_seen(bytes_), bytes_)
    np.testing.assert_array_equal(as_seen(bytes_ / np.float32(255)), bytes_)
    centred = np.float32([[[-100], [0], [155]]])
    np.testing.assert_array_equal(as_seen(centred)[0, :, 0], [0, 100, 255])
    assert as_seen(centred).shape == (1, 3, 3)
