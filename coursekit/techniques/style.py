"""One picture's content in another one's style: features of the one, statistics of features of the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from coursekit.pictures.fitting import luminance
from coursekit.techniques.features import as_start, features_aim, features_of, layer_names, one_picture, unshaken
from coursekit.techniques.optimization import Aim, Stage, ascend, run
from coursekit.techniques.texture import TEXTURE_LAYERS, gram_distances, layer_weights, texture_aim
from coursekit.validation import as_count, as_number

CONTENT_LAYER = "fire5-concat"
STYLE_WEIGHT = 5.0
_RATE, _VARIATION = 6, 0.2  # of pixels


@dataclass(frozen=True)
class StyleTransfer:
    """What ``transfer_style`` made.

    Attributes:
        image: float32 (H, W, C), values 0-255.
        content_loss: How far its features are from the content's, |features - content's|^2 / |content's|^2.
        style_loss: How far its Gram matrices are from the style's: the weighted mean over the layers of
            |G - style's|^2 / |style's|^2.
        trace: float32 (steps,), content loss + style weight * style loss before each step; NaN after an interruption.
        snapshots: {step: picture} for the steps asked for.
    """

    image: np.ndarray
    content_loss: float
    style_loss: float
    trace: np.ndarray
    snapshots: dict[int, np.ndarray]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Return the picture, so that whatever takes a picture takes this too."""
        return np.array(self.image, dtype=dtype) if copy is not False else np.asarray(self.image, dtype)


def transfer_style(
    model: Any,
    content: Any,
    style: Any,
    *,
    content_layer: str = CONTENT_LAYER,
    style_layers: Sequence[str] | Mapping[str, float] = TEXTURE_LAYERS,
    style_weight: float = STYLE_WEIGHT,
    steps: int = 200,
    keep_colour: bool = False,
    parametrization: str = "pixels",
    start: str | np.ndarray = "content",
    total_variation: float = _VARIATION,
    learning_rate: float | None = None,
    seed: int = 0,
    snapshots: Sequence[int] = (),
    progress: bool = True,
) -> StyleTransfer:
    """Draw what is in one picture as another one is painted.

    A picture is changed step by step until it has the features of ``content`` in one layer, and in others the Gram
    matrices of ``style``: what channels answer together, wherever that is.

    Paper: Gatys, Ecker and Bethge, "Image style transfer using convolutional neural networks", CVPR 2016,
    arXiv:1508.06576. Both losses are relative here, so that ``style_weight`` means the same for every picture, layer
    and size. As they do, give a network ``with_average_pooling``, which makes it smoother. For ``keep_colour``: Gatys,
    Bethge, Hertzmann and Shechtman, "Preserving color in neural artistic style transfer", 2016, arXiv:1606.05897,
    their transfer of the luminance only.

    Args:
        model: A Keras model with one picture as its input.
        content: (H, W, 3), values 0-255, of any size that leads to these layers: the result has it too.
        style: (H, W, 3), values 0-255, of any size.
        content_layer: Where the content's features are kept.
        style_layers: Where the style's Gram matrices are taken: names, or {name: weight}.
        style_weight: Weight of the style's loss beside the content's.
        steps: How many.
        keep_colour: Take the brightness only from the style, and the colours from the content.
        parametrization: What is varied, ``"pixels"`` or ``"fourier"`` (waves).
        start: ``"content"``, ``"noise"``, ``"grey"``, ``"black"``, or a picture (H, W, 3).
        total_variation: Weight of the differences between neighbours.
        learning_rate: Length of a step; by default 6 of 255 for pixels, and 0.1 for waves.
        seed: Fixes the noise, if that is the start.
        snapshots: Steps, from 0 for the start, at which to keep the picture too.
        progress: Show a progress bar.

    Returns:
        The picture and both losses. Interrupted (Ctrl-C), as far as it has come.

    Raises:
        TypeError, ValueError: There is no such layer, it answers 0 everywhere to a picture, its answers are not
            finite, or another argument is out of its range.

    Example:
        >>> from coursekit import photo, squeezenet, transfer_style
        >>> cat, bricks = photo("chelsea", 96), photo("brick", 128)
        >>> made = transfer_style(squeezenet(), cat, bricks, steps=8, progress=False)
        >>> made.image.shape, bool(made.trace[-1] < made.trace[0])
        ((96, 96, 3), True)
    """
    weights = layer_weights(model, style_layers, "style_layers")
    photo, painting = one_picture(content, "content"), one_picture(style, "style")
    coloured = photo
    if keep_colour:
        photo, painting = in_grey(photo, painting)
    aim = style_aim(model, photo, painting, content_layer, weights, style_weight)
    ascent = unshaken(parametrization, total_variation, learning_rate, _RATE)
    begin = photo if isinstance(start, str) and start == "content" else as_start(start)
    how = {"size": photo.shape[:2], "start": [begin], "seed": [as_count(seed, "seed", 0)]}
    done = run([(aim, how)], ascent, as_count(steps, "steps"), snapshots=snapshots, progress=progress)
    losses = style_losses(model, done.images[0], photo, painting, content_layer, weights)
    pictures = {step: images[0] for step, images in done.snapshots.items()}
    image = done.images[0]
    if keep_colour:
        image, pictures = recoloured(image, coloured), {at: recoloured(one, coloured) for at, one in pictures.items()}
    return StyleTransfer(image, *losses, -done.trace[0], pictures)


@dataclass(frozen=True)
class TransferStage:
    """How far a transfer has come.

    Attributes:
        step: Steps done; 0 is the start.
        image: Gives the picture as it is now, float32 (H, W, C).
        losses: Gives its losses, the content's and the style's, as ``StyleTransfer`` has them.
    """

    step: int
    image: Callable[[], np.ndarray]
    losses: Callable[[], tuple[float, float]]


def transfer_stages(
    model: Any,
    content: np.ndarray,
    style: np.ndarray,
    *,
    content_layer: str = CONTENT_LAYER,
    style_layers: Mapping[str, float] | Sequence[str] = TEXTURE_LAYERS,
    style_weight: float = STYLE_WEIGHT,
    steps: int = 200,
    keep_colour: bool = False,
) -> Iterator[TransferStage]:
    """Do what ``transfer_style`` does step by step, and yield how far it has come: the start, then after each step.

    Whoever stops asking for the next stage has stopped it.

    Args:
        model: A Keras model.
        content: float32 (H, W, C), values 0-255.
        style: float32 (H, W, C), values 0-255.
        content_layer: As ``transfer_style``.
        style_layers: As ``transfer_style``.
        style_weight: As ``transfer_style``.
        steps: How many.
        keep_colour: As ``transfer_style``.

    Raises:
        TypeError, ValueError: As ``transfer_style``.
    """
    photo, painting = in_grey(content, style) if keep_colour else (content, style)
    aim = style_aim(model, photo, painting, content_layer, style_layers, style_weight)
    ascent = unshaken("pixels", _VARIATION, _RATE)
    for stage in ascend(aim, ascent, steps, size=photo.shape[:2], start=[photo]):

        def image(stage: Stage = stage) -> np.ndarray:
            return recoloured(stage.images()[0], content) if keep_colour else stage.images()[0]

        def losses(stage: Stage = stage) -> tuple[float, float]:
            return style_losses(model, stage.images()[0], photo, painting, content_layer, style_layers)

        yield TransferStage(stage.step, image, losses)


def style_aim(
    model: Any,
    content: np.ndarray,
    style: np.ndarray,
    content_layer: str = CONTENT_LAYER,
    style_layers: Mapping[str, float] | Sequence[str] = TEXTURE_LAYERS,
    style_weight: float = STYLE_WEIGHT,
) -> Aim:
    """Return what ``transfer_style`` climbs: minus the content's loss, minus the weighted loss of the style.

    Args:
        model: A Keras model.
        content: float32 (H, W, C), values 0-255.
        style: float32 (H, W, C), values 0-255.
        content_layer: As ``transfer_style``.
        style_layers: As ``transfer_style``.
        style_weight: As ``transfer_style``.

    Raises:
        TypeError, ValueError: As ``transfer_style``.
    """
    weights = layer_weights(model, style_layers, "style_layers")
    keeps = features_aim(model, layer_names(model, [content_layer], "content_layer"), content)
    return keeps + as_number(style_weight, "style_weight") * texture_aim(model, style, weights)


def style_losses(
    model: Any,
    image: np.ndarray,
    content: np.ndarray,
    style: np.ndarray,
    content_layer: str = CONTENT_LAYER,
    style_layers: Mapping[str, float] | Sequence[str] = TEXTURE_LAYERS,
) -> tuple[float, float]:
    """Return the losses of a picture, the content's and the style's, as ``StyleTransfer`` has them.

    Args:
        model: A Keras model.
        image: float32 (H, W, C), values 0-255: the picture to judge.
        content: float32 (H, W, C), values 0-255, of the same size.
        style: float32 (H, W, C), values 0-255.
        content_layer: As ``transfer_style``.
        style_layers: As ``transfer_style``.
    """
    weights = layer_weights(model, style_layers, "style_layers")
    names = layer_names(model, [content_layer], "content_layer")
    have, want = (features_of(model, names, picture, picture is content)[names[0]] for picture in (image, content))
    distances = gram_distances(model, image, style, weights)
    of_style = sum(weight * distances[name] for name, weight in weights.items())
    return float(np.square(have - want).sum() / np.square(want).sum()), of_style


def in_grey(content: np.ndarray, style: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both pictures without colour, the style's brightness with the mean and the spread of the content's.

    Raises:
        ValueError: They are not in colour.
    """
    for name, picture in (("content", content), ("style", style)):
        if picture.shape[2] != 3:
            raise ValueError(f"keep_colour needs pictures in colour, but {name} has {picture.shape[2]} channels.")
    of_content, of_style = luminance(content), luminance(style)
    spread = of_content.std() / max(of_style.std(), 1e-6)
    of_style = (of_style - of_style.mean()) * spread + of_content.mean()
    return np.repeat(of_content, 3, axis=2), np.repeat(of_style.clip(0, 255), 3, axis=2)


def recoloured(picture: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Return a picture's brightness in the colours of another one of its size, as in YIQ."""
    return (colours + luminance(picture) - luminance(colours)).clip(0, 255)
