"""A live explorer of maps of pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import traitlets

from coursekit.pictures.fitting import fit_pictures
from coursekit.show.embeddings import TEN_COLOURS, as_maps_of_points, classes, glyphs, scatter
from coursekit.show.encoding import SMALL, sheet
from coursekit.show.picture import pictures as show_pictures
from coursekit.techniques.embeddings import feature_vectors, nearest_neighbors
from coursekit.validation import as_index, nearest
from coursekit.widgets.base import Widget, as_html, own_page
from coursekit.widgets.page_state import as_webp

COLORS = ("class", "error")
_MOST_IN_BOOK = 5000  # pictures


class EmbeddingExplorer(Widget):
    """A map of pictures in the page: point at one to see it, choose one to see which pictures are nearest to it.

    Points are told apart by colour and by what they are drawn as. The arrow keys go to the nearest point in their
    direction, with Shift a tenth of the map further; Enter chooses. The nearest pictures are searched here, by pixels
    and by features, among all pictures but the chosen one. What is chosen in the page can be read here, and what is set
    here moves the page: ``explorer.chosen = 17``, ``explorer.shown = 30``.

    Args:
        maps: (N, 2); or several maps of the same pictures, {perplexity: (N, 2)}. A slider goes through them in the
            order of the dict. A key that is a word is shown as it is: {"PCA": ..., 30: ...}.
        pictures: (N, H, W, C), values 0-255. Their pixels are what the first search compares.
        labels: (N,) the class of each picture, whole numbers or words. With more than ten classes the points are all
            drawn alike.
        features: (N, D), or activations (N, H, W, C), which are flattened: what the second search compares.
        predicted: (N,) what a network took each picture for, in the same numbers or words as ``labels``.
        k: How many neighbours to show.

    Attributes:
        shown: Key of the map shown.
        chosen: Index of the chosen picture, or None.
        color: "class", or "error": the pictures whose ``predicted`` is not their label stand out, drawn as what the
            network took them for.
        neighbors: {"pixels": indices (k,), "features": indices (k,)} of the chosen picture, nearest first.

    Raises:
        TypeError: Maps, pictures or features hold no numbers, or labels neither whole numbers nor words.
        ValueError: Lengths or shapes do not fit; there is no such map, picture or colouring; or ``k`` is out of range.
    """

    _esm, _css = own_page(__file__)

    shown = traitlets.Any().tag(sync=True)
    chosen = traitlets.Any().tag(sync=True)
    color = traitlets.Any("class").tag(sync=True)
    _maps = traitlets.Dict().tag(sync=True)
    _pictures = traitlets.Dict().tag(sync=True)
    _classes = traitlets.Dict().tag(sync=True)
    _neighbors = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        maps: Any,
        pictures: Any,
        labels: Any = None,
        features: Any = None,
        predicted: Any = None,
        k: int = 8,
        shown: Any = None,
        chosen: int | None = None,
        **traits: Any,
    ):
        named = maps if isinstance(maps, Mapping) else {"": maps}
        if not named:
            raise ValueError("There is no map to show: give at least one.")
        self._points = dict(zip(map(_plain, named), as_maps_of_points(list(named.values())), strict=True))
        self._images = fit_pictures(pictures, (None, None), "pictures")
        self._spaces = {"pixels": feature_vectors(self._images)}
        if features is not None:
            self._spaces["features"] = feature_vectors(features)
        self._labels = None if labels is None else np.asarray(labels)
        self._predicted = None if predicted is None else np.asarray(predicted)
        given = {"points": next(iter(self._points.values())), "features": self._spaces.get("features")}
        given |= {"labels": self._labels, "predicted": self._predicted}
        for name, values in given.items():
            if values is not None and len(values) != len(self._images):
                raise ValueError(
                    f"There are {len(self._images)} pictures but {len(values)} {name}; give one for each picture."
                )
        self._k = k
        self._search(0)  # says what is wrong with k, if anything
        super().__init__(
            shown=next(iter(self._points)) if shown is None else shown,
            chosen=chosen,
            _maps={"keys": list(self._points), "points": np.stack(list(self._points.values())).tobytes()},
            _pictures=sheet(self._images),
            _classes=_pack_classes(self._labels, self._predicted),
            **traits,
        )

    @property
    def neighbors(self) -> dict[str, np.ndarray]:
        """The nearest pictures to the chosen one, by pixels and by features; empty if none is chosen."""
        return {space: np.array(self._neighbors[space]["indices"]) for space in self._spaces if self._neighbors}

    def _search(self, index: int) -> dict:
        """Return the nearest pictures to one, how far away they are, and how many of them are of its class."""
        found: dict = {"of": index}
        for space, vectors in self._spaces.items():
            indices, distances = nearest_neighbors(vectors, vectors[index], self._k, exclude=index)
            found[space] = {"indices": indices.tolist(), "distances": distances.tolist()}
            if self._labels is not None:
                found[space]["same"] = int((self._labels[indices] == self._labels[index]).sum())
        return found

    @traitlets.validate("shown")
    def _validate_shown(self, proposal: Any) -> Any:
        key = _plain(proposal.value)
        if key not in self._points:
            raise ValueError(f"There is no map {key!r}. {nearest(key, map(str, self._points))}")
        return key

    @traitlets.validate("chosen")
    def _validate_chosen(self, proposal: Any) -> int | None:
        return None if proposal.value is None else as_index(proposal.value, len(self._images), "picture")

    @traitlets.validate("color")
    def _validate_color(self, proposal: Any) -> str:
        if proposal.value not in COLORS:
            raise ValueError(f"color must be 'class' or 'error', not {proposal.value!r}.")
        if proposal.value == "error" and (self._predicted is None or self._labels is None):
            raise ValueError("Colouring by error needs labels=... and predicted=..., the classes and the answers.")
        return proposal.value

    @traitlets.observe("chosen")
    def _show_neighbors(self, change: Any) -> None:
        self._neighbors = {} if change.new is None else self._search(change.new)

    def _name(self, index: int) -> str:
        return f"picture {index}" + ("" if self._labels is None else f" (class {self._labels[index]})")

    def _arguments(self) -> dict[str, Any]:
        return super()._arguments() | {"maps": list(self._points), "pictures": len(self._images)}

    def _page_state(self) -> dict[str, Any] | None:
        if len(self._images) > _MOST_IN_BOOK:
            return None
        every, neighbors = np.arange(len(self._images)), {}
        for space, vectors in self._spaces.items():
            indices, distances = nearest_neighbors(vectors, vectors, self._k, exclude=every)
            neighbors[space] = {
                "indices": indices.astype("<u2").tobytes(),
                "distances": distances.astype("<f4").tobytes(),
            }
        pictures = as_webp(self._pictures, lossless=max(self._pictures["height"], self._pictures["width"]) <= SMALL)
        held = {"_maps": self._maps, "_pictures": pictures, "_classes": self._classes}
        return held | {"neighbors": neighbors, "k": self._k}

    def __repr__(self) -> str:
        said = f"EmbeddingExplorer: {len(self._images)} pictures"
        if self.shown != "":
            said += f", map {self.shown}"
        if self.chosen is None:
            return said
        said += f", chosen {self._name(self.chosen)}"
        return said + "".join(f"; nearest by {space}: {_listed(found)}" for space, found in self.neighbors.items())

    def _still(self) -> str:
        points, labels, marked = self._points[self.shown], self._labels, None
        if labels is not None and len(np.unique(labels)) > len(TEN_COLOURS):
            labels = None
        title = f"Map {self.shown}".strip()
        alt = title + (", each picture in the colour of its class" if labels is not None else "")
        if self.color == "error":
            marked = self._labels != self._predicted
            alt += f", a ring around the {marked.sum()} taken for something else"
        still = [scatter(points, labels, None if len(points) > 500 else self._images, [title], marked, alt=alt)]
        for space, found in self.neighbors.items():
            each = [self.chosen, *found.tolist()]
            titles = [f"{i}" if self._labels is None else f"{i}: {self._labels[i]}" for i in each]
            said = f"The chosen {self._name(self.chosen)} and its nearest by {space}: {', '.join(titles[1:])}."
            still.append(show_pictures(list(self._images[each]), titles, columns=len(each), size=0.9, alt=said))
        return as_html(still)


def _plain(key: Any) -> Any:
    """Return a key as JSON has it."""
    return key.item() if isinstance(key, np.generic) else key


def _listed(indices: np.ndarray) -> str:
    return ", ".join(map(str, indices.tolist()))


def _pack_classes(labels: np.ndarray | None, predicted: np.ndarray | None) -> dict:
    """Return names, glyphs and colours of the classes, and the class of each picture and answer as bytes (uint16)."""
    if labels is None:
        return {"names": []}
    names, codes = classes(labels if predicted is None else np.concatenate([labels, predicted]))
    packed = {"names": names, "labels": codes[: len(labels)].astype("<u2").tobytes()}
    if predicted is not None:
        packed["predicted"] = codes[len(labels) :].astype("<u2").tobytes()
    if len(names) <= len(TEN_COLOURS):
        packed |= {"glyphs": glyphs(names), "colours": TEN_COLOURS[: len(names)]}
    return packed
