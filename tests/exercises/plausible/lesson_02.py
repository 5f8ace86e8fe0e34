"""Wrong functions for lesson 02, none of them a usual mistake, as people write them; each takes a case by name."""

import numpy as np


def _places(kernel, pictures):
    windows = np.lib.stride_tricks.sliding_window_view(pictures, kernel.shape, axis=(1, 2))
    return (windows * kernel).sum((-2, -1))


PLAUSIBLE = {
    "02.best-patch": {
        "absolute weights": lambda kernel: 255 * np.abs(kernel) / np.abs(kernel).max(),
        "grey for negative": lambda kernel: np.where(kernel > 0, 255, 128),
        "by colour": lambda kernel: np.broadcast_to(np.where(kernel.sum((0, 1)) > 0, 255, 0), kernel.shape),
        "by place": lambda kernel: np.broadcast_to(np.where(kernel.sum(2, keepdims=True) > 0, 255, 0), kernel.shape),
        "white": lambda kernel: np.full(kernel.shape, 255),
        "colours turned": lambda kernel: np.where(kernel > 0, 255, 0)[..., ::-1],
        "above the median": lambda kernel: np.where(kernel > np.median(kernel), 255, 0),
    },
    "02.bright-side": {
        "largest weight": lambda kernel: float(
            np.degrees(np.arctan2(1 - kernel.argmax() // 3, kernel.argmax() % 3 - 1)) % 360
        ),
        "by the middle row": lambda kernel: 0.0 if kernel[1, 2] > kernel[1, 0] else 180.0,
        "arctan": lambda kernel: (
            float(
                np.degrees(np.arctan((kernel[0].sum() - kernel[2].sum()) / (kernel[:, 2].sum() - kernel[:, 0].sum())))
            )
            - 360
        ),
        "nearest quarter": lambda kernel: float(
            np.round(
                np.degrees(np.arctan2(kernel[0].sum() - kernel[2].sum(), kernel[:, 2].sum() - kernel[:, 0].sum())) / 90
            )
            * 90
            % 360
        ),
        "transposed": lambda kernel: float(
            np.degrees(np.arctan2(kernel[:, 0].sum() - kernel[:, 2].sum(), kernel[2].sum() - kernel[0].sum())) % 360
        ),
    },
    "02.before-and-after": {
        "the brightest": lambda kernel, pictures: [int(pictures.mean((1, 2)).argmax())] * 2,
        "the most contrast": lambda kernel, pictures: [int(pictures.std((1, 2)).argmax())] * 2,
        "before only": lambda kernel, pictures: int(_places(kernel, pictures).mean((1, 2)).argmax()),
        "the least": lambda kernel, pictures: [
            int(_places(kernel, pictures).mean((1, 2)).argmin()),
            int(np.maximum(_places(kernel, pictures), 0).mean((1, 2)).argmin()),
        ],
        "the means themselves": lambda kernel, pictures: [
            float(_places(kernel, pictures).mean((1, 2)).max()),
            float(np.maximum(_places(kernel, pictures), 0).mean((1, 2)).max()),
        ],
        "the middle": lambda kernel, pictures: (
            [int(_places(kernel, pictures)[:, pictures.shape[1] // 2 - 1, pictures.shape[2] // 2 - 1].argmax())] * 2
        ),
        "transposed": lambda kernel, pictures: [
            int(_places(kernel.T, pictures).mean((1, 2)).argmax()),
            int(np.maximum(_places(kernel.T, pictures), 0).mean((1, 2)).argmax()),
        ],
        "the spread": lambda kernel, pictures: [
            int(_places(kernel, pictures).mean((1, 2)).argmax()),
            int((_places(kernel, pictures) > 0).mean((1, 2)).argmax()),
        ],
    },
}
