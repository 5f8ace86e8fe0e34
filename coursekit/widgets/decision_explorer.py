"""A live explorer of why a network decided as it did: one map for each method."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

import numpy as np
import traitlets
from matplotlib.colors import Normalize

from coursekit.networks.gradients import refuse_whole_numbers
from coursekit.networks.graph import find_layer
from coursekit.networks.labels import as_class
from coursekit.networks.reading import gives_probabilities
from coursekit.pictures.fitting import fit_picture
from coursekit.show.decision import decision, map_in_words, range_in_words, signed
from coursekit.show.encoding import finite
from coursekit.show.picture import as_seen
from coursekit.show.saliency import RED_BLUE, signed_scale
from coursekit.techniques.class_activation import layers_with_maps
from coursekit.techniques.decision import METHODS, correlation, decision_maps, rank_correlation, top_classes
from coursekit.techniques.objectives import class_score
from coursekit.techniques.randomization import layers_from_the_top, randomize
from coursekit.validation import as_count, nearest
from coursekit.widgets.background import BackgroundWidget
from coursekit.widgets.base import as_html, own_page
from coursekit.widgets.networks import class_names, picture_shape

_WITHIN = 0.995  # share of a map's values inside its scale: the few beyond would leave all others white
_KEPT = 256  # maps: a choice that was there before is shown at once
_CHOSEN = ("target", "against", "layer", "randomized", "probability", "absolute", "own_scale", "without_relu")


class DecisionExplorer(BackgroundWidget):
    """Why a network says what it says of a photo: the maps of a class, one for each method, and of a second class.

    Maps are signed: red where a brighter pixel raises the score of the class (for Grad-CAM, where the layer finds what
    raises it), blue where it lowers it, white at zero. Each method has its own units, so each has a scale, given in
    numbers; its maps of two classes share it. The maps are computed in a thread, one after the other. Whatever is
    chosen in the page can be read here, and what is set here moves the page: ``explorer.target = "tabby"``.

    Args:
        model: A Keras model with one picture as its input, which tells classes apart.
        image: (H, W, 3), (H, W, 1) or (H, W), in the range of values that the model takes (0-255 if it was made with
            ``with_preprocessing``). It is brought to the model's size and number of channels.
        target: The class to be explained, by index or by its ImageNet name; by default the top class.
        against: A second class to compare with.
        layer: Where Grad-CAM looks; by default as ``grad_cam``.
        samples: Noisy copies for SmoothGrad.
        seed: Of the noise and of the randomized layers.
        **traits: Other attributes to begin with, such as ``randomized=3``.

    Attributes:
        target: Index of the class.
        against: Index of the second class, or None.
        layer: Name of the layer where Grad-CAM looks.
        randomized: How many layers with weights are randomized, counted from the top; 0 is the trained network.
        probability: A usual mistake: explain the probability instead of the score.
        absolute: A usual mistake: the absolute value before the mean in SmoothGrad.
        own_scale: A usual mistake: a scale of its own for each of two maps.
        without_relu: A usual mistake: Grad-CAM without its ReLU.

    Raises:
        TypeError: ``model`` is no Keras model with a graph, or ``image`` holds no numbers.
        ValueError: The model takes something other than one picture or tells no classes apart, there is no such class
            or layer, or ``image`` is not one picture of finite numbers.
    """

    _esm, _css = own_page(__file__)

    target = traitlets.TraitType(0).tag(sync=True)  # no Any, which takes None unasked
    against = traitlets.Any(None, allow_none=True).tag(sync=True)
    layer = traitlets.TraitType("").tag(sync=True)
    randomized = traitlets.Any(0).tag(sync=True)
    probability = traitlets.Bool(False).tag(sync=True)
    absolute = traitlets.Bool(False).tag(sync=True)
    own_scale = traitlets.Bool(False).tag(sync=True)
    without_relu = traitlets.Bool(False).tag(sync=True)
    _classes = traitlets.List().tag(sync=True)  # their names
    _methods = traitlets.List().tag(sync=True)  # [name, title] of each
    _layers = traitlets.List().tag(sync=True)  # where Grad-CAM can look
    _learnt = traitlets.List().tag(sync=True)  # layers with weights, from the top
    _top = traitlets.List().tag(sync=True)  # [class, output]
    _squashed = traitlets.Bool().tag(sync=True)  # whether the outputs are probabilities
    _photo = traitlets.Dict().tag(sync=True)
    _palette = traitlets.Bytes().tag(sync=True)

    def __init__(
        self,
        model: Any,
        image: Any,
        target: int | str | None = None,
        against: int | str | None = None,
        *,
        layer: str | None = None,
        samples: int = 20,
        seed: int = 0,
        **traits: Any,
    ):
        self._network = model
        shape = picture_shape(model, "DecisionExplorer")
        scores = class_score(model, 0)  # refuses networks without classes
        refuse_whole_numbers(model)
        self._image = fit_picture(image, shape)
        self._samples, self._seed = as_count(samples, "samples"), as_count(seed, "seed", 0)
        self._found: dict[tuple, np.ndarray] = {}  # maps computed before
        self._shown: dict[str, dict] = {}  # what there is of the choice as it is now, by method
        self._unsent: set[str] = set()
        self._twin: tuple[int, Any] | None = None  # how many layers are randomized, and the network
        self._where = layers_with_maps(model, [scores])
        photo = as_seen(self._image)
        # Set before what is chosen: the checks of that look here.
        self._known = {
            "_classes": class_names(model),
            "_methods": [[name, title] for name, title in METHODS.items() if self._where or name != "grad_cam"],
            "_layers": self._where,
            "_learnt": layers_from_the_top(model),
            "_top": [list(pair) for pair in top_classes(model, self._image)],
            "_squashed": gives_probabilities(model),
        }
        super().__init__(
            **{**self._known, "_top": [[i, v if np.isfinite(v) else None] for i, v in self._known["_top"]]},
            _photo={"shape": photo.shape[:2], "rgb": photo.tobytes()},
            _palette=RED_BLUE(np.arange(RED_BLUE.N), bytes=True)[:, :3].tobytes(),
            target=target,
            against=against,
            layer=layer,
            **traits,
        )
        self._live = True
        self.on_msg(self._receive)
        self.observe(self._renew, list(_CHOSEN))
        self._renew(None)

    # ---- what is chosen

    @traitlets.validate("target", "against")
    def _validate_class(self, proposal: Any) -> int | None:
        if proposal.value is None:
            return None if proposal.trait.name == "against" else self._known["_top"][0][0]
        return as_class(proposal.value, len(self._known["_classes"]))

    @traitlets.validate("layer")
    def _validate_layer(self, proposal: Any) -> str | None:
        if proposal.value is None:
            return self._where[-1] if self._where else None
        name = find_layer(self._network, proposal.value).name
        if name not in self._where:
            raise ValueError(f"Grad-CAM cannot look at layer {name!r}. {nearest(name, self._where)}")
        return name

    @traitlets.validate("randomized")
    def _validate_randomized(self, proposal: Any) -> int:
        return as_count(proposal.value, "randomized", 0, len(self._known["_learnt"]), "layers with weights")

    @traitlets.validate("probability")
    def _validate_probability(self, proposal: Any) -> bool:
        if proposal.value and not self._known["_squashed"]:
            raise ValueError("This network gives scores, not probabilities: there is nothing else to explain.")
        return proposal.value

    def _renew(self, _: Any) -> None:
        """Compute the maps of what is chosen now."""
        with self._lock:
            if self._live:
                self._shown, self._unsent = {}, set()
                self._begin(self._explain({name: getattr(self, name) for name in _CHOSEN}))

    # ---- maps

    @property
    def image(self) -> np.ndarray:
        """The picture as the network gets it, (H, W, C)."""
        return self._image

    @property
    def maps(self) -> dict[str, np.ndarray]:
        """The maps of the target that are done, by method: float32 (H, W), the sum over the colours.

        That of Grad-CAM has one value for each place of its layer. ``wait()`` waits until all are there.
        """
        return {name: shown["maps"][0] for name, shown in self._shown.items()}

    @property
    def maps_against(self) -> dict[str, np.ndarray]:
        """The maps of the second class that are done, as ``maps``; empty without one."""
        return {name: shown["maps"][1] for name, shown in self._shown.items() if len(shown["maps"]) > 1}

    @property
    def correlations(self) -> dict[str, float]:
        """Pearson's correlation of the maps of the two classes, by method; empty without a second class.

        NaN where a map is the same everywhere: then there is no correlation.
        """
        return {name: shown["correlation"] for name, shown in self._shown.items() if len(shown["maps"]) > 1}

    @property
    def rank_correlations(self) -> dict[str, float]:
        """Spearman's correlation of the target's map with that of the trained network, by method.

        It compares signed values; 1 while nothing is randomized.
        """
        return {name: shown["trained"][0] for name, shown in self._shown.items()}

    def _explain(self, choice: dict) -> Iterator[dict | None]:
        """Compute one method after the other, and yield what there is to show of it."""
        yield None
        classes = [choice["target"]] + ([] if choice["against"] is None else [choice["against"]])
        for method, title in self._known["_methods"]:
            trained = maps = self._maps(method, classes, choice, 0)
            if choice["randomized"]:
                yield None
                maps = self._maps(method, classes, choice, choice["randomized"])
            together = [np.stack(maps)] * len(maps)
            norms = [signed_scale(each, _WITHIN) for each in (maps if choice["own_scale"] else together)]
            yield {
                "method": method,
                "title": title,
                "classes": classes,
                "maps": maps,
                "norms": norms,
                "correlation": correlation(*maps) if len(maps) > 1 else None,
                "trained": [rank_correlation(*pair) for pair in zip(maps, trained, strict=True)],
                "randomized": choice["randomized"],
            }

    def _maps(self, method: str, classes: list[int], choice: dict, randomized: int) -> list[np.ndarray]:
        how = {"probability": choice["probability"]}
        if method == "smoothgrad":
            how |= {"absolute": choice["absolute"], "samples": self._samples, "seed": self._seed}
        if method == "grad_cam":
            how |= {"relu": not choice["without_relu"], "layer": choice["layer"]}
        key = (method, randomized, *how.values())
        found = {index: self._found[*key, index] for index in classes if (*key, index) in self._found}
        if missing := [index for index in dict.fromkeys(classes) if index not in found]:
            new = decision_maps(self._network_with(randomized), self._image, method, missing, **how)
            found |= dict(zip(missing, new, strict=True))
            self._found |= {(*key, index): found[index] for index in missing}
            for oldest in list(self._found)[:-_KEPT]:
                del self._found[oldest]
        return [found[index] for index in classes]

    def _network_with(self, randomized: int) -> Any:
        """Return the network with so many layers randomized. It is one copy, so that its gradients compile once."""
        if not randomized:
            return self._network
        if self._twin is None or self._twin[0] != randomized:
            drawn = randomize(self._network, randomized, self._seed)
            if self._twin is not None:
                self._twin[1].set_weights(drawn.get_weights())
                drawn = self._twin[1]
            self._twin = randomized, drawn
        return self._twin[1]

    def _keep(self, shown: dict) -> None:
        self._shown[shown["method"]] = shown
        self._unsent.add(shown["method"])

    # ---- what the page shows

    def _receive(self, *_: Any) -> None:
        """Send all there is: a view has come into the page."""
        with self._lock:
            self._unsent = set(self._shown)
            self._send_progress()

    def _send_progress(self) -> None:
        """Send what is done of the choice as it is now, and those maps that were not sent before."""
        buffers, told = [], []
        for name, shown in self._shown.items():
            told.append({"method": name, "correlation": finite(shown["correlation"]), "rows": self._rows(shown)})
            told[-1]["maps"] = name in self._unsent
            if name in self._unsent:
                buffers += [np.ascontiguousarray(values, np.float32).tobytes() for values in shown["maps"]]
        self._unsent = set()
        error = "" if self._error is None else str(self._error)
        self.send({"running": self._running, "error": error, "shown": told}, buffers)

    def _rows(self, shown: dict) -> list[dict]:
        """Return what stands under each map of a method."""
        return [
            {
                "name": self._classes[index],
                "shape": values.shape,
                "limit": norm.vmax if np.nan_to_num(values).any() else 0,  # of a map of zeros there is no scale to show
                "range": range_in_words(values),
                "said": f"{shown['title']}, {self._classes[index]}: {map_in_words(values)}",
                "trained": finite(trained) if shown["randomized"] else None,
                "randomized": bool(shown["randomized"]),
            }
            for index, values, norm, trained in zip(
                shown["classes"], shown["maps"], shown["norms"], shown["trained"], strict=True
            )
        ]

    def _title(self) -> str:
        title = self._classes[self.target]
        if self.against is not None:
            title += f" against {self._classes[self.against]}"
        if self.randomized:
            title += f", {self.randomized} of {len(self._learnt)} layers with weights randomized"
        mistakes = [name for name in ("probability", "absolute", "own_scale", "without_relu") if getattr(self, name)]
        return f"{title}, with the mistakes {', '.join(mistakes)}" if mistakes else title

    def _numbers(self, shown: dict, row: int) -> str:
        """Return the correlations that stand with a map."""
        told = []
        if shown["randomized"]:
            told.append(f"rank correlation with trained {_in_words(shown['trained'][row])}")
        if row == len(shown["maps"]) - 1 and row:
            told.append(f"correlation of both {_in_words(shown['correlation'])}")
        return "; ".join(told)

    def __repr__(self) -> str:
        done = [f"{shown['title']} {range_in_words(shown['maps'][0])}" for shown in list(self._shown.values())]
        return f"DecisionExplorer: {self._title()}. {'; '.join(done) or 'No map is done yet'}"

    def _still(self) -> str:
        if self._thread is not None:
            self._thread.join()
        if self._error is not None:
            return f"<p>{escape(str(self._error))}</p>"
        shown = list(self._shown.values())
        if not shown:
            return ""
        rows, said = [], []
        for row, index in enumerate(shown[0]["classes"]):
            rows.append([])
            for one in shown:
                values, norm = one["maps"][row], one["norms"][row]
                numbers, name = self._numbers(one, row), self._classes[index].split(",")[0]
                lines = [f"{one['title']}, {name}", range_in_words(values), numbers.replace("; ", "\n")]
                rows[-1].append(("\n".join(filter(None, lines)), values, Normalize(norm.vmin, norm.vmax)))
                told = f"{one['title']}, {self._classes[index]}: {map_in_words(values)}"
                said.append(f"{told}; {numbers}." if numbers else f"{told}.")
        top = ", ".join(f"{self._classes[index]} {_in_words(value)}" for index, value in self._known["_top"])
        kind = "probabilities" if self._squashed else "scores"
        alt = f"A picture and its maps for {self._title()}. The largest {kind}: {top}. {' '.join(said)}"
        return as_html([decision(as_seen(self._image), rows, alt)])


def _in_words(value: float) -> str:
    if not np.isfinite(value):
        return "not defined"
    return signed(value, 3) if abs(value) > 1 else f"{value + 0.0:.2f}".replace("-", "−")
