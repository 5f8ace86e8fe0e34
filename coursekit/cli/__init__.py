"""The command ``coursekit``: ``lab`` opens the lessons, ``progress`` shows how far you are, ``doctor`` helps.

``homework`` is for instructors, ``report`` for a network of your own.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from coursekit.cli import doctor, homework, lab, report
from coursekit.cli.arguments import path

_LAB = """\
Copies the lessons into FOLDER and opens JupyterLab there, at the lesson that you
worked on last, or at the first one.

What you changed is never overwritten. Lessons you only ran or never opened are
replaced when there is a new version. To start a lesson afresh, rename or delete
your copy and run this command again: it comes back."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command ``coursekit`` and return its exit code.

    Args:
        argv: The arguments after the command's name; those of this process if None.
    """
    for stream in (sys.stdout, sys.stderr):  # a name that a terminal cannot show must not end what is shown
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    args, jupyter = parse(sys.argv[1:] if argv is None else argv)
    if args.command == "doctor":
        return doctor.run()
    if args.command == "progress":
        from coursekit.cli import progress  # here: the doctor must run where NumPy is missing

        return progress.run(args.folder)
    if args.command == "homework":
        return homework.run(args)
    if args.command == "report":
        return report.run(args)
    return lab.run(args.folder, jupyter, args.copy_only)


def open_lab() -> int:
    """Run ``coursekit lab``: the command ``inside-convnet-lab``, whose name no other package has."""
    return main(["lab", *sys.argv[1:]])


def parse(argv: Sequence[str]) -> tuple[argparse.Namespace, list[str]]:
    """Return the command's own arguments, and those that go to JupyterLab."""
    argv = list(argv)
    # FOLDER comes first or not at all: in `coursekit lab --port 8899` the number is Jupyter's, not a folder.
    if argv[:1] == ["lab"] and (len(argv) == 1 or argv[1].startswith("-")):
        argv.insert(1, lab.DEFAULT_FOLDER)
    argv, jupyter = (argv[: argv.index("--")], argv[argv.index("--") + 1 :]) if "--" in argv else (argv, [])

    parser = argparse.ArgumentParser(prog="coursekit", description="Thirteen lessons on convolutional networks.")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    lab_parser = commands.add_parser(
        "lab",
        help="open the lessons in JupyterLab",
        usage="coursekit lab [FOLDER] [--copy-only] [JUPYTER ARGUMENTS]",
        description=_LAB,
        epilog="Everything else goes to JupyterLab: coursekit lab --no-browser --port=8899",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    lab_parser.add_argument("folder", metavar="FOLDER", type=path, help=f"your lessons (default: {lab.DEFAULT_FOLDER})")
    lab_parser.add_argument("--copy-only", action="store_true", help="copy the lessons, start nothing")
    progress_parser = commands.add_parser(
        "progress",
        help="show how far you have come",
        description="Shows for each lesson the predictions made, exercises passed, hints used and the quiz.",
    )
    progress_parser.add_argument("folder", metavar="FOLDER", type=path, nargs="?", help="your lessons (default: found)")
    commands.add_parser(
        "doctor",
        help="check what the course needs",
        description="Checks what the course needs and says how to mend what is missing. Exit code 1 if anything is.",
    )
    report.add_parser(commands)
    homework.add_parser(commands)
    args, further = parser.parse_known_args(argv)
    if args.command != "lab" and further + jupyter:
        parser.error(f"unknown arguments: {' '.join(further + jupyter)}")
    return args, further + jupyter
