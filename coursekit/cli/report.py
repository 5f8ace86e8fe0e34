"""``coursekit report``: a page about a network of your own and what it does with your pictures."""

from __future__ import annotations

import argparse
import sys
import warnings
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from coursekit import distribution
from coursekit.cli.arguments import path

SQUEEZENET = "squeezenet"
_REPORT = """\
Writes a page about a network and what it does with pictures: its architecture with
its flags, its answers, what 'diagnose' finds in it, what its channels answer to, a
map of the pictures with the errors marked, and heat maps of the worst mistakes. One
file, to send.

MODEL is a file saved by Keras (.keras, .h5). It is read without running code that it
may bring. 'squeezenet' is the course's own network. Each picture is brought to the
network's size; its values are 0 to 255.

Ctrl-C stops the looking: the page is written with what was found until then. A second
Ctrl-C stops the drawing too. Exit code 0, or 2 on an error, or 130 when stopped."""


def add_parser(commands: Any) -> None:
    """Add ``report`` to the command's parser."""
    parser = commands.add_parser(
        "report",
        help="write a page about a network of your own",
        description=_REPORT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", metavar="MODEL", help=f"a .keras or .h5 file, or '{SQUEEZENET}'")
    parser.add_argument("--pictures", metavar="FOLDER", type=path, required=True, help="with sub-folders or without")
    parser.add_argument("--to", metavar="FILE", type=path, required=True, help="the page, such as report.html")
    parser.add_argument("--labels", choices=["by-folder"], help="a picture's class is its sub-folder")
    parser.add_argument(
        "--classes", metavar="FILE", type=path, help="what the classes are called, one a line, in order"
    )
    parser.add_argument("--batch-size", metavar="N", type=int, default=32, help="computed at a time (default: 32)")
    parser.add_argument("--cluster", metavar="ADDRESS", help="of a Dask scheduler, whose workers look at the pictures")


def run(args: argparse.Namespace) -> int:
    """Write the page and return the exit code."""
    try:
        stopped = _write(args)
    except (OSError, ValueError, TypeError, ImportError) as error:
        print(f"coursekit report: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped before there was anything to write.", file=sys.stderr)
        return 130
    size = args.to.stat().st_size / 1e6
    if stopped:
        print(f"Stopped. {args.to} ({size:.1f} MB) holds what was done. {stopped}", file=sys.stderr)
        return 130
    print(f"{args.to} ({size:.1f} MB)")
    return 0


def _write(args: argparse.Namespace) -> str:
    """Write the page. Return what is missing because it was interrupted; nothing if nothing is."""
    if not args.pictures.is_dir():
        raise NotADirectoryError(f"There is no folder {args.pictures}.")
    names = None if args.classes is None else _lines(args.classes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of TensorFlow's import; what the reader must know is on the page
        from coursekit.networks import squeezenet
        from coursekit.report import Interrupted, write_report

    model = squeezenet() if args.model == SQUEEZENET and not Path(SQUEEZENET).exists() else args.model
    how = {"class_names": names, "batch_size": args.batch_size}
    try:
        with warnings.catch_warnings(), _cluster(args.cluster) as client:
            warnings.simplefilter("error", Interrupted)  # it comes when the page is written
            write_report(model, args.pictures, args.to, args.labels, **how, client=client)
    except Interrupted as error:
        return str(error)
    return ""


def _lines(file: Path) -> list[str]:
    """Return the lines of a text file that are not blank."""
    try:
        words = file.read_text(encoding="utf-8-sig")  # Notepad begins a file with a mark
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is no text in UTF-8: save it in that encoding, not as Latin-1 or ANSI.") from error
    return [line.strip() for line in words.splitlines() if line.strip()]


def _cluster(address: str | None) -> Any:
    """Return a context that holds a connection to a Dask cluster; without an address None."""
    if address is None:
        return nullcontext()
    try:
        from distributed import Client
    except ImportError as error:
        raise ImportError(f"Dask is missing. Install it with: {distribution.install('cluster')}") from error
    return Client(address, timeout=20)
