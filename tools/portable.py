"""Rerun the lessons as other processors would compute them: ``python tools/portable.py [lesson ...]``.

TensorFlow and its oneDNN pick their kernels by the processor and the number of threads. Some environment variables take
that choice from them, and so stand in for machines that are not here. Each lesson is run and compared as
``pytest --nbval notebooks`` does it, once for each set-up; at the end stands a table of how many cells differ.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from tqdm.auto import tqdm

ROOT = Path(__file__).resolve().parents[1]
SETUPS = {
    "as-it-is": {},
    # TensorFlow leaves oneDNN out on processors without AVX-512, unless it is told.
    "avx2": {"TF_ENABLE_ONEDNN_OPTS": "1", "ONEDNN_MAX_CPU_ISA": "AVX2"},
    "sse41": {"TF_ENABLE_ONEDNN_OPTS": "1", "ONEDNN_MAX_CPU_ISA": "SSE41", "XLA_FLAGS": "--xla_cpu_max_isa=SSE4_2"},
    "onednn-off": {"TF_ENABLE_ONEDNN_OPTS": "0"},
    "one-thread": {"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1"},
}


def rerun(path: Path, variables: dict[str, str]) -> tuple[str, str]:
    """Rerun and compare one lesson; return "same" or how many cells differ, and what pytest says of those."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        command = [sys.executable, "-m", "pytest", "--nbval", "-q", "-p", "no:cacheprovider", "--color=no"]
        done = subprocess.run(
            [*command, f"--junit-xml={report}", str(path)], cwd=ROOT, env={**os.environ, **variables},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode == 0:
            return "same", ""
        suites = ElementTree.parse(report).iter("testsuite") if report.exists() else ()
        count = sum(int(suite.get("failures", 0)) + int(suite.get("errors", 0)) for suite in suites)
    return (f"{count} differ" if count else "did not run"), done.stdout + done.stderr


def table(results: dict[tuple[str, str], str], lessons: list[str], setups: list[str]) -> str:
    """Return the results {(lesson, set-up): text} as a table in Markdown."""
    rows = [["lesson", *setups], ["---"] * (len(setups) + 1)]
    rows += [[lesson, *(results[lesson, setup] for setup in setups)] for lesson in lessons]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def main() -> int:
    """Run what the command line asks for; return 0 if every lesson is the same everywhere."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lessons", nargs="*", metavar="lesson", help="numbers, such as 02 05; by default all")
    parser.add_argument("--setup", action="append", choices=SETUPS, help="one of the set-ups; by default all")
    parser.add_argument("--cores", type=int, help="use so many processor cores only (Linux)")
    asked = parser.parse_args()
    if asked.cores:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: asked.cores])  # what is started inherits it
    paths = {path.name[:2]: path for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}
    lessons, setups = asked.lessons or list(paths), asked.setup or list(SETUPS)
    if unknown := set(lessons) - set(paths):
        parser.error(f"There is no lesson {', '.join(sorted(unknown))}; there are {', '.join(paths)}.")
    results = {}
    for lesson, setup in tqdm([(lesson, setup) for setup in setups for lesson in lessons], unit="lesson"):
        results[lesson, setup], said = rerun(paths[lesson], SETUPS[setup])
        if said:
            tqdm.write(f"Lesson {lesson}, {setup}:\n{said}")
    print(table(results, lessons, setups))
    return int(set(results.values()) != {"same"})


if __name__ == "__main__":
    sys.exit(main())
