"""How ``pytest --nbval notebooks`` compares the lessons: every printed number and every array that was drawn."""

import os

os.environ["TQDM_DISABLE"] = "1"  # a lesson's kernel inherits it: whether a bar appears depends on the machine's speed


def pytest_collectstart(collector):
    """Leave out what may differ without being wrong: library noise, and pictures as bytes."""
    if getattr(collector, "path", None) is not None and collector.path.suffix == ".ipynb":
        collector.skip_compare += ("stderr", "text/html")
