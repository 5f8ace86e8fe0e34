"""Every layer of a network, for one picture after another."""

from __future__ import annotations

from typing import Any

import numpy as np

from coursekit.networks.backend import keras
from coursekit.networks.graph import COMPILING, as_inputs, compiled, refuse_channels_first, run, sizes_explained, steps


class AllLayers:
    """What every layer of a network answers to a picture.

    The first picture is computed layer by layer, as that begins at once. From the second on it is one compiled pass:
    some times faster, but to compile a network of 500 layers takes four seconds.

    Args:
        model: A Keras model with one input, channels last.

    Raises:
        TypeError, ValueError: As ``activations``.
    """

    def __init__(self, model: Any):
        refuse_channels_first(model)
        self._model = model
        self._names = [step.name for step in steps(model)]
        self._begun = False

    def compile(self) -> None:
        """Compile the pass, if it is not yet: somebody will soon wait for the next picture."""
        self._begun = True
        compiled(self._model, self._names)

    def __call__(self, picture: np.ndarray) -> dict[str, Any]:
        """Return ``{layer: array}`` as ``activations`` does for all layers of a picture (H, W, C)."""
        (batch,), _ = as_inputs(self._model, picture)
        if self._begun:
            outputs = compiled(self._model, self._names)(batch)
        else:
            tensor = keras.ops.convert_to_tensor(batch, self._model.inputs[0].dtype)
            with COMPILING, sizes_explained(self._names, [batch]):
                outputs = run(steps(self._model), [tensor], self._names)
        self._begun = True
        arrays = keras.tree.map_structure(lambda output: np.asarray(output, np.float32)[0], list(outputs))
        return dict(zip(self._names, arrays, strict=True))
