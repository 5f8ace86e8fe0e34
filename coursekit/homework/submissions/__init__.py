"""What was handed in: where it is, whose it is, and what is in it."""

import lazy_loader

# On first use, so that the process that reads one notebook starts without NumPy.
__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "cells": [
            *("MOST_TEXT", "Cell", "answers_to", "beside", "checks_in", "is_left", "names_in", "read_cells"),
            *("safe_copy", "text_of"),
        ],
        "finding": ["Submission", "find"],
        "reading": ["read_apart"],
        "taking": ["take"],
    },
)
