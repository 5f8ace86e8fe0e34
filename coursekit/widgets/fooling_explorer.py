"""A live explorer of pictures that lie: led to a class within a budget, and then saved, blurred and shifted."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

import numpy as np
import traitlets

from coursekit.networks.gradients import refuse_whole_numbers
from coursekit.networks.labels import as_class
from coursekit.pictures.fitting import fit_picture
from coursekit.pictures.handling import HANDLINGS
from coursekit.show.adversarial import FACTOR, change, magnified
from coursekit.show.picture import displayable
from coursekit.techniques.adversarial import pgd_stages, probabilities_of
from coursekit.techniques.objectives import class_score
from coursekit.validation import as_count, as_index, as_pictures, nearest
from coursekit.widgets.background import BackgroundWidget
from coursekit.widgets.base import as_html, own_page
from coursekit.widgets.networks import class_names, picture_shape, short_names

_MOST = 128 // FACTOR  # grey levels: a larger change, magnified, would run out of the screen's range
_KEPT = 64  # attacks: a choice that was there before is shown at once
_CHOSEN = ("photo", "target", "budget", "tried")


class FoolingExplorer(BackgroundWidget):
    """A photo is led to a class within a budget of grey levels, step by step; then it is tried out.

    Each step moves every value of the photo by one whole grey level, along the sign of the gradient, and never farther
    from the photo than the budget (``pgd``). The page shows the photo, the changed photo and the change, 16 times as
    large, and how likely the network takes it for what it said before and for the target, at each step. Then both
    photos can be saved as PNG or JPEG, blurred and shifted, to see what the network says of them afterwards.

    All is computed in a thread. Whatever is chosen in the page can be read here, and what is set here moves the page:
    ``explorer.target = "espresso"``.

    Args:
        model: A Keras model with one picture as its input, values 0-255, which tells at least two classes apart.
        images: The photos, (N, H, W, C), or one (H, W, C), values 0-255. They are brought to the model's size and
            number of channels, and to whole grey levels.
        target: The class to lead to, by index or by its ImageNet name.
        photo: Index of the photo to begin with.
        budget: In grey levels, 0 to 8.
        tried: What to try out, of ``"png"``, ``"jpeg"``, ``"blur"``, ``"shift1"``, ``"shift4"``, ``"shift8"``.
        steps: How many steps of one grey level; by default 10.

    Attributes:
        photo: Index of the photo.
        target: Index of the class.
        budget: In grey levels.
        tried: What is tried out, a list of names.

    Raises:
        TypeError: ``model`` is no Keras model with a graph, or ``images`` hold no numbers.
        ValueError: The model takes something other than one picture, has fewer than two classes or takes whole numbers;
            there is no such class, photo or trial; ``images`` have values outside of 0-255, or the network gives NaN.
    """

    _esm, _css = own_page(__file__)

    photo = traitlets.TraitType(0).tag(sync=True)
    target = traitlets.TraitType(0).tag(sync=True)
    budget = traitlets.TraitType(0).tag(sync=True)
    tried = traitlets.TraitType([]).tag(sync=True)
    _classes = traitlets.List().tag(sync=True)  # their names
    _short = traitlets.List().tag(sync=True)  # the first name of each
    _photos = traitlets.List().tag(sync=True)  # what the network says of each: [class, probability]
    _trials = traitlets.List().tag(sync=True)  # [name, title] of each
    _most = traitlets.Int(_MOST).tag(sync=True)
    _factor = traitlets.Int(FACTOR).tag(sync=True)

    def __init__(
        self,
        model: Any,
        images: Any,
        target: int | str,
        *,
        photo: int = 0,
        budget: int = 2,
        tried: Any = (),
        steps: int = 10,
    ):
        self._network = model
        shape = picture_shape(model, "FoolingExplorer")
        class_score(model, 0)  # refuses networks without classes
        refuse_whole_numbers(model)
        self._names = class_names(model)
        self._named = short_names(self._names)
        if len(self._names) < 2:
            raise ValueError("This network has one class, so there is no other that a picture could be taken for.")
        batch, _ = as_pictures(images)
        if batch.min() < 0 or batch.max() > 255:
            raise ValueError(f"images must have values from 0 to 255, not from {batch.min():g} to {batch.max():g}.")
        self._images = np.stack([np.rint(fit_picture(one, shape)).astype(np.uint8) for one in batch])
        self._steps = as_count(steps, "steps")
        self._lies: dict[tuple, dict] = {}  # attacks made before, by photo, target and budget
        self._answers: dict[tuple, tuple[int, float]] = {}  # of what was tried before
        self._shown: dict | None = None
        says = [self._says(one) for one in self._images]
        super().__init__(
            photo=photo,
            target=target,
            budget=budget,
            tried=tried,
            _classes=self._names,
            _short=self._named,
            _photos=[list(pair) for pair in says],
            _trials=[[name, title] for name, (title, _) in HANDLINGS.items()],
        )
        self._live = True
        self.on_msg(self._receive)
        self.observe(self._renew, list(_CHOSEN))
        self._renew(None)

    # ---- what is chosen

    @traitlets.validate("photo")
    def _validate_photo(self, proposal: Any) -> int:
        return as_index(proposal.value, len(self._images), "photo")

    @traitlets.validate("target")
    def _validate_target(self, proposal: Any) -> int:
        return as_class(proposal.value, len(self._names))

    @traitlets.validate("budget")
    def _validate_budget(self, proposal: Any) -> int:
        return as_count(proposal.value, "budget", 0, _MOST)

    @traitlets.validate("tried")
    def _validate_tried(self, proposal: Any) -> list[str]:
        if isinstance(proposal.value, str) or not isinstance(proposal.value, (list, tuple)):
            raise TypeError(f"tried is a list such as ['png', 'jpeg'], not {proposal.value!r}.")
        for name in proposal.value:
            if name not in HANDLINGS:
                raise ValueError(f"There is no trial {name!r}. {nearest(name, HANDLINGS)}")
        return list(dict.fromkeys(proposal.value))

    def _renew(self, _: Any) -> None:
        """Lead the photo that is chosen now to the class that is chosen now."""
        with self._lock:
            if self._live:
                self._begin(self._fool({name: getattr(self, name) for name in _CHOSEN}))

    # ---- what is computed

    @property
    def image(self) -> np.ndarray:
        """The photo as the network gets it, (H, W, C) uint8."""
        return self._images[self.photo]

    @property
    def fooled(self) -> np.ndarray | None:
        """The changed photo as it is in the page, (H, W, C) uint8; None before the first step."""
        return None if self._shown is None else self._shown["image"]

    @property
    def path(self) -> np.ndarray | None:
        """The probabilities of what the network says of the photo and of the target, at each step: (steps + 1, 2)."""
        return None if self._shown is None else np.float32(self._shown["path"])

    @property
    def answers(self) -> dict[str, tuple[tuple[int, float], tuple[int, float]]]:
        """What the network says of the changed and of the unchanged photo after each trial: (class, probability)."""
        return {} if self._shown is None else dict(self._shown["answers"])

    def _says(self, picture: np.ndarray) -> tuple[int, float]:
        """Return the network's first class for a picture, and its probability."""
        return _first(probabilities_of(self._network)(np.float32(picture)[np.newaxis])[0])

    def _fool(self, choice: dict) -> Iterator[dict | None]:
        """Yield each step, and then what is said of each picture that was tried out."""
        yield None
        key = photo, target, budget = choice["photo"], choice["target"], choice["budget"]
        source, path = self._photos[photo][0], []
        shown = self._lies.get(key)
        if shown is None:
            stages = pgd_stages(self._network, self._images[photo], target, budget, 1, self._steps)
            for step, (image, probabilities) in enumerate(stages):
                path.append([float(probabilities[source]), float(probabilities[target])])
                shown = {"key": key, "image": image, "path": list(path), "answers": {}, "says": _first(probabilities)}
                if step < self._steps:
                    yield shown
            self._lies[key] = shown
            for oldest in list(self._lies)[:-_KEPT]:
                del self._lies[oldest]
        for name in choice["tried"]:
            yield shown
            lie, clean = shown["image"], self._images[photo]
            pair = self._after(name, lie, key), self._after(name, clean, photo)
            shown = shown | {"answers": {**shown["answers"], name: pair}}
        yield shown

    def _after(self, name: str, picture: np.ndarray, key: Any) -> tuple[int, float]:
        """Return what the network says of a picture after a trial."""
        if (name, key) not in self._answers:
            self._answers[name, key] = self._says(HANDLINGS[name][1](picture))
        return self._answers[name, key]

    def _keep(self, shown: dict) -> None:
        self._shown = shown

    # ---- what the page shows

    def _receive(self, *_: Any) -> None:
        """Send all there is: a view has come into the page."""
        with self._lock:
            self._send_progress()

    def _send_progress(self) -> None:
        error = "" if self._error is None else str(self._error)
        report, buffers, shown = {"running": self._running, "error": error, "shown": None}, [], self._shown
        if shown is not None:
            photo, target, budget = shown["key"]
            clean = self._images[photo]
            report["shown"] = {
                **{"photo": photo, "target": target, "budget": budget, "says": shown["says"]},
                **{"path": shown["path"], "steps": self._steps, "shape": clean.shape[:2]},
                "answers": [[name, *pair] for name, pair in shown["answers"].items()],
            }
            seen = displayable(clean), displayable(shown["image"]), magnified(clean, shown["image"])
            buffers = [one.tobytes() for one in seen]
        self.send(report, buffers)

    def __repr__(self) -> str:
        return f"FoolingExplorer: {self._summary(self._shown)}" if self._shown else "FoolingExplorer: no step is done"

    def _summary(self, shown: dict) -> str:
        photo, target, budget = shown["key"]
        said = f"photo {photo}, {self._answer(self._photos[photo])}, led to {self._named[target]} within {budget} "
        return f"{said}grey levels: {self._answer(shown['says'])}"

    def _answer(self, pair: Any) -> str:
        return f"{self._named[pair[0]]} {pair[1]:.2f}"

    def _still(self) -> str:
        if self._thread is not None:
            self._thread.join()
        if self._error is not None:
            return f"<p>{escape(str(self._error))}</p>"
        shown = self._shown
        if shown is None:
            return ""
        clean = self._images[shown["key"][0]]
        titles = [self._answer(self._photos[shown["key"][0]]), self._answer(shown["says"])]
        rows = [
            f"<tr><td>{HANDLINGS[name][0]}</td><td>{escape(self._answer(lie))}</td>"
            f"<td>{escape(self._answer(same))}</td></tr>"
            for name, (lie, same) in shown["answers"].items()
        ]
        head = "<tr><th>tried</th><th>the changed photo</th><th>the unchanged photo</th></tr>"
        table = f"<table>{head}{''.join(rows)}</table>" if rows else ""
        return f"{as_html([change(clean, shown['image'], titles)])}<p>{escape(self._summary(shown))}.</p>{table}"


def _first(probabilities: np.ndarray) -> tuple[int, float]:
    """Return the most probable class, and how probable it is.

    Raises:
        ValueError: There is a NaN among the probabilities.
    """
    first = int(probabilities.argmax())
    if not np.isfinite(probabilities[first]):
        raise ValueError("The network gives NaN for this picture, so there is nothing to lead it to.")
    return first, float(probabilities[first])
