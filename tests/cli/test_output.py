"""What a terminal cannot show is written out, and ends nothing."""

import io
import sys

import pytest

from coursekit.cli import homework, main


def test_a_name_that_the_terminal_cannot_show(monkeypatch):
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="ascii") for _ in range(2))
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    monkeypatch.setattr(homework, "run", lambda args: print("José") or print("Zoë", file=sys.stderr) or 0)
    assert main(["homework", "grade", "x", "--to", "y"]) == 0
    for stream, words in ((out, b"Jos\\xe9\n"), (err, b"Zo\\xeb\n")):
        stream.flush()
        assert stream.buffer.getvalue() == words


@pytest.mark.parametrize("stream", [None, io.StringIO()])
def test_a_stream_that_is_none(monkeypatch, stream):
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(homework, "run", lambda args: 0)
    assert main(["homework", "grade", "x", "--to", "y"]) == 0
