"""Runs submissions where they can do no harm.

``runner.py`` runs inside; of the course it imports ``exercises.wire`` and ``exercises.needed`` only. Everything else
stands outside.
"""

from coursekit.homework.sandbox.bubblewrap import SandboxMissing, check, command, in_force, prepare, run
from coursekit.homework.sandbox.limits import MOST_CASES, Limits
from coursekit.homework.sandbox.watching import Ended, Run

__all__ = ["MOST_CASES", "Ended", "Limits", "Run", "SandboxMissing", "check", "command", "in_force", "prepare", "run"]
