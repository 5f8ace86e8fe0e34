"""How much the exercises differ from student to student: ``python tools/spread.py [lesson ...]``.

Prints the table of docs/homework.md: of 300 students, how many have an answer of their own to what they are given, and
how many share the most frequent one. The answers are the right ones, computed as grading computes them.
"""

import json
import sys
from collections import Counter

from coursekit.exercises.cases import case_of, seed_of
from coursekit.exercises.catalogue import LESSONS, lesson
from coursekit.exercises.lessons.lesson_01_pictures import GROUPS
from coursekit.exercises.model import Exercise
from coursekit.exercises.wire import encode_case

STUDENTS = 300
# All pairs of a group have the same strongest channel: tests/exercises/test_spread.py computes it, in half a minute.
GROUP_OF = {pair: number for number, group in enumerate(GROUPS) for pair in group.split()}


def spread(exercise: Exercise, room: str = "A") -> Counter:
    """Return {answer: how many of the students of a room have it}."""
    answers: dict[str, str] = {}  # of each case, which several students may have
    count: Counter = Counter()
    for i in range(STUDENTS):
        case = case_of(exercise, seed_of(f"{room}/{i}", exercise.id))
        key = json.dumps(encode_case(case))
        if key not in answers:
            answers[key] = repr(_answer(exercise, case))
        count[answers[key]] += 1
    return count


def _answer(exercise: Exercise, case: dict) -> object:
    if exercise.id == "01.strongest-channel":
        return GROUP_OF["{picture}/{layer}".format(**case)]
    return exercise.right(case)


if __name__ == "__main__":
    print("| exercise | answer | different answers | students who share the most frequent one |")
    print("| --- | --- | --- | --- |")
    for number in sys.argv[1:] or LESSONS:
        for one in lesson(number).exercises:
            if not one.is_read_by_a_person:
                found = spread(one)
                kind = "function" if one.is_function else "value"
                print(f"| {one.id} | {kind} | {len(found)} | {max(found.values())} |", flush=True)
