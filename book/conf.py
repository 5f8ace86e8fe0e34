"""How Sphinx makes the book from what build.py wrote. Nothing is run and nothing is fetched."""

import os

project = "Inside a convolutional network"
author = "the authors of coursekit"
project_copyright = "prose and figures CC BY 4.0, code BSD-3-Clause"
language = "en"
html_title = project

extensions = ["myst_nb", "sphinx.ext.githubpages"]
nb_execution_mode = "off"
nb_ipywidgets_js = {}  # they would come from another host
nb_mime_priority_overrides = [("html", "text/html", 0)]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
suppress_warnings = ["mystnb.unknown_mime_type"]
exclude_patterns = ["_static"]
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"
smartquotes = False  # the text of a lesson is shown as it is written

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["book.css", "live/live.css"]
html_js_files = ["still.js", ("live/live.js", {"type": "module"}), ("book.js", {"type": "module"})]
html_favicon = "favicon.svg"
html_copy_source = False
html_show_sourcelink = False
html_baseurl = os.environ.get("COURSEKIT_BOOK_URL", "")
