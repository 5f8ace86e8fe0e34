"""Questions in the page: choices, a number, or a few words."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

import traitlets

from coursekit.widgets.base import Widget, own_page


class QuestionCards(Widget):
    """One question or several, below each other, answered by keyboard, mouse or screen reader.

    It keeps nothing itself and knows no right answer. What it shows it reads; what is answered it hands on.

    Args:
        title: What these questions are, for screen readers.
        read: Returns what is to be shown, as {"cards": list, "score": text}. A card is a dictionary of "id", "asks",
            "kind" ("choice", "number" or "words"), "choices" (texts), for numbers "low", "high" and "unit", for words
            "most" (characters), "button" and "skip" (their texts; "" for none), "answer" (None if there is none),
            "done" (whether it can't be answered any more), "mark" ("✓", "✗" or ""), "head" and "says" (what there is to
            say to the answer, in a word or two and in sentences).
        take: Called with the card's id and the answer (a choice's number, a number, words; None if it was skipped).
            Raises a ValueError whose message is for the reader if that does not answer the question.
        asks: "prediction" or "quiz": where a page without Python finds the questions, by their ids.
    """

    _esm, _css = own_page(__file__)

    title = traitlets.Unicode().tag(sync=True)
    _cards = traitlets.List().tag(sync=True)
    _score = traitlets.Unicode().tag(sync=True)
    _still_picture = traitlets.Dict().tag(sync=True)  # what the notebook keeps: the page puts a new one there

    def __init__(self, title: str, read: Callable[[], dict], take: Callable[[str, Any], None], asks: str = ""):
        self._read, self._take, self._asks = read, take, asks
        shown = read()
        super().__init__(title=title, _cards=shown["cards"], _score=shown.get("score", ""))
        self.on_msg(self._receive)

    def _receive(self, _: Any, content: dict, buffers: list) -> None:
        """Hand on an answer from the page, and show what came of it."""
        try:
            self._take(content["id"], content["answer"])
            shown = self._read()
        except Exception as error:  # whatever it is, the page must not wait for ever
            self.send({"id": content["id"], "refused": str(error)})
            return
        with self.hold_sync():
            self._cards, self._score = shown["cards"], shown.get("score", "")
            self._still_picture = {"html": self._still(), "text": repr(self)}
        self.send({"id": content["id"], "refused": ""})

    def _arguments(self) -> dict[str, Any]:
        return {"asks": self._asks, "ids": [card["id"] for card in self._cards]}

    def __repr__(self) -> str:
        several = len(self._cards) > 1
        texts = [_as_text(card, f"{i}. " if several else "") for i, card in enumerate(self._cards, 1)]
        return "\n".join(filter(None, [*texts, self._score]))

    def _still(self) -> str:
        cards = "".join(map(_as_html, self._cards))
        score = f"<p>{escape(self._score)}</p>" if self._score else ""
        is_open = any(not card["done"] and card["answer"] is None for card in self._cards)
        run = "<p><em>Run this cell to answer.</em></p>" if is_open else ""
        return f'<div role="group" aria-label="{escape(self.title)}">{cards}{score}{run}</div>'


def _as_text(card: dict, number: str) -> str:
    lines = [f"  ( ) {choice}" for choice in card["choices"]]
    if card["kind"] == "number":
        lines = [f"  a number from {card['low']:g} to {card['high']:g} {card['unit']}".rstrip()]
    elif card["kind"] == "words":
        lines = ["  a few words"]
    said = " ".join(filter(None, [card["mark"], card["head"], card["says"]]))
    return "\n".join([number + card["asks"], *lines, *([f"  {said}"] if said else [])])


def _as_html(card: dict) -> str:
    answer = card["answer"]
    choices = "".join(
        f"<li><strong>{escape(choice)}</strong> (your answer)</li>" if i == answer else f"<li>{escape(choice)}</li>"
        for i, choice in enumerate(card["choices"])
    )
    asked = f"<ul>{choices}</ul>" if choices else ""
    if card["kind"] == "number":
        asked = f"<p>A number from {card['low']:g} to {card['high']:g} {escape(card['unit'])}</p>"
    said = (
        f"<p>{card['mark']} <strong>{escape(card['head'])}</strong> {escape(card['says'])}</p>" if card["head"] else ""
    )
    return f"<p><strong>{escape(card['asks'])}</strong></p>{asked}{said}"
