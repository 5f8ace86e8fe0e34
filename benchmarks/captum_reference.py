"""Write what captum computes in PyTorch, on the same weights, as a table to compare the course's maps with.

Run it where the course is installed, with PyTorch and captum beside it: ``pip install torch==2.15.0 captum==0.9.0``.
They are needed for this only; ``tests/techniques/test_captum.py`` reads the table. A map is kept at some places drawn
at random, so that ``data/captum.npz`` stays small.

All is computed in float64. In float32, some of a million rectifiers have an input so near to zero that its sign is a
matter of rounding, and a map differs by up to 0.002 of its size from one program to the next, also where both are
right. In float64 neither PyTorch nor TensorFlow hands convolutions to oneDNN, so the two share no code.
"""

from pathlib import Path

import numpy as np
import torch
from captum.attr import Deconvolution, GuidedBackprop, IntegratedGradients, LayerGradCam, Occlusion, Saliency
from torch import nn

from coursekit import photo, squeezenet

PHOTOS = ("chelsea", "astronaut", "coffee", "rocket", "china")
CLASSES = (281, 99, 504)  # tabby, goose, coffee mug
UNIT = ("fire6-squeeze1x1", 13)
PLACES, STEPS = 400, 8
# A patch that ends with the picture: where it does not fit, captum cuts the last one off, and the course moves it back.
PATCH, STRIDE, COLOUR, COVERED = 32, 15, (104, 117, 123), 2
FILE = Path(__file__).parents[1] / "data" / "captum.npz"


class Fire(nn.Module):
    """A fire module, with a ReLU of its own behind each convolution: captum puts its rules there."""

    def __init__(self, inside: int, few: int, many: int):
        super().__init__()
        self.squeeze, self.narrow = nn.Conv2d(inside, few, 1), nn.Conv2d(few, many, 1)
        self.wide = nn.Conv2d(few, many, 3, padding=1)
        self.relus = nn.ModuleList(nn.ReLU() for _ in range(3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.relus[0](self.squeeze(x))
        return torch.cat([self.relus[1](self.narrow(x)), self.relus[2](self.wide(x))], 1)


class SqueezeNet(nn.Module):
    """Raw RGB pictures in, (N, 4) out: the scores of the classes before the last ReLU, and the mean of a unit."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.relu1 = nn.Conv2d(3, 64, 3, stride=2), nn.ReLU()
        self.pools = nn.ModuleList(nn.MaxPool2d(3, 2, ceil_mode=True) for _ in range(3))
        sides = {2: (64, 16), 3: (128, 16), 4: (128, 32), 5: (256, 32), 6: (256, 48), 7: (384, 48), 8: (384, 64)}
        sides[9] = (512, 64)
        self.fires = nn.ModuleList(Fire(inside, few, 4 * few) for inside, few in sides.values())
        self.conv10 = nn.Conv2d(512, 1000, 1)
        self.register_buffer("mean", torch.tensor([104.0, 117.0, 123.0]).reshape(1, 3, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.pools[0](self.relu1(self.conv1(x.flip(1) - self.mean)))
        for number, fire in enumerate(self.fires, 2):
            if number == 6:
                unit = fire.squeeze(x)[:, UNIT[1]].mean((1, 2))
            x = fire(x)
            if number in (3, 5):
                x = self.pools[number // 2](x)
        scores = self.conv10(x).mean((2, 3))
        return torch.cat([scores[:, list(CLASSES)], unit[:, None]], 1)


def same_weights() -> SqueezeNet:
    """Return the network in PyTorch, with the weights of the course's."""
    keras, network = squeezenet(), SqueezeNet()
    pairs = {"conv1": network.conv1, "conv10": network.conv10}
    for number, fire in enumerate(network.fires, 2):
        pairs |= {f"fire{number}-squeeze1x1": fire.squeeze, f"fire{number}-expand1x1": fire.narrow}
        pairs[f"fire{number}-expand3x3"] = fire.wide
    for name, layer in pairs.items():
        kernel, bias = (torch.tensor(weight.numpy()) for weight in keras.get_layer(name).weights)
        layer.weight.data, layer.bias.data = kernel.permute(3, 2, 0, 1).contiguous(), bias
    return network.eval().requires_grad_(False).double()


def occluded(network: SqueezeNet, x: torch.Tensor, target: int) -> np.ndarray:
    """Return captum's occlusion map (H, W): each pixel's mean over the patches that covered it."""
    colour = torch.tensor(COLOUR, dtype=x.dtype).reshape(1, 3, 1, 1).expand_as(x)
    sides, steps = (3, PATCH, PATCH), (3, STRIDE, STRIDE)
    with torch.no_grad():
        found = Occlusion(network).attribute(x, sides, steps, colour, target, perturbations_per_eval=16)
    return found[0, 0].numpy()


def main() -> None:
    """Compute the maps and write the file."""
    torch.set_num_threads(1)  # several wait for each other wherever other programs run beside them
    network = same_weights()
    draw = np.random.default_rng(0)
    places = np.stack([draw.integers(side, size=PLACES) for side in (227, 227, 3)])
    methods = {
        "saliency": lambda x, t: Saliency(network).attribute(x, t, abs=False),
        "guided_backprop": lambda x, t: GuidedBackprop(network).attribute(x, t),
        "deconvnet": lambda x, t: Deconvolution(network).attribute(x, t),
        "integrated_gradients": lambda x, t: IntegratedGradients(network).attribute(x, 0.0, t, n_steps=STEPS),
    }
    found = {name: np.zeros((len(PHOTOS), len(CLASSES) + 1, PLACES), np.float32) for name in methods}
    sizes = {f"{name}_norm": np.zeros((len(PHOTOS), len(CLASSES) + 1), np.float32) for name in methods}
    cams = np.zeros((len(PHOTOS), len(CLASSES), 14, 14), np.float32)
    dropped = np.zeros((COVERED, len(CLASSES) + 1, PLACES), np.float32)
    for n, name in enumerate(PHOTOS):
        x = torch.tensor(np.float64(photo(name, 227))).permute(2, 0, 1)[None].requires_grad_()
        for t in range(len(CLASSES) + 1):
            for method, attribute in methods.items():
                map_ = attribute(x, t).detach()[0].permute(1, 2, 0).numpy()
                found[method][n, t] = map_[tuple(places)]
                sizes[f"{method}_norm"][n, t] = np.linalg.norm(map_)
        for t in range(len(CLASSES) + 1) if n < COVERED else ():
            dropped[n, t] = occluded(network, x.detach(), t)[tuple(places[:2])]
        for t in range(len(CLASSES)):
            cams[n, t] = LayerGradCam(network, network.fires[-1]).attribute(x, t).detach()[0, 0].numpy()
    about = {"photos": PHOTOS, "classes": CLASSES, "steps": STEPS, "places": places, "grad_cam": cams}
    about |= {"occlusion": dropped, "patch": PATCH, "stride": STRIDE, "colour": COLOUR}
    np.savez_compressed(FILE, **about, **found, **sizes)


if __name__ == "__main__":
    main()
