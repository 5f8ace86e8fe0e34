"""The page of the package's public names, from the docstrings. Read as text: nothing is imported."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

from sphinx.ext.napoleon import Config
from sphinx.ext.napoleon.docstring import GoogleDocstring

SECTIONS = {
    "pictures": "Pictures",
    "networks": "Networks",
    "techniques": "Techniques",
    "widgets": "Explorers",
    "show": "Figures: coursekit.show",
    "report": "A report of your network",
    "learner": "In a lesson",
    "exercises": "In an exercise",
}
_NAPOLEON = Config(napoleon_use_param=False, napoleon_use_rtype=False, napoleon_use_ivar=True)


def api(package: Path) -> str:
    """Return the page as reStructuredText.

    Raises:
        ValueError: A public name has no docstring.
    """
    names = _public(package)
    lines = _heading("The package", "=")
    lines += [
        "Everything here is ``from coursekit import ...``; figures are ``show.montage(...)`` and so on. Pictures are "
        "RGB with values from 0 to 255, channels count from 0, layers have their Keras names.",
        "",
        ".. py:module:: coursekit",
        "",
    ]
    for folder, title in SECTIONS.items():
        prefix = "show." if folder == "show" else ""
        found = _definitions(package / folder)
        own = sorted(names.get(folder, []), key=str.lower)
        listed = sorted(_lazy(package / folder), key=str.lower) if folder == "show" else own
        blocks = [(name, found[name]) for name in listed if name in found]
        if not blocks:
            continue
        lines += _heading(title, "-")
        for name, node in blocks:
            lines += _entry(prefix + name, node)
    return "\n".join(lines) + "\n"


def _heading(text: str, under: str) -> list[str]:
    return [text, under * len(text), ""]


def _public(package: Path) -> dict[str, list[str]]:
    """Return the public names by the folder that they come from: what ``__init__.pyi`` lists."""
    tree = ast.parse((package / "__init__.pyi").read_text("utf-8"))
    return {
        node.module: [alias.name for alias in node.names]
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module
    }


def _lazy(folder: Path) -> list[str]:
    """Return the names that a folder's ``__init__.py`` gives."""
    tree = ast.parse((folder / "__init__.py").read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "submod_attrs":
            return [name for names in ast.literal_eval(node.value).values() for name in names]
    return []


def _definitions(folder: Path) -> dict[str, ast.FunctionDef | ast.ClassDef]:
    """Return what the files of a folder define at their outermost level; a file of that name comes first."""
    found: dict[str, ast.FunctionDef | ast.ClassDef] = {}
    for file in sorted(folder.glob("*.py")):
        for node in ast.parse(file.read_text("utf-8")).body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and (node.name not in found or file.stem == node.name):
                found[node.name] = node
    return found


def _entry(name: str, node: ast.FunctionDef | ast.ClassDef) -> list[str]:
    is_class = isinstance(node, ast.ClassDef)
    signature = _class_signature(node) if is_class else f"({ast.unparse(node.args)})"
    if not is_class and node.returns is not None:
        signature += f" -> {ast.unparse(node.returns)}"
    doc = ast.get_docstring(node)
    if not doc:
        raise ValueError(f"{name} has no docstring.")
    said = str(GoogleDocstring(inspect.cleandoc(doc), _NAPOLEON, what="class" if is_class else "function"))
    members = _methods(node) if is_class else []
    body = [*said.splitlines(), *members]
    directive = "class" if is_class else "function"
    return [f".. py:{directive}:: {name}{signature}", "", *(f"   {line}".rstrip() for line in body), ""]


def _class_signature(node: ast.ClassDef) -> str:
    for member in node.body:
        if isinstance(member, ast.FunctionDef) and member.name == "__init__":
            arguments = ast.unparse(member.args)
            return f"({arguments.removeprefix('self').removeprefix(', ')})"
    return ""


def _methods(node: ast.ClassDef) -> list[str]:
    lines: list[str] = [""]
    for member in node.body:
        if not isinstance(member, ast.FunctionDef) or member.name.startswith("_"):
            continue
        decorators = [ast.unparse(one) for one in member.decorator_list]
        doc = ast.get_docstring(member)
        if not doc or any(one.endswith((".setter", ")")) for one in decorators):
            continue
        said = str(GoogleDocstring(inspect.cleandoc(doc), _NAPOLEON, what="method"))
        arguments = ast.unparse(member.args).removeprefix("self").removeprefix(", ")
        kind, called = ("property", "") if "property" in decorators else ("method", f"({arguments})")
        lines += [
            f".. py:{kind}:: {member.name}{called}",
            "",
            *(f"   {line}".rstrip() for line in said.splitlines()),
            "",
        ]
    return lines
