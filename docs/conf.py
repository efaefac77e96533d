"""How the documentation site is built: the pages of this folder, the notebooks, and what the docstrings say.

``make docs`` writes it to ``build/site``; nothing is fetched, neither now nor by a reader's browser.
"""

import json
import shutil
from pathlib import Path

import kit

ROOT = Path(__file__).parents[1]
MADE = Path(__file__).parent / "made"  # written anew by each build, not kept in the repository

project = "Bank Nifty Kit"
copyright = "MIT licence"  # noqa: A001 - Sphinx's own name
release = kit.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = project
html_copy_source = False
html_show_sourcelink = False
myst_heading_anchors = 3
exclude_patterns = ["made/*.part"]
autodoc_typehints = "none"  # the types stand in the text, with shapes and units
autodoc_member_order = "bysource"
napoleon_google_docstring = False
default_role = "code"  # `name` in a docstring is code
suppress_warnings = [
    "myst.xref_missing",
    "ref.python",
]  # links into the source: tests/test_docs.py checks them

DOORS = ("kit.desk", "kit.evaluation.metrics", "kit.evaluation.scan", "kit.errors")


def notebook_page(file: Path) -> str:
    """Return a notebook as Markdown: its words as they are, its cells as code."""
    cells = json.loads(file.read_text(encoding="utf-8"))["cells"]
    texts = ("".join(cell["source"]) for cell in cells)
    fence = "```python\n{}\n```".format
    return "\n\n".join(
        text if cell["cell_type"] == "markdown" else fence(text)
        for cell, text in zip(cells, texts, strict=True)
    )


def api_page() -> str:
    """Return a page with every public name of `kit`, and the modules an analyst imports besides."""
    names = [f"{getattr(kit, name).__module__}.{name}" for name in kit.__all__]
    shown = [
        f"```{{eval-rst}}\n.. auto{'function' if name.rsplit('.')[-1].islower() else 'class'}:: {name}\n"
        f"{'' if name.rsplit('.')[-1].islower() else '   :members:'}\n```"
        for name in names
    ]
    doors = [f"```{{eval-rst}}\n.. automodule:: {name}\n   :members:\n```" for name in DOORS]
    return "\n\n".join(["# Public names", *shown, "# Modules besides", *doors])


def write_pages(_: object) -> None:
    """Write the pages that are made from notebooks and docstrings."""
    shutil.rmtree(MADE, ignore_errors=True)
    MADE.mkdir()
    for file in sorted((ROOT / "notebooks").glob("*.ipynb")):
        (MADE / f"{file.stem}.md").write_text(notebook_page(file), encoding="utf-8")
    (MADE / "api.md").write_text(api_page(), encoding="utf-8")


def setup(app: object) -> None:
    """Write the made pages before Sphinx looks for pages."""
    app.connect("builder-inited", write_pages)
