import numpy as np
import pytest

from coursekit import describe_filters, show


def kernels(outputs=5, inputs=3, size=3, seed=0):
    return np.random.default_rng(seed).normal(size=(size, size, inputs, outputs)).astype(np.float32)


def images(fig):
    return [np.asarray(image.get_array(), np.float32) for image in fig.axes[0].images]


def texts(fig):
    return [text.get_text() for text in fig.axes[0].texts]


class TestColourKernels:
    def test_zero_is_middle_grey_and_the_layers_largest_weight_is_the_end_of_the_scale(self):
        weights = np.zeros((3, 3, 3, 2), np.float32)
        weights[0, 1, 2, 0], weights[2, 2, 0, 1] = -4, 1
        first, second = images(show.kernels(weights))
        assert first[0, 1].tolist() == [0.5, 0.5, 0]
        assert second[2, 2].tolist() == [0.625, 0.5, 0.5]
        assert first[1, 1].tolist() == [0.5] * 3

    def test_every_kernel_in_its_order(self):
        weights = kernels()
        shown = np.stack(images(show.kernels(weights)), axis=-1)
        np.testing.assert_allclose(shown, 0.5 + weights / (2 * np.abs(weights).max()), atol=1e-6)
        assert texts(show.kernels(weights)) == list("01234")

    def test_own_scale_stretches_each(self):
        shown = images(show.kernels(kernels() * [1, 10, 0.001, 1, 1], scale="own"))
        np.testing.assert_allclose([np.abs(image - 0.5).max() for image in shown], 0.5, atol=1e-6)

    def test_pixels_stay_blocks(self):
        assert {image.get_interpolation() for image in show.kernels(kernels()).axes[0].images} == {"nearest"}

    def test_alt(self):
        weights = np.full((3, 3, 3, 4), 0.5)
        weights[0, 0, 0, 2], weights[..., 3] = -2, 0.1
        assert show.kernels(weights, title="conv1").alt == (
            "conv1: 4 kernels as colour pictures, 3 x 3 weights each, on one scale, black -2, middle grey is 0, white "
            "2. The largest weight is in channel 2; the palest is channel 3, at most 5% of that."
        )
        assert "each on a scale of its own" in show.kernels(weights, scale="own").alt

    def test_grey_ones(self):
        shown = images(show.kernels(kernels(inputs=1)))
        assert [image.shape for image in shown] == [(3, 3)] * 5

    def test_zeros_are_grey(self):
        assert (images(show.kernels(np.zeros((3, 3, 3, 1))))[0] == 0.5).all()

    def test_one_channel_by_colour(self):
        weights = kernels()
        fig = show.kernels(weights, channel=3)
        np.testing.assert_allclose(
            np.stack(images(fig), axis=-1), 0.5 + weights[..., 3] / (2 * np.abs(weights).max()), atol=1e-6
        )
        assert texts(fig) == ["red", "green", "blue"]


class TestGroups:
    standing = np.array([[-1, 0, 1]] * 3)[..., np.newaxis] * np.ones(3)
    spot = np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]])[..., np.newaxis] * np.ones(3)
    weights = np.stack([spot, standing, np.swapaxes(standing, 0, 1)], axis=-1)

    def test_by_kind_and_angle_under_headings(self):
        fig = show.kernels(self.weights, groups=describe_filters(self.weights))
        assert texts(fig) == [
            "edges: one side against the other (2)", "2: 0°", "1: 90°", "blobs: the middle against all around (1)", "0",
        ]  # fmt: skip
        shown = images(fig)
        for place, channel in enumerate([2, 1, 0]):
            np.testing.assert_allclose(shown[place], 0.5 + self.weights[..., channel] / 16)
        assert fig.alt.endswith("By kind, with the angle of edges and lines: edge 2: 0°, 1: 90°; blob 0.")

    def test_strokes_lie_along_the_edge_and_outside_the_kernel(self):
        angle = 30
        x, y = np.meshgrid([-1, 0, 1], [1, 0, -1])
        slope = x * np.cos(np.radians(angle + 90)) + y * np.sin(np.radians(angle + 90))
        weights = (slope[..., np.newaxis] * np.ones(3))[..., np.newaxis]
        (ax, *_), (line,) = (fig := show.kernels(weights, groups=describe_filters(weights))).axes, fig.axes[0].lines
        left, right, bottom, top = ax.images[0].get_extent()
        points = line.get_xydata() - [(left + right) / 2, (top + bottom) / 2]
        points = points[np.isfinite(points[:, 0])]
        np.testing.assert_allclose(np.degrees(np.arctan2(-points[:, 1], points[:, 0])) % 180, angle, atol=0.01)
        assert (np.abs(points).max(axis=1) > 0.5).all()

    def test_a_lying_line_is_never_180(self):
        table = describe_filters(self.weights)
        table.loc[table["channel"] == 2, "angle"] = 179.9
        assert "2: 0°" in texts(show.kernels(self.weights, groups=table))

    def test_some_of_the_kernels(self):
        table = describe_filters(self.weights)
        assert len(images(show.kernels(self.weights, groups=table[table["kind"] == "edge"]))) == 2

    def test_groups_of_other_kernels(self):
        with pytest.raises(ValueError, match="what describe_filters says of these 2 kernels"):
            show.kernels(self.weights[..., :2], groups=describe_filters(self.weights))
        with pytest.raises(ValueError, match="these see 4 channels"):
            show.kernels(kernels(inputs=4), groups=describe_filters(self.weights))


class TestDeeperKernels:
    def test_a_row_for_each_output_and_a_column_for_each_input(self):
        weights = kernels(outputs=5, inputs=4)
        (sheet,) = images(show.kernels(weights))
        assert sheet.shape == (5 * 3 + 4, 4 * 3 + 3)
        expected = 0.5 + weights / (2 * np.abs(weights).max())
        for o in range(5):
            for i in range(4):
                tile = sheet[o * 4 : o * 4 + 3, i * 4 : i * 4 + 3]
                np.testing.assert_allclose(tile, expected[:, :, i, o], atol=1e-6)

    def test_one_pixel_each_leaves_no_gaps(self):
        weights = kernels(outputs=6, inputs=4, size=1)
        (sheet,) = images(show.kernels(weights))
        np.testing.assert_allclose(sheet, 0.5 + weights[0, 0].T / (2 * np.abs(weights).max()), atol=1e-6)

    def test_no_more_than_can_be_seen_and_the_rest_is_said(self):
        weights = kernels(outputs=20, inputs=30)
        weights[..., -1, -1] = 100  # not shown, and yet it sets the scale
        fig = show.kernels(weights, most=8)
        assert images(fig)[0].shape == (8 * 4 - 1, 8 * 4 - 1)
        assert fig.alt.startswith(
            "Kernels: 20 output channels (rows) each look at 30 input channels (columns); shown are 8 outputs and 8"
        )
        assert "white 100" in fig.alt

    def test_one_output_with_all_its_inputs_on_the_scale_of_the_layer(self):
        weights = kernels(outputs=5, inputs=40)
        fig = show.kernels(weights, channel=2)
        shown = images(fig)
        assert len(shown) == 40
        np.testing.assert_allclose(shown[17], 0.5 + weights[..., 17, 2] / (2 * np.abs(weights).max()), atol=1e-6)
        assert fig.alt.startswith("channel 2: its kernel for each of 40 input channels")


@pytest.mark.parametrize(
    ("weights", "arguments", "error", "said"),
    [
        (np.zeros((3, 3, 3)), {}, ValueError, r"shape \(height, width, inputs, outputs\), not \(3, 3, 3\)"),
        (np.zeros((3, 3, 3, 0)), {}, ValueError, "shape"),
        (np.full((3, 3, 3, 1), np.inf), {}, ValueError, "infinity"),
        ("conv1", {}, TypeError, r"filters\(model, layer\) gives them"),
        (kernels(), {"channel": 5}, ValueError, "There is no channel 5"),
        (kernels(), {"scale": "each"}, ValueError, "'shared' or 'own'"),
        (kernels(inputs=4), {"most": 0}, ValueError, "most must be at least 1"),
    ],
)
def test_bad_input(weights, arguments, error, said):
    with pytest.raises(error, match=said):
        show.kernels(weights, **arguments)
