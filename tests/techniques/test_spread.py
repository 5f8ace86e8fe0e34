"""How far an objective's values lie apart over pictures."""

import numpy as np
import pytest

from coursekit.techniques.spread import spread


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 3], (1, 3)),
        ([1.0, 2.0, 4.0], (1.25, 3.2)),  # 1.2472 to three digits
        ([5, 5, 5], (1, 5)),
        ([1, 3, np.nan, np.inf], (1, 3)),
        ([np.nan], (1, 0)),
    ],
)
def test_spread(values, expected):
    assert spread(lambda images: np.float32(values), None) == pytest.approx(expected)
