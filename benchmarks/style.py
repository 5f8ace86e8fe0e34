"""How fast styles are transferred, slowly and in one pass, and how near both come to the painting and the photo.

Run it on an otherwise idle machine: ``python benchmarks/style.py``, some minutes on two cores. The ways are timed in
turn, so that a machine that changes its speed changes it for all of them; given are medians.
"""

import argparse
import itertools
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from attribution import medians

from coursekit import (
    activations,
    painting,
    photo,
    photos,
    resize,
    squeezenet,
    stylize,
    transfer_style,
    with_average_pooling,
)
from coursekit.networks.backend import keras, tf
from coursekit.networks.reading import read
from coursekit.techniques.features import unshaken
from coursekit.techniques.optimization import ascend
from coursekit.techniques.style import CONTENT_LAYER, style_aim, style_losses
from coursekit.techniques.stylizer import shipped_styles
from coursekit.techniques.texture import TEXTURE_LAYERS, gram_tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))
from train_styles import HELD_OUT, HELD_OUT_PHOTOS, SIZE

STEPS, MANY, SMALL, TOGETHER, JUDGED = 200, 20, 227, 4, 5


def held_out() -> dict[str, np.ndarray]:
    """Return the pictures that no shipped style was trained on, float32 (SIZE, SIZE, 3)."""
    images, _ = photos(SIZE)
    pictures = {name: photo(name, SIZE) for name in HELD_OUT} | {f"photo {n}": images[n] for n in HELD_OUT_PHOTOS}
    return {name: picture.astype(np.float32) for name, picture in pictures.items()}


def bare_step(network: keras.Model, size: int, with_grams: bool = False) -> Callable:
    """Return the least that a step computes: the layers that the losses take, and a gradient through them all.

    With ``with_grams`` it goes through the layers' Gram matrices, as a style loss does.
    """
    layers = [(name, False) for name in (*TEXTURE_LAYERS, CONTENT_LAYER)]
    taken = gram_tensor if with_grams else tf.identity

    @tf.function(input_signature=[tf.TensorSpec((1, size, size, 3))])
    def gradient(pictures):
        with tf.GradientTape() as tape:
            tape.watch(pictures)
            *styles, content = read(network, [pictures], layers)
            total = tf.add_n([tf.reduce_sum(taken(values)) for values in styles]) + tf.reduce_sum(content)
        return tape.gradient(total, pictures)

    return gradient


def compare_speed(network: keras.Model, picture: np.ndarray, style: np.ndarray) -> None:
    """Print how much faster one pass is than all the steps, and how long a step is beside the least it computes."""
    print(f"One picture of {SIZE} x {SIZE}")
    slow, fast = medians(
        {
            f"{STEPS} steps of transfer_style": lambda: transfer_style(
                network, picture, style, steps=STEPS, progress=False
            ),
            f"stylize, {MANY} times": lambda: [stylize(picture, "mosaic") for _ in range(MANY)],
        },
        3,
    )
    print(f"  {slow / fast * MANY:.0f} times as fast   wanted: at least 100")
    small = resize(picture, SMALL)
    print(f"Steps of one picture of {SMALL} x {SMALL}")
    bare, with_grams = bare_step(network, SMALL), bare_step(network, SMALL, with_grams=True)
    pictures = tf.constant(small[np.newaxis])
    stages = ascend(
        style_aim(network, small, style), unshaken("pixels", 0.2, 6), 10**6, size=SMALL, start=[small]
    )  # fmt: skip
    next(stages)
    least, least_of_style, ours = medians(
        {
            f"{TOGETHER} bare compiled forward and backward": lambda: [bare(pictures).numpy() for _ in range(TOGETHER)],
            f"{TOGETHER} with Gram matrices": lambda: [with_grams(pictures).numpy() for _ in range(TOGETHER)],
            f"{TOGETHER} steps of transfer_style": lambda: list(itertools.islice(stages, TOGETHER)),
        },
        15,
    )
    print(f"  ratio {ours / least_of_style:.2f} with Gram matrices in both   wanted: at most 1.2")
    layers, grams = multiplications(network, small)
    print(f"  ratio {ours / least:.2f} to the layers alone. A Gram matrix costs as much as a layer: the layers take")
    print(f"  {layers / 1e6:.0f} million multiplications forward, the Gram matrices {grams / 1e6:.0f} million more.")


def multiplications(network: keras.Model, picture: np.ndarray) -> tuple[int, int]:
    """Return how many multiplications the convolutions take, as far as they are used, and the Gram matrices."""
    used = [layer.name for layer in network.layers]
    used = used[: 1 + max(used.index(name) for name in (*TEXTURE_LAYERS, CONTENT_LAYER))]
    sizes = {name: answer.shape for name, answer in activations(network, picture, used).items()}
    convolutions = [one for one in map(network.get_layer, used) if isinstance(one, keras.layers.Conv2D)]
    of_layers = sum(np.prod(sizes[one.name][:2]) * np.prod(one.kernel.shape) for one in convolutions)
    return int(of_layers), int(sum(np.prod(sizes[name]) * sizes[name][-1] for name in TEXTURE_LAYERS))


def compare_losses(network: keras.Model) -> None:
    """Print the losses of each shipped style on held-out pictures, and their ratios to those of transfer_style."""
    for name in shipped_styles():
        style = np.float32(painting(name, SIZE))
        ratios = []
        for title, picture in itertools.islice(held_out().items(), JUDGED):
            slow = transfer_style(network, picture, style, steps=STEPS, progress=False)
            slowly = slow.content_loss, slow.style_loss
            losses = style_losses(network, stylize(picture, name), picture, style)
            ratios.append(np.divide(losses, slowly))
            columns = zip(("content", "style"), losses, slowly, ratios[-1], strict=True)
            table = "   ".join(
                f"{kind} {fast:6.3f} / {slow:6.3f} = {ratio:5.2f}" for kind, fast, slow, ratio in columns
            )
            print(f"  {name:8} {title:10} {table}", flush=True)
        content, of_style = np.mean(ratios, 0)
        print(f"  {name:8} mean ratios: content {content:.2f}, style {of_style:.2f}   wanted: at most 1.5", flush=True)


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.partition(",")[0])
    parser.add_argument("part", nargs="?", choices=("speed", "losses"), help="one of the two only")
    part = parser.parse_args().part
    network = with_average_pooling(squeezenet())
    if part != "losses":
        compare_speed(network, np.float32(photo("chelsea", SIZE)), np.float32(painting("mosaic", SIZE)))
    if part != "speed":
        print(f"Losses after one pass / after {STEPS} steps of transfer_style, on pictures held out of the trainings")
        compare_losses(network)


if __name__ == "__main__":
    main()
