"""Style transfer in one pass: a small network for each style, trained on photos, and what it makes of a picture."""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from coursekit.networks.backend import keras, tf
from coursekit.networks.graph import kept, traced
from coursekit.networks.pooling import with_average_pooling
from coursekit.networks.reading import read
from coursekit.networks.squeezenet import squeezenet
from coursekit.networks.stylizing import REDUCED, read_arrays, set_weights, style_network, weight_names, write_arrays
from coursekit.pictures.resizing import resize
from coursekit.techniques.features import features_of, layer_names, missed, one_picture
from coursekit.techniques.optimization import picture_shape
from coursekit.techniques.style import CONTENT_LAYER
from coursekit.techniques.texture import TEXTURE_LAYERS, gram, gram_tensor, layer_weights
from coursekit.validation import as_count, as_number, as_pictures, nearest
from coursekit.waiting import progress_bar

STYLE_WEIGHT = 4.0  # less than the 5 of transfer_style: the content is what a network is later with
_SAVE_EVERY = 100  # steps
_SHAKEN = 8  # pixels that a crop is cut by, at random sides: SqueezeNet takes every second pixel, its poolings more
_MARGIN = 8  # pixels mirrored around a picture, so that the border of the painting lies outside of it


@dataclass(frozen=True)
class Stylizer:
    """A network that paints in one style: ``stylize(picture, stylizer)``.

    Attributes:
        network: The ``keras.Model``: pictures (N, H, W, 3) in, such pictures out, both 0-255.
        content_loss: float32 (steps,), the mean of each step's crops before it; NaN where it did not get.
        style_loss: float32 (steps,), likewise.
        snapshots: {step: picture} for the steps asked for: what the network made of the sample by then.
        steps: How many steps it was trained.
    """

    network: Any
    content_loss: np.ndarray
    style_loss: np.ndarray
    snapshots: dict[int, np.ndarray]
    steps: int

    def save(self, path: str | os.PathLike) -> None:
        """Write the weights to a .npz file, in half precision: a third of a megabyte. ``stylize`` takes its path."""
        write_arrays(Path(path), _weights(self.network, np.float16))


class _Training(NamedTuple):
    """How far a training has come: all that a step changes, as tensors in lists by weight."""

    step: int
    weights: list
    mean: list
    square: list
    losses: np.ndarray  # (steps, 2), content and style
    pictures: dict[int, np.ndarray]


def train_stylizer(
    style: Any,
    pictures: Any,
    steps: int = 500,
    *,
    model: Any = None,
    content_layer: str = CONTENT_LAYER,
    style_layers: Sequence[str] | Mapping[str, float] = TEXTURE_LAYERS,
    style_weight: float = STYLE_WEIGHT,
    crop: int = 128,
    batch: int = 2,
    learning_rate: float = 0.003,
    start: Any = None,
    sample: Any = None,
    snapshots: Sequence[int] = (),
    path: str | os.PathLike | None = None,
    seed: int = 0,
    progress: bool = True,
) -> Stylizer:
    """Train a small network to paint every picture in one style, in a single pass.

    ``transfer_style`` changes one picture step by step. Here the same two losses change a network's weights, on crops
    of many pictures: what is slow is done once for each style, and no picture has to wait for it.

    Paper: Johnson, Alahi and Fei-Fei, "Perceptual losses for real-time style transfer and super-resolution", ECCV 2016,
    arXiv:1603.08155, with the instance normalisation of Ulyanov, Vedaldi and Lempitsky, 2016, arXiv:1607.08022. The
    losses are those of ``transfer_style``, the steps Adam's, shorter towards the end. They train on 80,000 photos for
    hours; here a few dozen photos and minutes have to do.

    Args:
        style: (H, W, 3), values 0-255: the painting.
        pictures: The photos to learn from: (N, H, W, 3), or a list of (H, W, 3) of any sizes.
        steps: How many.
        model: The Keras model in whose layers the losses are taken; by default SqueezeNet with average pooling.
        content_layer: Where the content's features are kept.
        style_layers: Where the style's Gram matrices are taken: names, or {name: weight}.
        style_weight: Weight of the style's loss beside the content's.
        crop: Side in pixels of the square crops, a multiple of 4. Photos are made at most twice as high or wide; a crop
            shows a part of one, from 3/4 to 3/2 of its own size.
        batch: How many crops there are in a step.
        learning_rate: Length of the first steps; it falls to 0 along a half wave.
        start: A trained network to begin with, as ``stylize`` takes it: a new style is learnt faster from another one.
        sample: (H, W, 3), what to paint at the ``snapshots``; by default the first picture.
        snapshots: Steps, from 0 for the start, at which to keep what the network makes of the sample.
        path: A .npz file to save the training to, now and then and at the end. If it is there already, the training
            goes on from it, with the same result as without the break.
        seed: Fixes the weights at the start, and the crops.
        progress: Show a progress bar.

    Returns:
        The network and its losses. Interrupted (Ctrl-C), as far as it has come; it is saved too.

    Raises:
        TypeError, ValueError: There is no such layer, a loss is not finite, the file is of another training, or another
            argument is out of its range.

    Example:
        >>> from coursekit import painting, photo, stylize, train_stylizer
        >>> trained = train_stylizer(
        ...     painting("mosaic", 96), [photo("coffee")], steps=6, crop=64, batch=1, progress=False
        ... )
        >>> trained.network.count_params(), stylize(photo("chelsea", 96), trained).shape
        (208652, (96, 96, 3))
    """
    model = _judge() if model is None else model
    weights = layer_weights(model, style_layers, "style_layers")
    content = layer_names(model, [content_layer], "content_layer")[0]
    if picture_shape(model)[2] != 3:
        raise ValueError(f"Painted pictures have 3 channels, but those of {model.name} {picture_shape(model)[2]}.")
    style, photos = one_picture(style, "style"), _photos(pictures, crop := _side(crop))
    steps, batch, seed = as_count(steps, "steps"), as_count(batch, "batch"), as_count(seed, "seed", 0)
    rate = as_number(learning_rate, "learning_rate")
    wanted = [gram(values) for values in features_of(model, list(weights), style).values()]
    fixed = [np.float32(list(weights.values())), np.float32(as_number(style_weight, "style_weight")), *wanted]
    constants = [tf.constant(one) for one in fixed]
    asked = {as_count(step, "snapshots", 0, steps) for step in snapshots}
    sample = photos[0] if sample is None else one_picture(sample, "sample")
    network = style_network(seed)
    if start is not None:
        network.set_weights(_network(start).get_weights())
    advance = _compiled_step(model, content, list(weights), crop)

    begun = _beginning(network, steps)
    settings = (steps, content, list(weights), crop, batch, rate, seed, *fixed, style, *photos, *begun.weights)
    file, key = None if path is None else Path(path), _digest(settings)
    if file is not None and not file.absolute().parent.is_dir():
        raise FileNotFoundError(f"There is no folder {file.absolute().parent} to save the training in.")
    now = begun = _restored(file, network, key, steps) if file is not None and file.exists() else begun
    bar = progress_bar(show=progress, total=steps, initial=now.step, unit="step")
    try:
        for now in _train(begun, advance, constants, network, photos, (crop, batch, rate, seed), asked, sample):
            if now.step:
                bar.update(now.step - bar.n)
                bar.set_postfix_str("content {:.2f}, style {:.2f}".format(*now.losses[now.step - 1]), refresh=False)
            if file is not None and now.step % _SAVE_EVERY == 0:
                _save(file, network, now, key)
    except KeyboardInterrupt:
        bar.write("Interrupted: here is how far it has come.")
    finally:
        bar.close()
    _put(network, now)
    if file is not None:
        _save(file, network, now, key)
    return Stylizer(network, now.losses[:, 0], now.losses[:, 1], dict(sorted(now.pictures.items())), now.step)


def _train(
    now: _Training,
    advance: Any,
    constants: Sequence[Any],
    network: Any,
    photos: Sequence[np.ndarray],
    settings: tuple[int, int, float, int],
    asked: set[int],
    sample: np.ndarray,
) -> Iterator[_Training]:
    """Train step by step, and yield how far it has come: the start, then after each step."""
    crop, batch, rate, seed = settings
    steps = len(now.losses)
    while True:
        if now.step in asked and now.step not in now.pictures:
            _put(network, now)
            now = now._replace(pictures={**now.pictures, now.step: stylize(sample, network)})
        yield now
        if now.step == steps:
            return
        random = np.random.default_rng([seed, now.step])  # of this step alone: a break changes nothing
        crops = tf.constant(_crops(photos, crop, batch, random))
        length = rate * (1 + np.cos(np.pi * now.step / steps)) / 2
        numbers = tf.constant(now.step + 1, tf.float32), tf.constant(length, tf.float32)
        place = tf.constant(random.integers(0, _SHAKEN, 2, np.int32, endpoint=True))
        *after, found = advance(now.weights, now.mean, now.square, crops, place, *numbers, constants)
        found = np.array(found)
        if not np.isfinite(found).all():
            raise ValueError(f"The losses of step {now.step} are not finite. A smaller learning_rate may mend it.")
        losses = now.losses.copy()
        losses[now.step] = found
        now = _Training(now.step + 1, *after, losses, now.pictures)


def _compiled_step(model: Any, content: str, layers: list[str], crop: int) -> Any:
    """Return one step of the training as a compiled function of the state, the crops and the constants."""

    def make() -> Any:
        template = style_network()

        def step(weights, mean, square, crops, place, number, length, constants):
            with tf.GradientTape() as tape:
                tape.watch(weights)
                painted, _ = template.stateless_call(weights, [], crops)
                begin, size = [0, *tf.unstack(place), 0], [-1, *[crop - _SHAKEN] * 2, 3]
                seen = [tf.slice(one, begin, size) for one in (painted, crops)]
                of_content, of_style = _losses(model, *seen, content, layers, constants)
                loss = of_content + constants[1] * of_style
            return *_adam(weights, mean, square, tape.gradient(loss, weights), number, length), [of_content, of_style]

        each, number = [tf.TensorSpec(weight.shape) for weight in template.weights], tf.TensorSpec(())
        constants = [tf.TensorSpec((len(layers),)), number, *[tf.TensorSpec((1, None, None))] * len(layers)]
        crops, place = tf.TensorSpec((None, crop, crop, 3)), tf.TensorSpec((2,), tf.int32)
        compiled = tf.function(step, [each, each, each, crops, place, number, number, constants], autograph=False)
        try:
            compiled.get_concrete_function()
        except (ValueError, tf.errors.InvalidArgumentError) as error:
            names = " and ".join(dict.fromkeys((*layers, content)))
            why = f"do not lead to {names}. They are too small, or a layer on the way takes one size only."
            raise ValueError(f"Crops of {crop}, of which {crop - _SHAKEN} pixels are seen, {why}") from error
        return compiled

    return kept(model, ("train stylizer", content, *layers, crop), make)


def _adam(weights: list, mean: list, square: list, slopes: list, number: Any, length: Any) -> tuple[list, list, list]:
    """Return the weights a step down, and the new means of the gradients and of their squares (arXiv:1412.6980)."""
    mean = [0.9 * m + 0.1 * slope for m, slope in zip(mean, slopes, strict=True)]
    square = [0.999 * s + 0.001 * slope**2 for s, slope in zip(square, slopes, strict=True)]
    reach = length * tf.sqrt(1 - 0.999**number) / (1 - 0.9**number)
    state = zip(weights, mean, square, strict=True)
    return [weight - reach * m / (tf.sqrt(s) + 1e-8) for weight, m, s in state], mean, square


def _losses(
    model: Any, painted: Any, photos: Any, content: str, layers: Sequence[str], constants: Sequence[Any]
) -> tuple[Any, Any]:
    """Return the content's and the style's loss of what was painted from photos, the means of both over (N, H, W, 3).

    Args:
        model: The network in whose layers they are taken.
        painted: Tensor (N, H, W, 3).
        photos: Tensor (N, H, W, 3).
        content: Name of the layer of the content.
        layers: Names of those of the style.
        constants: The weights of these (L,), something for others, and L Gram matrices (1, C, C).
    """
    strengths, _, *wanted = constants
    *maps, features = read(model, [painted], [(name, False) for name in (*layers, content)])
    (of_photos,) = read(model, [photos], [(content, False)])
    distances = [missed(gram_tensor(values), want) for values, want in zip(maps, wanted, strict=True)]
    of_style = tf.linalg.matvec(tf.stack(distances, 1), strengths)
    return tf.reduce_mean(missed(features, tf.cast(of_photos, tf.float32))), tf.reduce_mean(of_style)


def stylize(images: Any, style: Any) -> np.ndarray:
    """Return pictures painted in a style, in one pass of a network that was trained for it.

    The course ships three networks, trained with ``train_stylizer`` on pictures that ``painting`` paints.

    Args:
        images: (H, W, C) or (N, H, W, C), values 0-255, of any size; C is 3, 1 for grey, or 4: what is transparent
            shows white. (H, W) is grey too.
        style: ``"strokes"``, ``"mosaic"``, ``"waves"``, what ``train_stylizer`` gave, or the path of a .npz that it or
            ``Stylizer.save`` wrote.

    Returns:
        float32 (H, W, 3) or (N, H, W, 3), values 0-255.

    Raises:
        FileNotFoundError: There is no such file.
        TypeError, ValueError: There is no such style, the file holds none, or they are no pictures.

    Example:
        >>> from coursekit import photo, stylize
        >>> stylize(photo("chelsea", (90, 121)), "mosaic").shape
        (90, 121, 3)
    """
    network = _network(style)
    pictures, alone = _in_colour(images)
    height, width = pictures.shape[1:3]
    # Mirrored beyond its sides, to a multiple of what the network halves.
    below, right = ((-(side + 2 * _MARGIN)) % REDUCED + _MARGIN for side in (height, width))
    padded = np.pad(pictures, [(0, 0), (_MARGIN, below), (_MARGIN, right), (0, 0)], mode="symmetric")
    forward = kept(network, ("stylize",), lambda: traced(network, tf.TensorSpec((None, None, None, 3))))
    painted = [forward(tf.constant(one[np.newaxis])).numpy()[0] for one in padded]
    cut = np.stack(painted)[:, _MARGIN : _MARGIN + height, _MARGIN : _MARGIN + width].clip(0, 255)
    return cut[0] if alone else cut


def _in_colour(images: Any) -> tuple[np.ndarray, bool]:
    """Return pictures as float32 (N, H, W, 3), and whether one came in alone."""
    if getattr(images, "ndim", None) == 2:
        images = np.asarray(images)[..., np.newaxis]
    pictures, alone = as_pictures(images)
    pictures = pictures.astype(np.float32)
    channels = pictures.shape[-1]
    if channels == 4:
        opaque = pictures[..., 3:] / 255
        pictures = pictures[..., :3] * opaque + 255 * (1 - opaque)
    elif channels == 1:
        pictures = np.repeat(pictures, 3, axis=-1)
    elif channels != 3:
        raise ValueError(f"A picture has 3 channels, 1 if it is grey, or 4 with transparency; this one has {channels}.")
    return pictures, alone


def shipped_styles() -> list[str]:
    """Return the names of the styles whose networks come with the course."""
    return sorted(path.stem for path in _styles_folder().glob("*.npz"))


def _styles_folder() -> Path:
    """Return where these networks are: inside an installed package, or beside the package in a checkout."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "styles"
    return inside if inside.is_dir() else package.parent / "data" / "styles"


def _network(style: Any) -> Any:
    """Return the network of a style, by name, by file, or out of what ``train_stylizer`` gave."""
    if isinstance(style, (Stylizer, keras.Model)):
        return getattr(style, "network", style)
    if not isinstance(style, (str, os.PathLike)):
        raise TypeError(
            f"A style is a name such as 'mosaic', what train_stylizer gave, or the path of its file, not "
            f"{type(style).__name__}. To train one for a painting: train_stylizer(painting, pictures)."
        )
    path, names = Path(style), shipped_styles()
    if style in names:
        path = _styles_folder() / f"{style}.npz"
    elif path.suffix != ".npz" and not path.exists():
        raise ValueError(
            f"There is no style {str(style)!r}. {nearest(str(style), names)} The path of a .npz works too."
        )
    elif not path.exists():
        raise FileNotFoundError(f"There is no file {path}. train_stylizer(..., path=) or Stylizer.save writes one.")
    state = path.stat()
    return _read_network(path, state.st_mtime_ns, state.st_size)


@functools.lru_cache(maxsize=8)
def _read_network(path: Path, *state: int) -> Any:
    network = style_network()
    set_weights(network, read_arrays(path), path.name)
    return network


@functools.lru_cache(maxsize=1)
def _judge() -> Any:
    """Return the network in which losses are taken by default: one for all trainings, so it is compiled once."""
    return with_average_pooling(squeezenet())


def _side(crop: Any) -> int:
    crop = as_count(crop, "crop", 32)
    if crop % REDUCED:
        raise ValueError(f"crop must be a multiple of {REDUCED}, not {crop}: the network halves it twice.")
    return crop


def _photos(pictures: Any, crop: int) -> list[np.ndarray]:
    """Return the pictures to learn from, those that are much larger than the crops made smaller."""
    if isinstance(pictures, np.ndarray) or not isinstance(pictures, Iterable):
        pictures, _ = as_pictures(pictures, "pictures")
    photos = [_in_colour(picture)[0][0] for picture in pictures]
    if not photos:
        raise ValueError("pictures is empty: give the photos to learn from.")
    for n, photo in enumerate(photos):
        shorter = min(photo.shape[:2])
        if shorter > 2 * crop:
            photos[n] = resize(photo, tuple(round(side * 2 * crop / shorter) for side in photo.shape[:2]))
    return photos


def _crops(photos: Sequence[np.ndarray], crop: int, batch: int, random: np.random.Generator) -> np.ndarray:
    """Return squares out of photos chosen at random, float32 (batch, crop, crop, 3): some are mirrored."""
    found = np.empty((batch, crop, crop, 3), np.float32)
    for n in range(batch):
        photo = photos[random.integers(len(photos))]
        most, least = (min(part * crop // 4, *photo.shape[:2]) for part in (6, 3))
        side = random.integers(least, most, endpoint=True)
        top, left = (random.integers(have - side, endpoint=True) for have in photo.shape[:2])
        square = resize(photo[top : top + side, left : left + side], crop)
        found[n] = square[:, ::-1] if random.random() < 0.5 else square
    return found


def _beginning(network: Any, steps: int) -> _Training:
    weights = [tf.constant(weight.numpy()) for weight in network.weights]
    zeros = [tf.zeros_like(weight) for weight in weights]
    return _Training(0, weights, zeros, list(zeros), np.full((steps, 2), np.nan, np.float32), {})


def _put(network: Any, now: _Training) -> None:
    network.set_weights([weight.numpy() for weight in now.weights])


def _weights(network: Any, dtype: Any = np.float32) -> dict[str, np.ndarray]:
    named = zip(weight_names(network), network.weights, strict=True)
    return {f"weights/{name}": weight.numpy().astype(dtype) for name, weight in named}


def _save(file: Path, network: Any, now: _Training, key: str) -> None:
    """Write a training to a file from which it can go on."""
    arrays = {"training": np.array(key), "step": np.array(now.step), "losses": now.losses}
    for kind in ("weights", "mean", "square"):
        named = zip(weight_names(network), getattr(now, kind), strict=True)
        arrays |= {f"{kind}/{name}": values.numpy() for name, values in named}
    write_arrays(file, arrays | {f"picture/{step}": picture for step, picture in now.pictures.items()})


def _restored(file: Path, network: Any, key: str, steps: int) -> _Training:
    """Return a training as a file has it.

    Raises:
        ValueError: It is of another training.
    """
    arrays = read_arrays(file)
    if "training" not in arrays or str(arrays["training"]) != key:
        others = "its style, pictures, start or settings are others. Give another path."
        raise ValueError(f"{file} holds another training: {others}")
    set_weights(network, arrays, file.name)
    names = weight_names(network)
    state = [[tf.constant(arrays[f"{kind}/{name}"]) for name in names] for kind in ("weights", "mean", "square")]
    pictures = {int(name.partition("/")[2]): values for name, values in arrays.items() if name.startswith("picture/")}
    return _Training(int(arrays["step"]), *state, arrays["losses"], pictures)


def _digest(settings: Iterable[Any]) -> str:
    """Return a text that differs for other settings, whether numbers, names or arrays."""
    digest = hashlib.sha256()
    for one in settings:
        values = np.asarray(one)
        digest.update(repr((values.dtype.str, values.shape)).encode() + values.tobytes())
    return digest.hexdigest()
