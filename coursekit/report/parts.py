"""The sections of the page: each takes what was looked at and gives HTML, or raises ``ValueError`` with the reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from coursekit import show
from coursekit.networks.graph import find_layer
from coursekit.pictures.resizing import resize
from coursekit.pictures.streams import Pictures, fitted
from coursekit.report import page
from coursekit.report.labels import Labels
from coursekit.report.layers import MOST_CHANNELS
from coursekit.show.architecture import standing_html
from coursekit.show.embeddings import TEN_COLOURS
from coursekit.show.picture import as_seen
from coursekit.techniques.activations import activations
from coursekit.techniques.class_activation import grad_cam
from coursekit.techniques.diagnosis import diagnose
from coursekit.techniques.diagnosis_table import Finding, range_in_words, verdict
from coursekit.techniques.embeddings import pca, principal_components, tsne
from coursekit.techniques.objectives import Objective, class_score
from coursekit.techniques.saliency import saliency
from coursekit.techniques.survey import Answers, Plan, Survey

MOST_DIAGNOSED = 128  # pictures, which the findings are measured on
MOST_PATCHES = 6  # of a channel
MOST_MISTAKES = 6
_MOST_ROWS = 20  # of a table
_MANY = 100  # pictures, from which on t-SNE makes the map
_MOST_THUMBNAILS = 200
_THUMBNAIL = 40  # pixels


class Stopped(KeyboardInterrupt):
    """Ctrl-C amid a section that goes on the page all the same.

    Attributes:
        content: The section, as HTML.
    """

    def __init__(self, content: str):
        super().__init__()
        self.content = content


@dataclass(frozen=True)
class Looked:
    """What was looked at.

    Attributes:
        model: The network.
        table: What ``analyze`` gave for it.
        all_layers: How many layers could be shown.
        kind: What kind of layers these are, in words.
        labels: Of the pictures.
        stream: The pictures; None where the network does not take them.
        plan: What the survey was to find; None likewise.
        survey: What it found; None likewise.
        trouble: Why there is none.
        several: The arrays of a network with several inputs, which are looked at for findings only.
    """

    model: Any
    table: Any
    all_layers: int
    kind: str
    labels: Labels
    stream: Pictures | None = None
    plan: Plan | None = None
    survey: Survey | None = None
    trouble: str = ""
    several: Any = None

    def seen(self) -> Survey:
        """Return the survey.

        Raises:
            ValueError: There is none.
        """
        if self.survey is None:
            raise ValueError(self.trouble)
        if not len(self.survey.read):
            raise ValueError("Stopped before the first pictures were looked at.")
        return self.survey

    def answers(self) -> Answers:
        """Return the answers.

        Raises:
            ValueError: The network gives none.
        """
        found = self.seen()
        if self.plan.output is None:
            raise ValueError("The network does not answer with one number for each class.")
        if found.answers is None:
            raise ValueError(found.troubles["answers"])
        if self.plan.classless:
            raise ValueError("The network gives one number for each picture, and tells no classes apart.")
        return found.answers

    @property
    def by_sign(self) -> bool:
        """Whether two classes are told apart by one number that is no probability: by whether it is above 0."""
        return self.model.outputs[0].shape[-1] == 1 and not self.plan.probabilities

    def picture(self, index: int) -> np.ndarray:
        """Return a picture as the network takes it, (H, W, C)."""
        return fitted(self.stream.item(int(index)), self.plan.fit, int(index))

    def picture_name(self, index: int) -> str:
        """Return what a picture is called."""
        names = self.stream.names
        return f"picture {index}" if names is None else page.readable(names[int(index)])

    def class_name(self, index: int) -> str:
        """Return what a class is called."""
        return page.readable(self.labels.names.get(int(index), f"class {int(index)}"))


def short(words: str, most: int = 28) -> str:
    """Return words that fit above a picture."""
    return words if len(words) <= most else f"{words[: most // 2 - 1]}...{words[-(most // 2 - 2) :]}"


def each(items: Sequence[Any], draw: Callable[[Any], str]) -> str:
    """Return what is drawn of all items; in place of what cannot be drawn, the reason."""
    drawn = []
    for item in items:
        try:
            drawn.append(draw(item))
        except (ValueError, TypeError) as error:
            drawn.append(page.note(f"Not shown: {error}"))
    return "\n".join(drawn)


def architecture(looked: Looked) -> str:
    """The layers, the graph, and what looks wrong."""
    return f'<div class="card">{standing_html(looked.table)}</div>'


def answers(looked: Looked) -> str:
    """How many answers are right, and which classes are mixed up; without labels, what the answers are."""
    trouble = looked.seen().troubles.get("answers")
    begin = page.note(f"Some pictures are not counted here: {trouble}") if trouble else ""
    if looked.plan.classless and looked.survey.answers is not None:
        return "\n".join([begin, _one_number(looked)])
    found = looked.answers()
    begin += page.note(looked.labels.called) if looked.labels.called else ""
    if looked.by_sign:
        zero, one = looked.class_name(0), looked.class_name(1)
        words = f"The network gives one number for each picture: above 0 counts as “{one}”, the rest as “{zero}”."
        begin += page.paragraph(words)
    known = found.labels >= 0
    if not known.any():
        rows = [(looked.class_name(i), count) for i, count in _most_frequent(found.first)]
        more = len(np.unique(found.first)) - len(rows)
        return "\n".join(
            [
                begin,
                page.paragraph("No labels were given, so nothing is said here of right and wrong."),
                page.table("Most frequent answers", ("class with the largest output", "pictures"), rows),
                page.note(f"And {more} other classes, none of them more often.") if more else "",
            ]
        )
    labels, first = found.labels[known], found.first[known]
    right = int((labels == first).sum())
    (largest, count), *_ = _most_frequent(labels)
    rows = []
    for label in np.unique(labels):
        mine = first[labels == label]
        wrong = _most_frequent(mine[mine != label])
        often = f"{looked.class_name(wrong[0][0])} ({wrong[0][1]})" if wrong else ""
        good = int((mine == label).sum())
        rows.append((looked.class_name(label), len(mine), good, good / len(mine), often))
    rows.sort(key=lambda row: row[3])
    shown = rows[:_MOST_ROWS]
    heads = ("class", "pictures", "right", "right, %", "most frequent wrong answer")
    cut = f"The {_MOST_ROWS} classes with the smallest share of {len(rows)}." if len(rows) > len(shown) else ""
    return "\n".join(
        [
            begin,
            page.paragraph(
                f"{right:,} of {len(labels):,} labelled pictures are answered with their own class: "
                f"{right / len(labels):.1%}. Always to answer “{looked.class_name(largest)}” would be right for "
                f"{count / len(labels):.1%}."
            ),
            page.table("Answers by class", heads, [(*row[:3], 100 * row[3], row[4]) for row in shown]),
            page.note(cut) if cut else "",
        ]
    )


def _one_number(looked: Looked) -> str:
    """The numbers of a network that tells no classes apart."""
    found = looked.survey.answers
    numbers, order = found.values[:, 0], np.argsort(found.values[:, 0], kind="stable")
    chosen = {"smallest": order[0], "middle": order[(len(order) - 1) // 2], "largest": order[-1]}
    rows = [(word, float(numbers[i]), looked.picture_name(found.pictures[i])) for word, i in chosen.items()]
    words = (
        "The network gives one number for each picture, and it is no probability. So there are no classes here, and "
        "nothing is said of right and wrong. If the number tells two classes apart by being above 0, give labels, or "
        "the names of the two."
    )
    return "\n".join([page.paragraph(words), page.table("The numbers", ("", "number", "picture"), rows)])


def _most_frequent(classes: np.ndarray, most: int = 10) -> list[tuple[int, int]]:
    """Return classes and how often they occur, the most frequent first."""
    values, counts = np.unique(classes, return_counts=True)
    order = np.argsort(-counts, kind="stable")[:most]
    return [(int(values[i]), int(counts[i])) for i in order]


def findings(looked: Looked) -> str:
    """What is measured in the network, each number beside what is normal.

    Raises:
        Stopped: Ctrl-C came before all was measured.
    """
    if looked.several is not None:
        labels = looked.labels.classes if looked.labels.rule else None
        found, words = diagnose(looked.model, looked.several, labels), "Measured on the pictures given."
    else:
        read = looked.seen().read
        chosen = read[np.unique(np.linspace(0, len(read) - 1, min(len(read), MOST_DIAGNOSED)).round().astype(int))]
        labels = looked.labels.classes[chosen]
        unlabelled = int((labels < 0).sum())
        if looked.labels.rule and unlabelled < len(chosen):  # those without a label would leave all without
            chosen, labels = chosen[labels >= 0], labels[labels >= 0]
        pictures = np.stack([looked.picture(index) for index in chosen])
        found = diagnose(looked.model, pictures, labels if (labels >= 0).all() else None)
        words = f"Measured on {len(chosen):,} of {len(read):,} pictures"
        words += ", spread evenly." if len(chosen) < len(read) else "."
    heads = ("what was looked for", "verdict", "number", "normal", "where", "what it means", "lesson")
    rows = [
        (one.name, verdict(one), _number(one), range_in_words(one.normal), one.where, one.says, one.lesson[:2])
        for one in found
    ]
    missing = sum(one.value is None for one in found)
    ranges = list(dict.fromkeys(one.measured_on for one in found if one.measured_on))
    caution = "What is unusual need not be wrong, and what is not looked for here may be."
    words += f" {len(found.unusual)} of {len(rows)} are unusual, {missing} could not be measured. {caution}"
    content = "\n".join(
        [
            page.paragraph(words),
            page.drawing(show.diagnosis(found)) if any(one.normal and one.value is not None for one in found) else "",
            page.table("Findings", heads, rows),
            page.note(f"What is normal was measured on: {'; '.join(ranges)}.") if ranges else "",
        ]
    )
    if found.interrupted:
        raise Stopped(content)
    return content


def _number(found: Finding) -> str:
    return "–" if found.value is None else f"{found.value:.3g} {found.unit}"


def channels(looked: Looked) -> str:
    """The channels of some layers for one picture."""
    index = looked.seen().read[0]
    layers = _layers(looked)
    picture = looked.picture(index)
    found = activations(looked.model, picture, layers)
    name = looked.picture_name(index)

    def draw(layer: str) -> str:
        maps = found[layer]
        count = maps.shape[-1]
        few = f"the first {MOST_CHANNELS} of {count} channels" if count > MOST_CHANNELS else f"all {count} channels"
        figure = show.montage(maps[..., :MOST_CHANNELS], title=short(layer, 60))
        return f"<h3>{page.text(layer)}</h3>{page.note(f'{few[0].upper()}{few[1:]}.')}{page.drawing(figure)}"

    shown = show.pictures(as_seen(picture), alt=f"The picture {name}, as the network sees it.")
    return "\n".join(
        [
            page.paragraph(f"What the layers answer to the picture {name}, a small grey picture for each channel."),
            page.note(_which_layers(looked)),
            page.drawing(shown),
            each(layers, draw),
        ]
    )


def patches(looked: Looked) -> str:
    """The strongest patches of some channels of some layers."""
    found, layers = looked.seen(), _layers(looked)

    def draw(layer: str) -> str:
        if layer not in found.patches:
            raise ValueError(found.troubles.get(layer, "No patch was found."))
        result = found.patches[layer]
        count = find_layer(looked.model, layer).shape[-1]
        few = f"{len(result.channels)} of {count} channels, spread evenly"
        few = f"All {count} channels." if len(result.channels) == count else f"{few}."
        result = replace(result, crops=as_seen_together(result.crops))
        figure = show.patches(result, most=MOST_PATCHES, title=short(layer, 60))
        return f"<h3>{page.text(layer)}</h3>{page.note(few)}{page.drawing(figure)}"

    words = (
        "Which parts of which pictures excite a channel most: a row for each channel, at most one patch of a picture."
    )
    return "\n".join([page.paragraph(words), page.note(_which_layers(looked)), each(layers, draw)])


def as_seen_together(crops: list[list[np.ndarray]]) -> list[list[np.ndarray]]:
    """Return patches as a screen shows them. All together tell the range of values: one of them may be dark."""
    every = [crop for line in crops for crop in line]
    if not every:
        return crops
    pixels = as_seen(np.concatenate([crop.reshape(-1, 1, crop.shape[-1]) for crop in every]))
    ends = np.cumsum([crop.shape[0] * crop.shape[1] for crop in every])
    parts = iter(np.split(pixels, ends[:-1]))
    return [[next(parts).reshape(*crop.shape[:2], -1) for crop in line] for line in crops]


def _layers(looked: Looked) -> list[str]:
    layers = [search.layer for search in looked.plan.searches]
    if not layers:
        raise ValueError("No layer of this network gives maps (height, width, channels) with more than one place.")
    return layers


def _which_layers(looked: Looked) -> str:
    shown, count = len(looked.plan.searches), looked.all_layers
    if shown == count:
        return f"Shown {'is' if count == 1 else 'are'} {count} of {count} {looked.kind}."
    return f"Shown are {shown} of {count} {looked.kind}, spread evenly."


def embedding(looked: Looked) -> str:
    """The map of the last features, its errors marked."""
    found = looked.seen()
    if looked.plan.features is None:
        raise ValueError("The network's answer is computed from no layer of its own.")
    if not len(found.features):
        raise ValueError(found.troubles.get("features", "No features were kept."))
    features, count = found.features, len(found.features)
    if count < 3 or features.shape[1] < 2:
        raise ValueError(f"A map needs 3 pictures and 2 numbers for each, not {count} and {features.shape[1]}.")
    if (features == features[0]).all():
        raise ValueError(f"Layer {looked.plan.features!r} gives the same numbers for all pictures.")
    if count >= _MANY:
        points, how = tsne(features), "t-SNE, in which only nearness means something"
    else:
        held = principal_components(features, 2).explained_variance_ratio_.sum()
        points, how = pca(features, 2), f"the two principal components, which hold {held:.0%} of the variance"
    labels, wrong = np.full(count, -1), np.zeros(count, bool)
    if found.answers is not None:
        place = {index: i for i, index in enumerate(found.answers.pictures.tolist())}
        rows = np.array([place.get(index, -1) for index in found.sampled.tolist()])
        labels[rows >= 0] = found.answers.labels[rows[rows >= 0]]
        wrong[rows >= 0] = found.answers.wrong[rows[rows >= 0]]
    few = (labels >= 0).all() and len(np.unique(labels)) <= len(TEN_COLOURS)
    said = f"Map of the features of layer {looked.plan.features}, by {how}"
    said += f". {int(wrong.sum())} with a wrong answer have a black ring" if (labels >= 0).any() else ""
    figure = show.scatter(
        points,
        labels=[short(looked.class_name(i)) for i in labels] if few else None,
        pictures=_thumbnails(looked, found.sampled) if count <= _MOST_THUMBNAILS and not looked.labels.rule else None,
        marked=np.flatnonzero(wrong) if wrong.any() else None,
        alt=said,
    )
    words = f"{said}. {count:,} of {len(found.read):,} pictures"
    words += ", spread evenly." if count < len(found.read) else "."
    if (labels >= 0).any() and not few:
        words += f" Classes have no colours here: ten can be told apart, these are {len(np.unique(labels))}."
    return "\n".join([page.paragraph(words), page.drawing(figure)])


def _thumbnails(looked: Looked, indices: np.ndarray) -> np.ndarray | None:
    small = []
    for index in indices:
        picture = as_seen(looked.picture(index))
        small.append(resize(picture, (_THUMBNAIL, _THUMBNAIL)))
    return np.stack(small)


def mistakes(looked: Looked) -> str:
    """Heat maps of the worst mistakes; without labels, of the answers that are least sure."""
    found = looked.answers()
    if looked.labels.rule:
        rows = np.flatnonzero(found.wrong)
        if not len(rows):
            return page.paragraph("No labelled picture is answered with a wrong class.")
        order = rows[np.argsort(-found.margin[rows], kind="stable")][:MOST_MISTAKES]
        worst = "output of the answer exceeds that of the right class most"
        worst = "number lies farthest on the wrong side of 0" if looked.by_sign else worst
        words = (
            f"{len(rows):,} labelled pictures are answered with a wrong class. Shown are the {len(order)} in which the "
            f"{worst}."
        )
        others = found.labels
    else:
        order = np.argsort(found.values[:, 0] - found.values[:, 1], kind="stable")[:MOST_MISTAKES]
        nearest = "number lies nearest to 0" if looked.by_sign else "two largest outputs lie nearest together"
        words = f"No labels were given, so no mistake is known. Shown are the {len(order)} pictures whose {nearest}."
        others = found.second
    pictures = np.stack([looked.picture(index) for index in found.pictures[order]])
    pairs = [(int(found.first[i]), int(others[i])) for i in order]
    maps, method, figure_of = _heat(looked, pictures, pairs)
    drawn = []
    for place, (row, (first, other)) in enumerate(zip(order, pairs, strict=True)):
        name = looked.picture_name(found.pictures[row])
        outputs = found.values[row, 0], found.of_label[row] if looked.labels.rule else found.values[row, 1]
        kind = "right class" if looked.labels.rule else "second"
        told = [f"answer “{looked.class_name(first)}”", f"{kind} “{looked.class_name(other)}”"]
        if looked.by_sign:  # the output of class 0 is made up
            told.append(f"the network's number {outputs[0 if first else 1]:.3g}")
        else:
            told = [f"{words}, output {output:.3g}" for words, output in zip(told, outputs, strict=True)]
        titles = [short(f"for {looked.class_name(c)}") for c in (first, other)]
        figure = figure_of(as_seen(pictures[place]), [one[place] for one in maps], titles)
        drawn.append(f"<h3>{page.text(name)}</h3>{page.paragraph('; '.join(told) + '.')}{page.drawing(figure)}")
    return "\n".join([page.paragraph(words), page.note(method), *drawn])


def _heat(
    looked: Looked, pictures: np.ndarray, pairs: list[tuple[int, int]]
) -> tuple[list[np.ndarray], str, Callable[..., Any]]:
    """Return for the first and the second class of each pair the maps of the pictures, the method, what draws them."""
    towards = [[_score(looked.model, pair[i]) for pair in pairs] for i in (0, 1)]
    try:
        maps = [grad_cam(looked.model, pictures, one) for one in towards]
    except ValueError as error:
        maps = [saliency(looked.model, pictures, one) for one in towards]
        method = f"By saliency, the gradient of the class score at each pixel; Grad-CAM is not shown: {error}"
        return maps, method, lambda picture, pair, titles: show.saliency(picture, pair, titles)
    method = "By Grad-CAM: where the network finds what raises the score of a class."
    return maps, method, lambda picture, pair, titles: show.cam(picture, pair, titles)


def _score(model: Any, index: int) -> Objective:
    """Return the score of a class; where one number tells two classes apart, that of class 1 or against it."""
    if model.outputs[0].shape[-1] > 1:
        return class_score(model, index)
    return class_score(model, 0) if index else -1 * class_score(model, 0)


def pictures(looked: Looked) -> str:
    """Which pictures were looked at, as what, and which could not be read."""
    found = looked.seen()
    height, width = looked.plan.fit.size
    lines = [
        f"{len(found.read):,} pictures were looked at, each at {height} x {width}.",
        looked.labels.rule or "No labels were given.",
    ]
    if found.unread_count:
        files = "1 file" if found.unread_count == 1 else f"{found.unread_count:,} files"
        lines.append(f"Left out, because it cannot be read as a picture: {files}.")
    more = found.unread_count - len(found.unread)
    return page.bullets(lines) + page.bullets([*found.unread, *([f"and {more:,} more."] if more else [])])


PARTS: tuple[tuple[str, str, Callable[[Looked], str]], ...] = (
    ("architecture", "Architecture", architecture),
    ("answers", "Answers", answers),
    ("findings", "Findings", findings),
    ("channels", "Channels", channels),
    ("patches", "Strongest patches", patches),
    ("map", "Map of the pictures", embedding),
    ("mistakes", "Worst mistakes", mistakes),
    ("pictures", "Pictures", pictures),
)
