"""What was handed in: where it is, whose it is, and what is in it."""

from coursekit.homework.submissions.cells import Cell, answers_to, read_cells, safe_copy, text_of
from coursekit.homework.submissions.finding import Submission, find

__all__ = ["Cell", "Submission", "answers_to", "find", "read_cells", "safe_copy", "text_of"]
