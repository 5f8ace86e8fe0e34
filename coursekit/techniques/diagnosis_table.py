"""What a diagnosis says: findings, each with its number and what is normal, and the table of them.

An upper end of a range is the largest number that the healthy networks named with it had, and at least three standard
deviations between networks more, rounded. ``benchmarks/diagnosis.py`` tries the ranges on others.
"""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

SMALL = "20 healthy networks of `patient`, seeds 100 to 119, on 2,000 digits and 1,000 others"
LONGER = SMALL + ", and two that were trained four times as long"


class Measure(NamedTuple):
    """What is measured under a name, and what was found in healthy networks.

    Attributes:
        unit: What the number counts.
        normal: The smallest and the largest number that is normal; None where none was measured, or it depends.
        measured_on: How that was measured.
        lesson: The lesson that explains it.
    """

    unit: str
    normal: tuple[float, float] | None
    measured_on: str
    lesson: str


_ACTIVATIONS, _FILTERS, _MAPS = "01_intermediate_activations", "02_filter_visualization", "03_tsne_embeddings"
_SALIENCY, _OCCLUSION, _FOOLING = "06_saliency_maps", "08_occlusion", "09_fooling_images"

MEASURES = {
    "dead channels": Measure("share of the layer's channels", (0.0, 0.1), SMALL, _ACTIVATIONS),
    "dead channels of Dense layers": Measure("share of the layer's channels", (0.0, 0.7), SMALL, _ACTIVATIONS),
    "nearly constant channels": Measure("share of the layer's channels", (0.0, 0.1), SMALL, _ACTIVATIONS),
    "twins among filters": Measure("share of the first layer's filters", (0.0, 0.1), SMALL, _FILTERS),
    "inputs on another scale": Measure("nats per picture", (0.0, 0.02), SMALL, _ACTIVATIONS),
    "inputs off their statistics": Measure("standard deviations", None, "", _ACTIVATIONS),
    "saturated outputs": Measure("share of the pictures", (0.0, 0.95), LONGER, _SALIENCY),
    "sure and wrong": Measure("share of the wrong answers", (0.0, 0.3), LONGER, _FOOLING),
    "one answer for all": Measure("share of the pictures", None, SMALL, _ACTIVATIONS),
    "a place at the border that carries a class": Measure(
        "share of a class's evidence", (0.0, 0.07), SMALL, _OCCLUSION
    ),
    "errors away from borders": Measure("share of the neighbours", (0.0, 0.45), SMALL, _MAPS),
    "labels that neighbours contradict": Measure("share of the pictures", (0.0, 0.035), SMALL, _MAPS),
    "test pictures apart from the others": Measure("share of the neighbours", (0.0, 0.55), SMALL, _MAPS),
    "pictures in training and test": Measure("share of the test pictures", (0.0, 0.005), SMALL, _MAPS),
    "answers that flip under a shift": Measure("share of the pictures", (0.0, 0.36), SMALL, _FOOLING),
}


PHOTOS = "SqueezeNet on 40 photos of the course"
OF_PHOTOS = {"answers that flip under a shift": (0.0, 0.4)}
"""Where one network of 1,000 classes on photos of 227 x 227 gave another number."""


@dataclass(frozen=True)
class Finding:
    """One number of a diagnosis.

    Attributes:
        name: What is looked for, one of the names in ``diagnose``.
        where: The layer it is about, or "".
        value: The number; None if it could not be measured.
        unit: What the number counts, such as "share of the pictures".
        normal: The smallest and the largest number that is normal; None if none was measured.
        measured_on: In which networks and pictures that range was measured, or "".
        unusual: Whether the number lies outside that range.
        says: What the number means and what to do; if there is none, why.
        lesson: File name, without its ending, of the lesson that explains it.
        details: Arrays and names by which a figure can be drawn: the channels, the pictures, the class.
    """

    name: str
    where: str
    value: float | None
    unit: str
    normal: tuple[float, float] | None
    measured_on: str
    unusual: bool
    says: str
    lesson: str
    details: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, repr=False)
class Diagnosis:
    """What ``diagnose`` found: a table of findings. It can be gone through, and asked for one by its name.

    Attributes:
        findings: Each ``Finding``, what is unusual first.
        interrupted: Whether Ctrl-C ended it before all was measured.
    """

    findings: tuple[Finding, ...]
    interrupted: bool = False

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    def __getitem__(self, name: str) -> Finding:
        for one in self.findings:
            if one.name == name:
                return one
        raise KeyError(f"There is no finding {name!r}: there are {', '.join(repr(one.name) for one in self.findings)}.")

    @property
    def unusual(self) -> tuple[Finding, ...]:
        """The findings whose number lies outside of what is normal."""
        return tuple(one for one in self.findings if one.unusual)

    def __repr__(self) -> str:
        width = max((len(one.name) for one in self.findings), default=0)
        lines = [_summary(self)]
        for one in self.findings:
            lines.append(f"{'!' if one.unusual else ' '} {one.name:{width}}  {number_in_words(one)}")
            if one.unusual:
                lines.append(f"  {'':{width}}  {one.says}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        heads = ("what was looked for", "where", "number", "normal", "verdict", "what it means", "lesson")
        lines = [
            '<table cellpadding="4" style="border-collapse:collapse;font-size:12px;color:#222;background:#fff;'
            'text-align:left;vertical-align:top">',
            f"<caption>{html.escape(_summary(self))}</caption>",
            "<thead><tr>"
            + "".join(f'<th scope="col" style="text-align:left">{h}</th>' for h in heads)
            + "</tr></thead>",
            "<tbody>",
        ]
        cell = '<td style="text-align:left;vertical-align:top">'
        for one in self.findings:
            found = f"{one.value:.3g} {one.unit}" if one.value is not None else "–"
            words = (one.where, found, range_in_words(one.normal), verdict(one), one.says, one.lesson)
            lines.append(
                f'<tr><th scope="row" style="text-align:left;vertical-align:top">{html.escape(one.name)}</th>'
                + "".join(f"{cell}{html.escape(word)}</td>" for word in words)
                + "</tr>"
            )
        return "\n".join([*lines, "</tbody></table>"])


def _summary(found: Diagnosis) -> str:
    missing = sum(one.value is None for one in found)
    return (
        f"{len(found)} things looked for: {len(found.unusual)} unusual, {missing} not measured. What is unusual need "
        "not be wrong, and what is not looked for here may be."
    )


def verdict(found: Finding) -> str:
    """Return what stands in the table for a finding: "unusual", "normal", "no range known" or "not measured"."""
    if found.value is None:
        return "not measured"
    if found.normal is None:
        return "no range known"
    return "unusual" if found.unusual else "normal"


def range_in_words(normal: tuple[float, float] | None) -> str:
    """Return a range as "0 to 0.2"; "–" if there is none."""
    return "–" if normal is None else f"{normal[0]:.2g} to {normal[1]:.2g}"


def number_in_words(found: Finding) -> str:
    """Return a finding's number, its range and its layer in a line."""
    if found.value is None:
        return f"not measured: {found.says}"
    where = f" in {found.where!r}" if found.where else ""
    normal = f"normal {range_in_words(found.normal)}" if found.normal else "no range known"
    return f"{found.value:.3g} {found.unit}{where} ({normal})"


def finding(
    name: str,
    value: float,
    says: str,
    advice: str = "",
    *,
    where: str = "",
    normal: Any = "measured",
    photos: bool = False,
    details: dict | None = None,
) -> Finding:
    """Return a finding.

    Args:
        name: One of ``MEASURES``.
        value: The number.
        says: What it means, in a sentence.
        advice: What to do if it is unusual.
        where: The layer.
        normal: The range, if another holds here than that of the name; None if none does.
        photos: Whether it was measured on photos, for which another range may be known.
        details: What a figure needs.
    """
    unit, measured, measured_on, lesson = MEASURES[name]
    if photos and name in OF_PHOTOS:
        measured, measured_on = OF_PHOTOS[name], PHOTOS
    normal = measured if isinstance(normal, str) else normal
    unusual = normal is not None and not normal[0] <= value <= normal[1]
    says = f"{says} {advice}" if unusual and advice else says
    said = measured_on if normal else ""
    return Finding(name, where, float(value), unit, normal, said, unusual, says, lesson, details or {})


def not_measured(name: str, why: str) -> Finding:
    """Return the finding of something that could not be measured."""
    unit, _, _, lesson = MEASURES[name]
    return Finding(name, "", None, unit, None, "", False, why, lesson)


def widened(name: str, count: int, like: int = 1000, photos: bool = False) -> tuple[float, float] | None:
    """Return the range of a share that is normal for so few pictures: three standard errors more than for many."""
    normal = OF_PHOTOS.get(name, MEASURES[name].normal) if photos else MEASURES[name].normal
    if normal is None or count >= like:
        return normal
    low, high = (min(max(share, 1 / count), 1 - 1 / count) for share in normal)
    below, above = (3 * (share * (1 - share) / count) ** 0.5 for share in (low, high))
    return max(0.0, normal[0] - below), min(1.0, normal[1] + above)
