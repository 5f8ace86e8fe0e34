"""All there is to know of one unit on one card, with a name that is put to the test."""

from __future__ import annotations

import hashlib
import html
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import traitlets

from coursekit import progress
from coursekit.networks.graph import find_layer
from coursekit.pictures.fitting import first_in_both, fit_pictures
from coursekit.show.encoding import encoded, sheet
from coursekit.show.filters import as_pictures_of_kernels
from coursekit.show.patches import in_light, masked, patches as show_patches
from coursekit.show.picture import pictures as show_pictures
from coursekit.show.unit_page import patch_rows
from coursekit.techniques.activations import activations
from coursekit.techniques.filters import picture_filters
from coursekit.techniques.masks import activation_mask
from coursekit.techniques.naming import NameScore, name_score, unit_activations
from coursekit.techniques.patches import Patches, top_patches
from coursekit.techniques.receptive_field import receptive_field
from coursekit.validation import as_index, as_pictures
from coursekit.widgets.base import as_html, own_page
from coursekit.widgets.channel_drawing import ChannelDrawing
from coursekit.widgets.drawing import drawing_size
from coursekit.widgets.networks import picture_shape, published
from coursekit.widgets.page_state import as_bits, as_webp

_MOST_IN_BOOK = 128  # channels
_EMPTY = {"name": "", "says": {}, "done": False}
_TYPES = {key: type(value) for key, value in _EMPTY.items()}


class UnitCard(ChannelDrawing):
    """One channel of a layer on a card: kernel, strongest patches, masks, what it makes the network draw, and a name.

    Give the channel a name in the page. The name is then tested on pictures that were not used for the card: one after
    another, in a random order, and without what the channel answers. Say for each whether it shows what the name says
    (keys y and n). At the end the card tells how well that predicts the channel's answers, and shows the pictures in
    the order of these. A name that was changed after that should be tested on other pictures.

    Every channel has its own name and answers. A card that is made again, of the same layer and pictures, finds them,
    also on the next day: they are kept with the learner's progress. What is done in the page can be read here, and what
    is set here moves the page: ``card.channel = 46``, ``card.name = "eyes"``.

    Args:
        model: A Keras model with one picture as its input.
        layer: Name of the layer.
        channel: Index of the channel to begin with.
        pictures: (N, H, W, C), values 0-255: where the strongest patches are searched. They are brought to the
            model's size.
        held_out: (M, H, W, C), other pictures, on which names are tested. None: names are not tested.
        drawing: (H, W, C), values 0-255: what ``maximize(channel(model, layer, channel))`` drew for the first channel.
            For other channels, and without it, it is drawn in a thread once the card is in a page.
        k: How many patches and photos to show.
        quantile: Share of the channel's activations in these photos that the masks leave in the dark.
        steps: Of gradient ascent.
        seed: Of the order in which the held-out pictures are shown.

    Attributes:
        channel: Index of the channel.
        layer: Name of the layer.
        patches: What ``top_patches`` found for the channel.
        masks: (k, H, W) boolean, where in the photos of the patches the channel is most active; None for a layer
            without positions.
        name: The channel's name.
        says: {index of a held-out picture: whether it is said to show what the name says}. A new name empties it.
        answers: (M,) the channel's answer to each held-out picture: its largest activation anywhere.
        score: How well ``says`` predicts ``answers``: what ``name_score`` gives; None until there is a yes and a no.

    Raises:
        TypeError: ``model`` is no Keras model with a graph, or pictures hold no numbers.
        ValueError: There is no such layer or channel, the pictures do not fit the network, or a held-out picture is
            one of the others.
    """

    _esm, _css = own_page(__file__, "unit_parts.js")
    _pause = 0.3  # so that walking through channels begins nothing

    channel = traitlets.Any().tag(sync=True)
    _unit = traitlets.Dict().tag(sync=True)  # what is shown of the channel
    _layer = traitlets.Dict().tag(sync=True)
    _held_out = traitlets.Dict().tag(sync=True)
    _notes = traitlets.Dict().tag(sync=True)  # {channel: its name, what is said, and whether the test is done}
    _report = traitlets.Dict().tag(sync=True)  # of a test that is done

    def __init__(
        self,
        model: Any,
        layer: str,
        channel: int,
        pictures: Any,
        held_out: Any = None,
        *,
        drawing: Any = None,
        k: int = 9,
        quantile: float = 0.95,
        steps: int = 256,
        seed: int = 0,
    ):
        self.layer = find_layer(model, layer).name
        self._network, self._quantile, self._steps = model, quantile, steps
        size = picture_shape(model, "UnitCard")[:2]
        self._pictures = fit_pictures(pictures, size, "pictures")
        found = top_patches(model, layer, self._pictures, k)
        self._found = replace(found, crops=[])  # all channels' crops together can be large: they are cut when shown
        self._channels = len(found.channels)
        self._field = receptive_field(model, layer, self._pictures.shape[1:3])
        self._kernels = _kernels_as_pictures(model, layer)
        channel = as_index(channel, self._channels, f"channel of {self.layer!r}")
        self._drawn = {}
        if drawing is not None:
            self._drawn[self.layer, channel] = as_pictures(drawing, "drawing")[0][0], steps

        self._tests: Counter = Counter()  # of each channel, that were done
        self._on_record: dict[str, dict] = {}
        self._others = self._answers = None
        packed_others: dict = {"images": [], "order": []}
        if held_out is not None:
            self._others = fit_pictures(held_out, size, "held_out")
            if both := first_in_both(self._pictures, self._others):
                raise ValueError(
                    f"held_out[{both[1]}] is the same picture as pictures[{both[0]}]. A name is tested on pictures not "
                    "seen before."
                )
            self._answers = unit_activations(model, layer, self._others)
            packed_others["images"] = [encoded(picture) for picture in self._others]
            packed_others["order"] = np.random.default_rng(seed).permutation(len(self._others)).tolist()
        super().__init__(
            channel=channel,
            _layer={"name": self.layer, "channels": self._channels, "searched": len(self._pictures)},
            _held_out=packed_others,
            _unit=self._pack_unit(channel),
        )
        told_apart = (self.layer, _digest(found.values), _digest(self._answers), packed_others["order"])
        self._card = "unit." + hashlib.sha256(repr(told_apart).encode()).hexdigest()[:16]
        if notes := self._find_notes():
            self._notes = notes
        self.on_msg(self._receive)

    # ---- the channel

    @traitlets.validate("channel")
    def _validate_channel(self, proposal: Any) -> int:
        return as_index(proposal.value, self._channels, f"channel of {self.layer!r}")

    @traitlets.observe("channel")
    def _show_channel(self, change: Any) -> None:
        if change.old is None:
            return  # the first one comes with its pictures
        with self.hold_sync():
            self._unit = self._pack_unit(change.new)
            self._report = self._make_report()
        if self._live:
            self.draw()

    @property
    def patches(self) -> Patches:
        """What ``top_patches`` found for the channel, with its crops."""
        return self._patches_of(self.channel)

    @property
    def masks(self) -> np.ndarray | None:
        """Where in the photos of the patches the channel is most active, (k, H, W)."""
        return self._masks_of(self.channel)

    def _patches_of(self, channel: int) -> Patches:
        found, one = self._found, slice(channel, channel + 1)
        places = zip(found.pictures[channel], found.boxes[channel], strict=True)
        crops = [self._pictures[i][top:bottom, left:right] for i, (top, left, bottom, right) in places]
        table = {name: getattr(found, name)[one] for name in ("values", "pictures", "positions", "boxes", "sizes")}
        return replace(found, channels=found.channels[one], crops=[crops], **table)

    def _masks_of(self, channel: int, every: np.ndarray | None = None) -> np.ndarray | None:
        """Return a channel's masks; ``every`` are the layer's activations of all pictures, where these are there."""
        found = self._found.pictures[channel]
        maps = activations(self._network, self._pictures[found], self.layer) if every is None else every[found]
        if maps.ndim != 4:
            return None
        regular = np.isfinite([self._field.stride, self._field.offset]).all() and min(self._field.stride) > 0
        field = self._field if regular else None
        return activation_mask(maps, self._pictures.shape[1:3], self._quantile, channel, field=field)

    def _pack_unit(self, channel: int) -> dict:
        """Return what the page shows of a channel, pictures as files."""
        found, masks = self._patches_of(channel), self._masks_of(channel)
        photos = [
            {"picture": int(i), "share": float(mask.mean()), "image": encoded(in_light(self._pictures[i], mask))}
            for i, mask in zip(found.pictures[0], [] if masks is None else masks, strict=masks is not None)
        ]
        return {
            "channel": channel,
            "kernel": None if self._kernels is None else encoded(self._kernels[channel]),
            **patch_rows(found),
            "photos": photos,
            "dark": self._quantile,
        }

    # ---- its name

    @property
    def name(self) -> str:
        """The channel's name; empty if it has none."""
        return self._note["name"]

    @name.setter
    def name(self, name: str) -> None:
        if not isinstance(name, str):
            raise TypeError(f"A name is text, such as 'eyes', not {name!r}.")
        if name.strip() != self.name:
            self._write(name=name.strip(), says={}, done=False)

    @property
    def names(self) -> dict[int, str]:
        """The names of all channels that have one."""
        return {int(key): note["name"] for key, note in sorted(self._notes.items()) if note["name"]}

    @property
    def says(self) -> dict[int, bool]:
        """What is said of the held-out pictures, by their index."""
        return {i: self._note["says"][str(i)] for i in sorted(map(int, self._note["says"]))}

    @says.setter
    def says(self, says: Mapping[int, bool]) -> None:
        if not isinstance(says, Mapping):
            raise TypeError(f"says must be a dict such as {{0: True, 5: False}}, not {type(says).__name__}.")
        count = 0 if self._others is None else len(self._others)
        if not count:
            raise ValueError("There are no held-out pictures to say anything of: give the card held_out=...")
        for said in says.values():
            if not isinstance(said, (bool, np.bool_)):
                raise TypeError(f"Of a picture is said True or False, not {said!r}.")
        said_of = {str(as_index(i, count, "held-out picture")): bool(said) for i, said in says.items()}
        self._write(says=said_of, done=False)

    @property
    def answers(self) -> np.ndarray | None:
        """The channel's answer to each held-out picture: its largest activation anywhere, (M,)."""
        return None if self._answers is None else self._answers[:, self.channel]

    @property
    def score(self) -> NameScore | None:
        """How well what is said predicts the answers; None until there is a yes and a no."""
        says = self.says
        return name_score(self.answers[list(says)], list(says.values())) if len(set(says.values())) == 2 else None

    @property
    def _note(self) -> dict:
        return self._notes.get(str(self.channel), _EMPTY)

    def _write(self, **changes: Any) -> None:
        self._notes = {**self._notes, str(self.channel): {**self._note, **changes}}

    @traitlets.validate("_notes")
    def _validate_notes(self, proposal: Any) -> dict:
        """End a test of which all pictures are said, whoever writes."""
        count = 0 if self._others is None else len(self._others)
        return {
            key: {**note, "done": bool(note["says"]) and (note["done"] or len(note["says"]) == count)}
            for key, note in proposal.value.items()
        }

    @traitlets.observe("_notes")
    def _tell_score(self, change: Any) -> None:
        for key, note in change.new.items():
            if note != self._on_record.get(key):
                self._tests[key] += note["done"]
                self._on_record[key] = note
                about = {"model": self._network.name, "layer": self.layer, "channel": key}
                progress.record("named", self._card, **about, note=note, tests=self._tests[key])
        self._report = self._make_report()

    def _find_notes(self) -> dict:
        """Return what is on record of a card of the same layer and pictures."""
        count = 0 if self._others is None else len(self._others)
        for event in progress.events():
            key, note = event.get("channel"), event.get("note")
            is_ours = (event["kind"], event["id"]) == ("named", self._card)
            if is_ours and isinstance(key, str) and _is_note(note, count):
                tests = event.get("tests")
                self._on_record[key], self._tests[key] = note, tests if isinstance(tests, int) else int(note["done"])
        return dict(self._on_record)

    def _make_report(self) -> dict:
        """Return what the page says of a test that is done; before that nothing, so that it gives nothing away."""
        if not self._note["done"]:
            return {}
        says = self.says
        order = sorted(says, key=lambda i: -self.answers[i])
        return {
            "channel": self.channel,
            "text": self._verdict(),
            "order": order,
            "answers": [float(self.answers[i]) for i in order],
            "says": [says[i] for i in order],
        }

    def _verdict(self) -> str:
        says = list(self.says.values())
        if self.score is None:
            only = "yes" if says[0] else "no"
            text = f"All {len(says)} answers are {only}: a score compares pictures with it and pictures without."
        else:
            text = str(self.score)
        if self._tests[str(self.channel)] > 1:
            text += " The answers had been shown before this test: a name that was made to fit them proves little."
        return text

    # ---- what the network draws for it

    def _receive(self, _: Any, content: dict, buffers: list) -> None:
        """A view has come into the page: draw for it, or tell it how far that is."""
        if not self._live:
            self._live = True
            self.draw()
        else:
            with self._lock:
                self._send_progress()

    def _send_progress(self) -> None:
        """Send what is drawn."""
        report, image = self._drawing_report()
        self.send(report, [] if image is None else [image])

    # ---- without a kernel

    def _arguments(self) -> dict[str, Any]:
        return super()._arguments() | {"network": published(self._network), "layer": self.layer, "steps": self._steps}

    def _page_state(self) -> dict[str, Any] | None:
        if self._channels > _MOST_IN_BOOK:
            return None
        others, tables = self._others, {"values": "<f4", "pictures": "<u2", "boxes": "<u2"}
        pictures = self._pictures if others is None else np.concatenate([self._pictures, others])
        every = activations(self._network, self._pictures, self.layer)
        masks = [self._masks_of(channel, every) for channel in range(self._channels)]
        size = drawing_size(self._network, self.layer) or self._pictures.shape[1:3]
        return {
            "card": self._card,
            "_layer": self._layer,
            "order": self._held_out["order"],
            "answers": None if others is None else self._answers.astype("<f4").tobytes(),
            "found": {name: getattr(self._found, name).astype(kind).tobytes() for name, kind in tables.items()},
            "masks": None if masks[0] is None else as_bits(np.stack(masks)),
            "dark": self._quantile,
            "pictures": as_webp(sheet(pictures, largest=max(pictures.shape[1:3])), lossless=False),
            "kernels": None if self._kernels is None else sheet(self._kernels),
            "drawing": None if self.drawing is None else encoded(self.drawing),
            "step": self._as_far_as_it_is()[1],
            "size": list(size),
        }

    def __repr__(self) -> str:
        strongest = self._found.values[self.channel, 0]
        named = f", named {self.name!r}" if self.name else ""
        tested = f"; {self._verdict()}" if self._note["done"] else ""
        return (
            f"UnitCard: {self.layer}, channel {self.channel}{named}, strongest answer {strongest:.4g} "
            f"among {len(self._pictures)} pictures{tested}"
        )

    def _still(self) -> str:
        title, found, masks = f"{self.layer}, channel {self.channel}", self.patches, self.masks
        looks = {"kernel": None if self._kernels is None else self._kernels[self.channel]}
        looks["what the network draws for it"] = self.drawing
        looks = {name: look for name, look in looks.items() if look is not None}
        still = []
        if looks:
            said = f"{title}: {' and '.join(looks)}."
            still.append(show_pictures(list(looks.values()), list(looks), size=2.4, alt=said))
        still.append(show_patches(found, title=title))
        photos = found.pictures[0].tolist()
        if masks is not None:
            titles = [f"picture {i}" for i in photos]
            dark = f"{title}: the photos of the strongest patches, in light where the channel is most active: "
            dark += ", ".join(f"{m.mean():.1%} of {t}" for t, m in zip(titles, masks, strict=True)) + "."
            still.append(masked(self._pictures[photos], masks, titles, size=1.5, alt=dark))
        named = f"<p>Name: <strong>{html.escape(self.name)}</strong></p>" if self.name else ""
        if self._note["done"]:
            report = self._report
            titles = [
                f"{answer:.4g}: {'yes' if said else 'no'}"
                for answer, said in zip(report["answers"], report["says"], strict=True)
            ]
            named += f"<p>{html.escape(report['text'])}</p>"
            said = f"The held-out pictures by the channel's answer, with what was said: {', '.join(titles)}."
            still.append(show_pictures(list(self._others[report["order"]]), titles, columns=8, size=0.95, alt=said))
        return as_html(still) + named


def _is_note(note: Any, count: int) -> bool:
    """Say whether what stands in the learner's file is what a card writes there, of so many held-out pictures."""
    if not isinstance(note, dict) or {key: type(value) for key, value in note.items()} != _TYPES:
        return False
    return set(note["says"]) <= set(map(str, range(count))) and {type(said) for said in note["says"].values()} <= {bool}


def _digest(values: np.ndarray | None) -> str:
    """Return what tells arrays of numbers apart."""
    return "" if values is None else hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()


def _kernels_as_pictures(model: Any, layer: str) -> np.ndarray | None:
    try:
        return as_pictures_of_kernels(picture_filters(model, layer))
    except ValueError:
        return None  # it has none, or they look at other channels and not at colours
