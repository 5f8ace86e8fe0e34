"""What a lesson says to its reader: a note that shows itself in a notebook and in a terminal."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from typing import Any

# A line at the left, seen in both themes; what it means is said by the symbol and the words as well.
_COLOURS = {"✓": "#009E73", "✗": "#D55E00", "": "#80808080"}


@dataclass(frozen=True)
class Note:
    """A few sentences.

    Attributes:
        head: In a word or two: "Right", "Hint 1 of 3".
        says: Paragraphs.
        mark: "✓", "✗" or "".
        code: Shown below, as it is.
        is_right: Whether an answer was right; None if nothing was judged.
        drawing: HTML that shows what the text says already.
        about: What stands in the output's metadata, for the web book: {"kind": name, "arguments": {...}}.
    """

    head: str
    says: tuple[str, ...] = ()
    mark: str = ""
    code: str = ""
    is_right: bool | None = None
    drawing: str = ""
    about: dict | None = field(default=None, compare=False)

    def __repr__(self) -> str:
        head = f"{self.mark} {self.head}".strip()
        code = "\n".join(f"    {line}" for line in self.code.splitlines())
        return "\n".join(filter(None, [f"{head}. {self.says[0]}" if self.says else head, *self.says[1:], code]))

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict, dict]:
        """Return text and HTML, and what they are about as metadata."""
        about = {} if self.about is None else {"coursekit": self.about}
        return {"text/plain": repr(self), "text/html": self._repr_html_()}, about

    def _repr_html_(self) -> str:
        mark = f'<span aria-hidden="true" style="color:{_COLOURS[self.mark]}">{self.mark}</span> ' if self.mark else ""
        first, *others = self.says or ("",)
        paragraphs = "".join(f'<p style="margin:.35em 0 0">{escape(text)}</p>' for text in others)
        code = (
            f'<pre style="background:#80808018;border-radius:4px;margin:.6em 0 .2em;overflow-x:auto;padding:.6em .8em">'
            f'<code style="background:none">{escape(self.code)}</code></pre>'
            if self.code
            else ""
        )
        return (
            f'<div role="status" style="border-left:3px solid {_COLOURS[self.mark]};line-height:1.5;margin:.3em 0;'
            f'max-width:46em;padding:.2em 0 .2em 14px"><p style="margin:0">{mark}<strong>{escape(self.head)}.</strong> '
            f"{escape(first)}</p>{paragraphs}{self.drawing}{code}</div>"
        )


LATER = Note("Later", ("This will be checked when it is graded.",))
