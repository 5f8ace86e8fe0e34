"""Wrong functions that are none of the usual mistakes, as people write them: each gets its case by name."""

import numpy as np

from tests.exercises.plausible_10 import PLAUSIBLE_10
from tests.exercises.plausible_11 import PLAUSIBLE_11


def _peak(features, gradients, where="argmax", weights=None):
    parts = features * (gradients.mean(axis=(0, 1)) if weights is None else weights)
    total = parts.sum(-1)
    return parts[np.unravel_index(getattr(total, where)(), total.shape)]


def _overlaps(mask, region):
    return (mask & region).sum(), (mask | region).sum(), mask.sum(), region.sum()


PLAUSIBLE = {
    **PLAUSIBLE_11,
    **PLAUSIBLE_10,
    "01.by-hand": {
        "bias taken off": lambda patch, kernel, bias: np.maximum((patch[..., None] * kernel).sum((0, 1, 2)) - bias, 0),
        "absolute value": lambda patch, kernel, bias: np.abs((patch[..., None] * kernel).sum((0, 1, 2)) + bias),
        "mean for sum": lambda patch, kernel, bias: np.maximum((patch[..., None] * kernel).mean((0, 1, 2)) + bias, 0),
        "bias at each place": lambda patch, kernel, bias: np.maximum(
            (patch[..., None] * kernel + bias).sum((0, 1, 2)), 0
        ),
        "first channel": lambda patch, kernel, bias: np.maximum(
            (patch[..., :1, None] * kernel[:, :, :1]).sum((0, 1, 2)) + bias, 0
        ),
        "ReLU at each place": lambda patch, kernel, bias: np.maximum(
            np.maximum(patch[..., None] * kernel, 0).sum((0, 1, 2)) + bias, 0
        ),
        "clipped at 1": lambda patch, kernel, bias: np.clip((patch[..., None] * kernel).sum((0, 1, 2)) + bias, 0, 1),
    },
    "01.one-scale": {
        "divided by the sum": lambda layer: layer / layer.sum(),
        "mean and deviation": lambda layer: (layer - layer.mean()) / layer.std(),
        "without the lowest": lambda layer: layer - layer.min(),
        "minus one to one": lambda layer: layer / np.abs(layer).max(),
        "sigmoid": lambda layer: 1 / (1 + np.exp(-layer)),
        "turned around": lambda layer: (layer.max() - layer) / (layer.max() - layer.min()),
        "a scale for each row": lambda layer: (
            (layer - layer.min(1, keepdims=True)) / (layer.max(1, keepdims=True) - layer.min(1, keepdims=True))
        ),
        "absolute": lambda layer: np.abs(layer) / np.abs(layer).max(),
    },
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
    "03.two-neighbors": {
        "first column": lambda features, query: [int(np.abs(features - query)[:, 0].argmin())] * 2,
        "shortest": lambda features, query: [int(np.linalg.norm(features, axis=1).argmin())] * 2,
        "length alike": lambda features, query: [
            int(np.abs(np.linalg.norm(features, axis=1) - np.linalg.norm(query)).argmin()),
            int((features @ query).argmax()),
        ],
        "the numbers themselves": lambda features, query: [
            float(np.linalg.norm(features - query, axis=1).min()),
            float((features @ query / np.linalg.norm(features, axis=1)).max()),
        ],
        "second": lambda features, query: [
            int(np.linalg.norm(features - query, axis=1).argsort()[1]),
            int((features @ query / np.linalg.norm(features, axis=1)).argsort()[-2]),
        ],
        "along the wrong axis": lambda features, query: [int(np.linalg.norm(features - query, axis=0).argmin())] * 2,
        "one of both": lambda features, query: int(np.linalg.norm(features - query, axis=1).argmin()),
    },
    "03.kept-neighbors": {
        "all of them": lambda features, points, k: 1.0,
        "k of so many": lambda features, points, k: k / len(features),
        "nearest only": lambda features, points, k: float(
            np.mean(_neighbors(features, 1)[:, 0] == _neighbors(points, 1)[:, 0])
        ),
        "one more": lambda features, points, k: _kept(features, points, k + 1),
        "one less": lambda features, points, k: _kept(features, points, k - 1),
        "first two columns": lambda features, points, k: _kept(features, features[:, :2], k),
        "squared": lambda features, points, k: _kept(features, points, k) ** 2,
    },
    "03.left-out": {
        "one direction more": lambda features, dims: _left_out(features, dims + 1),
        "one direction less": lambda features, dims: _left_out(features, dims - 1),
        "squared": lambda features, dims: _left_out(features, dims) ** 2,
        "all together": lambda features, dims: float(_left_out(features, dims).sum()),
        "the first directions": lambda features, dims: _left_out(features, 0) - _left_out(features, dims),
        "largest first": lambda features, dims: np.sort(_left_out(features, dims))[::-1],
        "percent": lambda features, dims: 100 * _left_out(features, dims),
    },
    "04.field-size": {
        "product of the kernels": lambda kernels, strides: int(np.prod(kernels)),
        "product of the strides": lambda kernels, strides: int(np.prod(strides)),
        "last kernel times strides": lambda kernels, strides: int(kernels[-1] * np.prod(strides[:-1])),
        "halves only": lambda kernels, strides: 1 + sum(k // 2 * s for k, s in zip(kernels, strides, strict=True)),
        "one layer late": lambda kernels, strides: (
            1 + sum((k - 1) * int(np.prod(strides[: max(i - 1, 0)])) for i, k in enumerate(kernels))
        ),
        "strides added": lambda kernels, strides: (
            1 + sum((k - 1) * max(1, sum(strides[:i])) for i, k in enumerate(kernels))
        ),
    },
    "04.box": {
        "first clipped only": lambda rows, size, stride, offset, pixels: np.stack(
            [np.clip(offset + stride * rows, 0, pixels), offset + stride * rows + size], 1
        ),
        "end clipped only": lambda rows, size, stride, offset, pixels: np.stack(
            [offset + stride * rows, np.clip(offset + stride * rows + size, 0, pixels)], 1
        ),
        "to the last pixel": lambda rows, size, stride, offset, pixels: np.clip(
            np.stack([offset + stride * rows, offset + stride * rows + size], 1), 0, pixels - 1
        ),
        "offset taken off": lambda rows, size, stride, offset, pixels: np.clip(
            np.stack([stride * rows - offset, stride * rows - offset + size], 1), 0, pixels
        ),
        "size as stride": lambda rows, size, stride, offset, pixels: np.clip(
            np.stack([offset + size * rows, offset + size * rows + size], 1), 0, pixels
        ),
        "begin and length": lambda rows, size, stride, offset, pixels: np.stack(
            [np.clip(offset + stride * rows, 0, pixels), np.full(len(rows), size)], 1
        ),
        "offset times stride": lambda rows, size, stride, offset, pixels: np.clip(
            np.stack([stride * (rows + offset), stride * (rows + offset) + size], 1), 0, pixels
        ),
    },
    "04.overlap": {
        "the shared pixels": lambda mask, region: int(_overlaps(mask, region)[0]),
        "over all pixels": lambda mask, region: float(_overlaps(mask, region)[0] / mask.size),
        "smaller over larger": lambda mask, region: float(
            min(mask.sum(), region.sum()) / max(mask.sum(), region.sum())
        ),
        "over the smaller": lambda mask, region: float((mask & region).sum() / min(mask.sum(), region.sum())),
        "over the larger": lambda mask, region: float((mask & region).sum() / max(mask.sum(), region.sum())),
        "one minus it": lambda mask, region: float(1 - (mask & region).sum() / (mask | region).sum()),
        "mean of both shares": lambda mask, region: float(
            ((mask & region).sum() / mask.sum() + (mask & region).sum() / region.sum()) / 2
        ),
        "over the exclusive or": lambda mask, region: float((mask & region).sum() / (mask ^ region).sum()),
    },
    "05.total-variation": {
        "length of the slope": lambda picture: float(
            np.sqrt(np.diff(picture, axis=0)[:, :-1] ** 2 + np.diff(picture, axis=1)[:-1] ** 2).sum()
        ),
        "of grey": lambda picture: float(sum(np.abs(np.diff(picture.mean(2), axis=axis)).sum() for axis in (0, 1))),
        "per pixel": lambda picture: float(
            sum(np.abs(np.diff(picture, axis=axis)).sum() for axis in (0, 1)) / picture.size
        ),
        "both ways": lambda picture: float(2 * sum(np.abs(np.diff(picture, axis=axis)).sum() for axis in (0, 1))),
        "the largest": lambda picture: float(max(np.abs(np.diff(picture, axis=axis)).max() for axis in (0, 1))),
        "diagonal": lambda picture: float(np.abs(picture[1:, 1:] - picture[:-1, :-1]).sum()),
        "from the mean": lambda picture: float(np.abs(picture - picture.mean()).sum()),
        "red only": lambda picture: float(sum(np.abs(np.diff(picture[..., 0], axis=axis)).sum() for axis in (0, 1))),
    },
    "05.step": {
        "divided by the length of the gradient": lambda picture, gradient, length: np.clip(
            picture + length * gradient / np.linalg.norm(gradient), 0, 255
        ),
        "divided by the mean": lambda picture, gradient, length: np.clip(
            picture + length * gradient / np.abs(gradient).mean(), 0, 255
        ),
        "divided by the deviation": lambda picture, gradient, length: np.clip(
            picture + length * gradient / gradient.std(), 0, 255
        ),
        "clipped to 1": lambda picture, gradient, length: np.clip(
            picture + length * gradient / np.abs(gradient).max(), 0, 1
        ),
        "the change only": lambda picture, gradient, length: length * gradient / np.abs(gradient).max(),
        "the change clipped": lambda picture, gradient, length: (
            picture + np.clip(length * gradient / np.abs(gradient).max(), 0, 255)
        ),
        "each colour by itself": lambda picture, gradient, length: np.clip(
            picture + length * gradient / np.abs(gradient).max(axis=(0, 1)), 0, 255
        ),
        "clipped before": lambda picture, gradient, length: (
            np.clip(picture, 0, 255) + length * gradient / np.abs(gradient).max()
        ),
    },
    "06.change": {
        "largest change": lambda gradient, image, other: float((gradient * (other - image)).max()),
        "length": lambda gradient, image, other: float(np.linalg.norm(gradient * (other - image))),
        "sums apart": lambda gradient, image, other: float(gradient.sum() * (other - image).sum()),
        "one colour": lambda gradient, image, other: float((gradient * (other - image))[..., 0].sum()),
        "only what rises": lambda gradient, image, other: float(np.maximum(gradient * (other - image), 0).sum()),
        "for each colour": lambda gradient, image, other: (gradient * (other - image)).sum(axis=(0, 1)),
        "the brighter pixels": lambda gradient, image, other: float((gradient * np.maximum(other - image, 0)).sum()),
        "signs only": lambda gradient, image, other: float((gradient * np.sign(other - image)).sum()),
    },
    "06.smooth": {
        "median": lambda gradients: np.abs(np.median(gradients, axis=0)).max(axis=-1),
        "length of the colours": lambda gradients: np.linalg.norm(gradients.mean(axis=0), axis=-1),
        "sum of the colours": lambda gradients: np.abs(gradients.mean(axis=0)).sum(axis=-1),
        "deviation": lambda gradients: gradients.std(axis=0).max(axis=-1),
        "squares": lambda gradients: (gradients**2).mean(axis=0).max(axis=-1),
        "first copy": lambda gradients: np.abs(gradients[0]).max(axis=-1),
        "largest copy": lambda gradients: np.abs(gradients).max(axis=(0, -1)),
        "colours before copies": lambda gradients: np.abs(gradients.max(axis=-1).mean(axis=0)),
    },
    "06.hidden-class": {
        "any closed": lambda values, first, second: (values <= 0) | (first <= 0) | (second <= 0),
        "both negative": lambda values, first, second: (first < 0) & (second < 0),
        "one of them negative": lambda values, first, second: (values > 0) & ((first < 0) | (second < 0)),
        "other signs": lambda values, first, second: (values > 0) & (first * second < 0),
        "sum below zero": lambda values, first, second: (values > 0) & (first + second < 0),
        "their numbers": lambda values, first, second: np.flatnonzero((values > 0) & (first < 0) & (second < 0)),
        "how many": lambda values, first, second: int(((values > 0) & (first < 0) & (second < 0)).sum()),
    },
    "07.rival": {
        "any channel": lambda features, weights, first, second: (
            (features * weights[:, second]).max(-1) > (features * weights[:, first]).max(-1)
        ),
        "absolute weights": lambda features, weights, first, second: (
            features @ np.abs(weights[:, second]) > features @ np.abs(weights[:, first])
        ),
        "above zero": lambda features, weights, first, second: features @ weights[:, second] > 0,
        "above the average": lambda features, weights, first, second: (
            (one := features @ weights[:, second]) - one.mean() > (other := features @ weights[:, first]) - other.mean()
        ),
        "the difference": lambda features, weights, first, second: features @ (weights[:, second] - weights[:, first]),
        "channels": lambda features, weights, first, second: features[..., second] > features[..., first],
        "the best of all": lambda features, weights, first, second: (features @ weights).argmax(-1) == second,
        "turned": lambda features, weights, first, second: (
            (features @ weights[:, second] > features @ weights[:, first]).T
        ),
    },
    "07.peak": {
        "weakest place": lambda features, gradients: _peak(features, gradients, "argmin"),
        "absolute weights": lambda features, gradients: _peak(
            features, gradients, weights=np.abs(gradients.mean(axis=(0, 1)))
        ),
        "summed gradients": lambda features, gradients: _peak(features, gradients, weights=gradients.sum(axis=(0, 1))),
        "shares": lambda features, gradients: (one := _peak(features, gradients)) / one.sum(),
        "the sum": lambda features, gradients: float(_peak(features, gradients).sum()),
        "the largest": lambda features, gradients: int(_peak(features, gradients).argmax()),
        "largest first": lambda features, gradients: np.sort(_peak(features, gradients))[::-1],
        "middle place": lambda features, gradients: (features * gradients.mean(axis=(0, 1)))[1, 2],
    },
    "07.one-scale": {
        "by the first": lambda first, second: np.stack([first, second]) / first.max() * 0.5,
        "by the sum of both": lambda first, second: np.stack([first, second]) / (first.max() + second.max()),
        "difference": lambda first, second: np.stack([first - second, second - first]) / max(first.max(), second.max()),
        "shares": lambda first, second: np.stack([first, second]) / (first + second + 1e-9),
        "second first": lambda first, second: np.stack([second, first]) / max(first.max(), second.max()),
        "by the mean": lambda first, second: np.stack([first, second]) / np.stack([first, second]).mean(),
        "unscaled": lambda first, second: np.stack([first, second]),
        "of 255": lambda first, second: np.stack([first, second]) / 255,
        "by the length": lambda first, second: np.stack([first, second]) / np.linalg.norm(np.stack([first, second])),
    },
    "08.average-drop": {
        "as fine as the drops": lambda drops, size, stride: np.repeat(np.repeat(drops, size, axis=0), size, axis=1),
        "in squares of the stride": lambda drops, size, stride: np.kron(drops, np.ones((stride, stride))),
        "smallest drop": lambda drops, size, stride: _laid(drops, size, stride, np.minimum, np.inf),
        "first patch only": lambda drops, size, stride: _laid(drops[::-1, ::-1], size, stride, lambda _, d: d)[
            ::-1, ::-1
        ],
        "divided by the patches": lambda drops, size, stride: _laid(drops, size, stride) / drops.size,
        "divided by the pixels of a patch": lambda drops, size, stride: _laid(drops, size, stride) / size**2,
        "absolute drops": lambda drops, size, stride: (
            _laid(np.abs(drops), size, stride) / _laid(np.ones_like(drops), size, stride)
        ),
        "the score left": lambda drops, size, stride: (
            -_laid(drops, size, stride) / _laid(np.ones_like(drops), size, stride)
        ),
        "turned": lambda drops, size, stride: (_laid(drops, size, stride) / _laid(np.ones_like(drops), size, stride)).T,
        "running average": lambda drops, size, stride: _laid(drops, size, stride, lambda old, new: (old + new) / 2),
    },
    "08.delete": {
        "by rows": lambda image, map, count, colour: _recoloured(image, np.arange(count), colour),
        "above a count": lambda image, map, count, colour: np.where((map > count)[..., np.newaxis], colour, image),
        "one pixel too few": lambda image, map, count, colour: _recoloured(
            image, np.argsort(-map.ravel())[: count - 1], colour
        ),
        "the next ones": lambda image, map, count, colour: _recoloured(
            image, np.argsort(-map.ravel())[count : 2 * count], colour
        ),
        "every positive": lambda image, map, count, colour: np.where((map > 0)[..., np.newaxis], colour, image),
        "down the columns": lambda image, map, count, colour: _recoloured(
            image, np.argsort(-map.T.ravel())[:count], colour
        ),
        "half covered": lambda image, map, count, colour: (
            (image + _recoloured(image, np.argsort(-map.ravel())[:count], colour)) / 2
        ),
        "brightest pixels": lambda image, map, count, colour: _recoloured(
            image, np.argsort(-image.sum(axis=-1).ravel())[:count], colour
        ),
        "white": lambda image, map, count, colour: _recoloured(image, np.argsort(-map.ravel())[:count], 255),
    },
    "08.stand-in": {
        "ratio": lambda whole, without_first, without_second, without_both: (
            (whole - without_both) / (2 * whole - without_first - without_second)
        ),
        "product": lambda whole, without_first, without_second, without_both: (
            whole - without_both - (whole - without_first) * (whole - without_second)
        ),
        "difference of the two": lambda whole, without_first, without_second, without_both: (
            without_first - without_second
        ),
        "never below zero": lambda whole, without_first, without_second, without_both: np.maximum(
            without_first + without_second - without_both - whole, 0
        ),
        "whole forgotten": lambda whole, without_first, without_second, without_both: (
            without_first + without_second - without_both
        ),
        "shares of the whole": lambda whole, without_first, without_second, without_both: (
            (without_first + without_second - without_both - whole) / whole
        ),
        "one number": lambda whole, without_first, without_second, without_both: float(
            (without_first + without_second - without_both - whole).mean()
        ),
        "only the first": lambda whole, without_first, without_second, without_both: without_first - without_both,
        "size only": lambda whole, without_first, without_second, without_both: np.abs(
            without_first + without_second - without_both - whole
        ),
    },
    "09.step": {
        "clipped before": lambda image, gradient, budget: np.clip(image, 0, 255) + budget * np.sign(gradient),
        "the change clipped": lambda image, gradient, budget: image + np.clip(budget * np.sign(gradient), 0, 255),
        "only upwards": lambda image, gradient, budget: np.clip(image + budget * (gradient > 0), 0, 255),
        "gradient of unit length": lambda image, gradient, budget: np.clip(
            image + budget * gradient / np.linalg.norm(gradient), 0, 255
        ),
        "from 0 to 1": lambda image, gradient, budget: np.clip(image + budget * np.sign(gradient), 0, 1),
        "wrapped around": lambda image, gradient, budget: (image + budget * np.sign(gradient)) % 256,
        "sign of the picture": lambda image, gradient, budget: np.clip(image + budget * np.sign(image), 0, 255),
        "by the mean colour": lambda image, gradient, budget: np.clip(
            image + budget * np.sign(gradient.mean(axis=-1, keepdims=True)), 0, 255
        ),
        "as many times": lambda image, gradient, budget: np.clip(image * (1 + np.sign(gradient) / budget), 0, 255),
        "the gradient cut to the budget": lambda image, gradient, budget: np.clip(
            image + np.clip(gradient, -budget, budget), 0, 255
        ),
    },
    "09.project": {
        "the larger side only": lambda image, changed, budget: np.clip(np.minimum(changed, image + budget), 0, 255),
        "the smaller side only": lambda image, changed, budget: np.clip(np.maximum(changed, image - budget), 0, 255),
        "always at the border": lambda image, changed, budget: np.clip(
            image + budget * np.sign(changed - image), 0, 255
        ),
        "by the length": lambda image, changed, budget: np.clip(
            image + (changed - image) * min(1, budget / np.linalg.norm(changed - image)), 0, 255
        ),
        "the photo": lambda image, changed, budget: image,
        "in the middle": lambda image, changed, budget: np.clip((image + changed) / 2, 0, 255),
        "half of the budget": lambda image, changed, budget: np.clip(
            np.clip(changed, image - budget / 2, image + budget / 2), 0, 255
        ),
        "to the budget from both ends": lambda image, changed, budget: np.clip(changed, budget, 255 - budget),
        "absolute change": lambda image, changed, budget: np.clip(
            image + np.minimum(np.abs(changed - image), budget), 0, 255
        ),
    },
    "09.saved": {
        "all of them": lambda pictures, weights, targets: np.ones(len(pictures), bool),
        "none of them": lambda pictures, weights, targets: np.zeros(len(pictures), bool),
        "rounded up": lambda pictures, weights, targets: (
            (np.clip(np.ceil(pictures), 0, 255) @ weights).argmax(axis=1) == targets
        ),
        "scores rounded": lambda pictures, weights, targets: (
            np.rint(np.clip(pictures, 0, 255) @ weights).argmax(axis=1) == targets
        ),
        "smallest score": lambda pictures, weights, targets: (
            (np.clip(np.rint(pictures), 0, 255) @ weights).argmin(axis=1) == targets
        ),
        "best picture of each class": lambda pictures, weights, targets: np.isin(
            np.arange(len(pictures)), (np.clip(np.rint(pictures), 0, 255) @ weights).argmax(axis=0)
        ),
        "same as before": lambda pictures, weights, targets: (
            (np.clip(np.rint(pictures), 0, 255) @ weights).argmax(axis=1) == (pictures @ weights).argmax(axis=1)
        ),
        "all or nothing": lambda pictures, weights, targets: bool(
            ((np.clip(np.rint(pictures), 0, 255) @ weights).argmax(axis=1) == targets).all()
        ),
        "positive score": lambda pictures, weights, targets: (
            (np.clip(np.rint(pictures), 0, 255) @ weights)[np.arange(len(pictures)), targets] > 0
        ),
        "of 0 to 1": lambda pictures, weights, targets: (
            (np.clip(np.rint(pictures), 0, 1) @ weights).argmax(axis=1) == targets
        ),
    },
    "12.style-loss": {
        "difference of the means": lambda made, style: float(
            np.square(made.mean((0, 1)) - style.mean((0, 1))).sum() / np.square(style.mean((0, 1))).sum()
        ),
        "absolute": lambda made, style: np.abs(_gram(made) - _gram(style)).sum() / np.abs(_gram(style)).sum(),
        "by the height": lambda made, style: _missed(_gram(made, len(made)), _gram(style, len(style))),
        "by the channels": lambda made, style: _missed(_gram(made, made.shape[2]), _gram(style, style.shape[2])),
        "by the root of the size": lambda made, style: _missed(
            _gram(made, made.size**0.5), _gram(style, style.size**0.5)
        ),
        "made over style": lambda made, style: float(np.square(_gram(made)).sum() / np.square(_gram(style)).sum()),
        "each number relative": lambda made, style: float(
            np.mean(np.square((_gram(made) - _gram(style)) / (_gram(style) + 1e-9)))
        ),
        "correlations": lambda made, style: _missed(
            *(np.corrcoef(one.reshape(-1, one.shape[2]).T) for one in (made, style))
        ),
        "mean of the squares": lambda made, style: float(np.square(_gram(made) - _gram(style)).mean()),
    },
    "12.mix": {
        "root of the product": lambda first, second, share: np.sqrt(_gram(first) * _gram(second)),
        "the first": lambda first, second, share: _gram(first),
        "the second": lambda first, second, share: _gram(second),
        "share added": lambda first, second, share: _gram(first) + share * _gram(second),
        "maps times share": lambda first, second, share: _gram(share * first) + _gram((1 - share) * second),
        "by the places": lambda first, second, share: (
            share * _gram(first, first.shape[0] * first.shape[1])
            + (1 - share) * _gram(second, second.shape[0] * second.shape[1])
        ),
        "larger of both": lambda first, second, share: np.maximum(_gram(first), _gram(second)),
        "the diagonal": lambda first, second, share: np.diag(
            share * np.diag(_gram(first)) + (1 - share) * np.diag(_gram(second))
        ),
    },
    "12.recolour": {
        "scaled": lambda made, content, weights: np.clip(
            content * ((made @ weights) / np.maximum(content @ weights, 1e-9))[..., None], 0, 255
        ),
        "in the middle": lambda made, content, weights: (made + content) / 2,
        "weights on the colours": lambda made, content, weights: np.clip(content + (made - content) * weights, 0, 255),
        "the largest value": lambda made, content, weights: np.clip(
            content + (made.max(-1) - content.max(-1))[..., None], 0, 255
        ),
        "the mean of the picture": lambda made, content, weights: np.clip(
            content + (made @ weights).mean() - (content @ weights).mean(), 0, 255
        ),
        "taken off": lambda made, content, weights: np.clip(
            content - (made @ weights - content @ weights)[..., None], 0, 255
        ),
        "wrapped around": lambda made, content, weights: (
            (content + (made @ weights - content @ weights)[..., None]) % 256
        ),
        "green only": lambda made, content, weights: np.clip(content + (made - content)[..., 1:2], 0, 255),
        "cut at 1": lambda made, content, weights: np.clip(
            content + (made @ weights - content @ weights)[..., None], 0, 1
        ),
    },
}


def _laid(drops, size, stride, put=np.add, first=0.0):
    """Lay the drops over each other."""
    found = np.full([(count - 1) * stride + size for count in drops.shape], first)
    for i, j in np.ndindex(drops.shape):
        area = np.s_[i * stride : i * stride + size, j * stride : j * stride + size]
        found[area] = put(found[area], drops[i, j])
    return found


def _recoloured(image, pixels, colour):
    copy = image.reshape(-1, 3).copy()
    copy[pixels] = colour
    return copy.reshape(image.shape)


def _left_out(features, dims):
    vectors = features - features.mean(axis=0)
    directions = np.linalg.svd(vectors, full_matrices=False)[2][:dims]
    return np.linalg.norm(vectors - vectors @ directions.T @ directions, axis=1)


def _neighbors(vectors, k):
    distances = np.linalg.norm(vectors[:, None] - vectors, axis=2)
    np.fill_diagonal(distances, np.inf)
    return distances.argsort(axis=1)[:, :k]


def _kept(features, points, k):
    pairs = zip(_neighbors(features, k), _neighbors(points, k), strict=True)
    return float(np.mean([np.isin(one, other).mean() for one, other in pairs]))


def _gram(maps, by=None):
    flat = maps.reshape(-1, maps.shape[2])
    return flat.T @ flat / (maps.size if by is None else by)


def _missed(have, want):
    return float(np.square(have - want).sum() / np.square(want).sum())
