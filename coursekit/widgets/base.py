"""What every widget is built on: the page's shared part, the still picture, and choices that come too late."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget

from coursekit.widgets.page_state import MOST, PAGE, as_json, is_wanted
from coursekit.widgets.reruns import take_over

if TYPE_CHECKING:  # questions load neither matplotlib nor TensorFlow
    from coursekit.show.figure import Figure

_HERE = Path(__file__).parent


def own_page(module: str, *more: str) -> tuple[str, str]:
    """Return a widget's JavaScript and CSS: what all share, then the two files beside its module.

    They are joined here, as the page could not load one from the other: it gets them as text.

    Args:
        module: The path of the widget's module.
        *more: Names of JavaScript files beside it that its own file needs.
    """
    scripts, styles = ([_HERE / f"page{kind}", Path(module).with_suffix(kind)] for kind in (".js", ".css"))
    scripts[1:1] = [_HERE / name for name in more]
    script, style = ("\n".join(part.read_text(encoding="utf-8") for part in parts) for parts in (scripts, styles))
    return script, style


class Widget(anywidget.AnyWidget):
    """A widget with a page of its own, a still picture, and indices that fit what they choose from.

    A widget has ``_esm, _css = own_page(__file__)``, ``__repr__`` for where there is only text, and ``_still``.

    Its output says in its metadata what it is, ``{"coursekit": {"kind": name, "arguments": {...}}}``: the web book, in
    which no Python runs, makes it live again from that. The arguments are few and small. What more a page needs and
    cannot compute itself stands in the output under a MIME type of its own, where outputs are made for the book.
    """

    _parts: list[bytes]  # of a file on its way from the page

    def __init__(self, *args: Any, **traits: Any):
        super().__init__(*args, **traits)
        take_over(self)

    def _still(self) -> str:
        """Return HTML that shows the widget where there is no kernel; empty if there is nothing to show."""
        raise NotImplementedError

    def _arguments(self) -> dict[str, Any]:
        """Return what a page without Python begins with: what is chosen, by the names of the traits."""
        inherited = anywidget.AnyWidget.class_traits()
        chosen = [name for name in self.trait_names(sync=True) if not name.startswith("_") and name not in inherited]
        return {name: getattr(self, name) for name in chosen}

    def _page_state(self) -> dict[str, Any] | None:
        """Return what a page without Python needs more, too large for arguments: JSON, and bytes; None for nothing."""
        return None

    def _counts(self, state: dict) -> dict[str, int]:
        """Return how many there are of what is chosen by an index, once ``state`` from the page holds: {trait: n}."""
        return {}

    def set_state(self, sync_data: dict) -> None:
        """Take what was chosen in the page.

        An index that is too large was chosen before the page knew of something new with fewer. It is not taken, and
        put right in the page.
        """
        counts = self._counts(sync_data)
        late = [name for name, count in counts.items() if sync_data.get(name, 0) >= count]
        super().set_state({name: value for name, value in sync_data.items() if name not in late})
        for name in late:
            self.send_state(name)

    def _whole_file(self, content: dict, buffers: list) -> bytes | None:
        """Take a part of a file that was dropped in the page, and return the file with its last part.

        A file comes in parts: the server refuses large messages.
        """
        if content["part"] == 0:
            self._parts = []
        self._parts.append(bytes(buffers[0]))
        if len(self._parts) < content["parts"]:
            return None
        file, self._parts = b"".join(self._parts), []
        return file

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict, dict]:
        """Return the view, and a still picture for where there is no kernel: in an exported page, on GitHub."""
        still = self._still()
        data, metadata = super()._repr_mimebundle_(**kwargs)
        about = {"kind": type(self).__name__, "arguments": self._arguments()}
        data = {**data, "text/plain": repr(self), **({"text/html": still} if still else {})}
        if is_wanted() and (state := self._page_state()) is not None:
            state = as_json(state)
            if len(json.dumps(state)) <= MOST:
                data[PAGE] = state
        return data, {**metadata, "coursekit": about}


def as_html(figures: Iterable[Figure]) -> str:
    """Return figures below each other, as HTML."""
    return "".join(f"<div>{figure.to_html()}</div>" for figure in figures)
