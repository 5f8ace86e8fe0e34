"""``coursekit homework``: an assignment for a class, and the grades of what was handed in."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coursekit.cli.arguments import path

if TYPE_CHECKING:
    from coursekit.homework.grading import Options
    from coursekit.homework.record import Record

_MOST_SECONDS = 1_000_000  # more than eleven days; what is much more, no timer takes
_RELEASE = """\
Writes a lesson as homework into FOLDER, as nbgrader lays it out: without its
solutions, in FOLDER/release. With --students, each gets a variation of their own.
Files that you changed are kept."""
_TRY = """\
Grades one notebook as grade does, and shows what each exercise got and why, with
what the log says. Nothing is written into FOLDER; with --to, its secret is used."""
_COPIES = """\
Lists pairs of students whose code for an exercise is alike, after renaming too. It is
a place to look, and no verdict. It reads what grade kept in FOLDER, and writes nothing."""
_GRADE = """\
Grades what was handed in: a folder for each student, files as an LMS exports them,
a zip of either, or what nbgrader collected. Each runs in a sandbox. FOLDER then has
grades.csv, feedback/, log.csv and nbgrader's gradebook.

It can be stopped and started again: what is done is kept. Exit code 0 if all were
graded, 1 if some could not be, 2 if nothing could be done, 130 when stopped."""


def add_parser(commands: Any) -> None:
    """Add ``homework`` to the command's parser."""
    parser = commands.add_parser("homework", help="for instructors: release a lesson as homework, grade it")
    steps = parser.add_subparsers(dest="step", metavar="STEP", required=True)
    raw = argparse.RawDescriptionHelpFormatter

    release = steps.add_parser("release", help="make the assignment", description=_RELEASE, formatter_class=raw)
    release.add_argument("lesson", metavar="LESSON", help="such as 01")
    release.add_argument("--students", metavar="FILE", type=path, help="ids: one a line, or a CSV's column 'student'")

    grade = steps.add_parser("grade", help="grade what was handed in", description=_GRADE, formatter_class=raw)
    grade.add_argument("submissions", metavar="SUBMISSIONS", type=path, help="a folder or a zip")
    grade.add_argument("--lesson", help="default: the one that was released into FOLDER, or what the files say")
    grade.add_argument("--jobs", metavar="N", type=int, default=1, help="how many run at once (default: 1)")
    grade.add_argument("--again", action="store_true", help="grade also what is done")
    grade.add_argument("--students", metavar="FILE", type=path, help="the class (default: whom it was released for)")
    grade.add_argument("--pattern", metavar="REGEX", help="whose a file is, by its path: a group (?P<student>...)")
    grade.add_argument("--due", metavar="TIME", help="such as '2026-01-31 23:59'; kept; 'none' forgets it")
    grade.add_argument("--late-penalty", metavar="PERCENT", type=float, help="taken off for each begun day; kept")

    shown = steps.add_parser("try", help="show what one file gets, and why", description=_TRY, formatter_class=raw)
    shown.add_argument("submissions", metavar="FILE", type=path, help="a notebook, or a folder or zip of one student's")
    shown.add_argument("--lesson", help="default: as grade has it")
    shown.add_argument("--student", metavar="ID", help="of a notebook: whose variation (default: the folder's name)")

    copies = steps.add_parser("copies", help="list code that is alike", description=_COPIES, formatter_class=raw)
    copies.add_argument("lesson", metavar="LESSON", help="such as 01")
    copies.add_argument("--to", metavar="FOLDER", type=path, required=True, help="the course folder")

    for step in (grade, shown):
        step.add_argument("--cell-seconds", metavar="S", type=float, default=120, help="for a cell (default: 120)")
        step.add_argument("--call-seconds", metavar="S", type=float, default=10, help="for a call (default: 10)")
        step.add_argument("--whole-seconds", metavar="S", type=float, default=900, help="for a notebook (default: 900)")
        step.add_argument(
            "--dangerously-without-sandbox",
            action="store_true",
            help="run the students' code as you: it can read and delete what you can",
        )
    for step in (release, grade, shown):
        step.add_argument("--to", metavar="FOLDER", type=path, required=step is not shown, help="the course folder")
        step.add_argument("--secret-file", metavar="FILE", type=path, help="class secret (default: FOLDER/secret.txt)")


def run(args: argparse.Namespace) -> int:
    """Run a step and return the exit code."""
    from coursekit.files import is_full
    from coursekit.homework.gradebook import require_nbgrader
    from coursekit.homework.sandbox import SandboxMissing

    try:
        if args.step in ("release", "grade"):
            require_nbgrader()
        return {"release": _release, "grade": _grade, "try": _try, "copies": _copies}[args.step](args)
    except (OSError, ValueError, ModuleNotFoundError, SandboxMissing) as error:
        kept = " Nothing that was done is lost: make room, and start this again." if is_full(error) else ""
        print(f"coursekit homework: {error}{'.' if kept else ''}{kept}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped. What is done is kept: the same command goes on from there.", file=sys.stderr)
        return 130


def _release(args: argparse.Namespace) -> int:
    from coursekit.homework.release import KEPT, SAME, read_students, release

    students = read_students(args.students) if args.students else []
    outcomes = release(args.lesson, args.to, students, args.secret_file)
    for file, outcome in outcomes.items():
        if outcome != SAME:
            print(f"  {file.relative_to(args.to)}: {outcome}")
    count = sum(outcome in (SAME, KEPT) for outcome in outcomes.values())
    print(f"{len(outcomes) - count} files written, {count} as they were, in {args.to.resolve()}")
    place = f"release/{args.lesson}/STUDENT/" if students else f"release/{args.lesson}/"
    print(f"Students get what is in {place}. Keep the rest to yourself.")
    return 0


def _grade(args: argparse.Namespace) -> int:
    from coursekit.homework.choosing import class_of
    from coursekit.homework.grading import grade
    from coursekit.homework.release import read_students
    from coursekit.homework.tables import everything

    students = tuple(read_students(args.students)) if args.students else ()
    options = replace(_options(args), students=students, pattern=args.pattern)
    records = grade(args.submissions, args.to, replace(options, due=args.due, late_penalty=args.late_penalty))
    number = records[0].assignment
    _print_summary(records, args.to)
    _print_mixed_up(records, options.secret, args.to)
    known = students or class_of(args.to, number)
    _print_class(known, records, {one.student for one in everything(args.to) if one.assignment == number})
    return 0 if all(record.is_graded for record in records) else 1


def _options(args: argparse.Namespace) -> Options:
    from coursekit.homework.grading import Options
    from coursekit.homework.release import SECRET, read_secret
    from coursekit.homework.sandbox import Limits

    seconds = {"--cell-seconds": args.cell_seconds, "--call-seconds": args.call_seconds}
    for name, given in {**seconds, "--whole-seconds": args.whole_seconds}.items():
        if not 0.001 <= given <= _MOST_SECONDS:
            raise ValueError(f"{name} must be from 0.001 to {_MOST_SECONDS}, not {given:g}.")
    file = args.secret_file or (args.to / SECRET if args.to else None)
    secret = read_secret(file) if file and (args.secret_file or file.exists()) else None
    limits = Limits(args.cell_seconds, args.call_seconds, args.whole_seconds)
    return Options(
        lesson=args.lesson,
        jobs=getattr(args, "jobs", 1),
        secret=secret,
        again=getattr(args, "again", False),
        no_sandbox=args.dangerously_without_sandbox,
        limits=limits,
    )


def _try(args: argparse.Namespace) -> int:
    from coursekit.homework.trying import explained, try_one

    print(explained(try_one(args.submissions, args.to, _options(args), args.student)))
    return 0


def _copies(args: argparse.Namespace) -> int:
    from coursekit.homework.copies import likely_copies

    found = likely_copies(args.lesson, args.to)
    for pair in found:
        print(f"  {pair.share:4.0%}  {pair.exercise}  {', '.join(pair.students)}  ({pair.passages} passages)")
    print(f"{len(found)} pairs wrote alike what nearly nobody else wrote.", end=" ")
    print("That is a place to look, and no verdict: who learns together writes alike, and short answers are alike.")
    return 0


def _print_class(known: Sequence[str], records: list[Record], have: set[str]) -> None:
    """List who is missing, and who is not in the class."""
    if not known:
        return
    missing = [student for student in known if student not in have]
    others = [record for record in records if record.student not in known]
    if missing:
        print(f"Nothing was handed in by {len(missing)} of {len(known)}: {', '.join(missing)}")
    for record in others:
        print(f"{record.student} is not in the class ({json.dumps(record.file)}).", file=sys.stderr)


def _print_summary(records: list[Record], to: Path) -> None:
    from coursekit.homework.gradebook import is_complete, scores, student_name

    width = max(len(record.student) for record in records)
    given = {number: scores(number, to) for number in {record.assignment for record in records}}
    unread = 0
    print()
    for record in records:
        mine = given[record.assignment].get(student_name(record), {})  # nothing, if it could not be entered
        to_read = sum(score.needs_person for score in mine.values())
        unread += to_read > 0
        if is_complete(record, mine):
            note = f"{sum(score.points or 0 for score in mine.values()):g}" + (
                f"  ({to_read} to read)" if to_read else ""
            )
        else:
            note = f"NOT GRADED: {record.reason}"
        print(f"  {record.student:{width}}  {note}")
    failed = sum(not record.is_graded for record in records)
    print(f"{len(records) - failed} graded, {failed} not; in {unread} there is something for a person to read.")
    print(f"Grades: {to / 'grades.csv'}   Feedback: {to / 'feedback'}   Log: {to / 'log.csv'}")


def _print_mixed_up(records: list[Record], secret: str | None, to: Path) -> None:
    """Warn of notebooks with somebody else's variation: a wrong name, or a wrong notebook."""
    from coursekit.homework.release import variation

    if secret is None:
        return
    folders = {folder.name for record in records for folder in (to / "release" / record.assignment).glob("*/")}
    owners = {variation(secret, student): student for student in folders}
    for record in records:
        if record.variations and variation(secret, record.student) not in record.variations:
            names = ", ".join(sorted(owners.get(token, "nobody in this class") for token in record.variations))
            print(
                f"Look at {record.student} ({json.dumps(record.file)}): it has the variation of {names}. "
                "It was graded with the one of its own name.",
                file=sys.stderr,
            )
