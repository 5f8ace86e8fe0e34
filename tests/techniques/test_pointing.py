import numpy as np
import pytest

from coursekit import channels_at, receptive_field
from coursekit.networks.backend import keras

L = keras.layers


@pytest.fixture(scope="module")
def network():
    x = keras.Input((9, 9, 1), name="picture")
    same = L.Conv2D(3, 3, strides=2, padding="same", use_bias=False, name="same")  # unit 0 has its middle at pixel 0
    mixed = L.Concatenate(name="mixed")([L.MaxPooling2D(4, name="pool")(x), L.Cropping2D(((0, 7), (7, 0)))(x)])
    model = keras.Model(x, [same(x), mixed, L.GlobalMaxPooling2D(name="whole")(x)])
    kernel = np.zeros((3, 3, 1, 3), np.float32)
    kernel[1, 1, 0] = -1, 2, 1
    same.set_weights([kernel])
    return model


def test_the_unit_whose_field_has_its_middle_nearest(network):
    field = receptive_field(network, "same")
    assert [field.unit_at(row, 0)[0] for row in range(9)] == [0, 0, 1, 1, 2, 2, 3, 3, 4]  # 2i - 1 to 2i + 1
    pool = receptive_field(network, "pool")
    assert [pool.unit_at(0, column)[1] for column in range(9)] == [0] * 4 + [1] * 5  # 0-3 and 4-7: nobody sees pixel 8
    assert receptive_field(network, "whole").unit_at(8, 3) == (0, 0)


def test_where_no_stride_tells_the_boxes_do(network):
    field = receptive_field(network, "mixed")
    assert not np.isfinite(field.stride).all()
    distances = np.abs((field.boxes()[..., :2] + field.boxes()[..., 2:] - 1) / 2 - (7, 1)).sum(axis=-1)
    assert field.unit_at(7, 1) == np.unravel_index(distances.argmin(), distances.shape)


def test_the_channels_there_the_strongest_first(network):
    picture = np.zeros((9, 9, 1), np.float32)
    picture[4, 6] = 5
    unit, channels, values = channels_at(network, picture, "same", 4, 6)
    assert (unit, channels.tolist(), values.tolist()) == ((2, 3), [1, 2, 0], [10, 5, -5])
    assert channels_at(network, picture, "same", 0, 0)[2].tolist() == [0, 0, 0]


def test_bad_input(network):
    picture = np.zeros((9, 9, 1), np.float32)
    with pytest.raises(ValueError, match=r"There is no row 9: there are 9"):
        channels_at(network, picture, "same", 9, 0)
    with pytest.raises(ValueError, match=r"no rows and columns to point at"):
        channels_at(network, picture, "whole", 0, 0)
    with pytest.raises(ValueError, match=r"one picture"):
        channels_at(network, np.stack([picture] * 2), "same", 0, 0)
