"""The documentation site, built as `make docs` builds it."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import kit

ROOT = Path(__file__).parent.parent
TIMEOUT_S = 600  # generous: a busy machine takes minutes for what a quiet one does in fifteen seconds


class Page(HTMLParser):
    """What a page loads, links to, and can be linked to at."""

    def __init__(self, file):
        super().__init__()
        self.loads, self.links, self.anchors = [], [], set()
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):  # noqa: D102
        found = dict(attrs)
        self.anchors.add(found.get("id"))
        if tag in {"script", "img", "iframe"} and found.get("src"):
            self.loads.append(found["src"])
        if tag == "link" and found.get("rel") != "canonical":
            self.loads.append(found["href"])
        if tag == "a" and found.get("href"):
            self.links.append(found["href"])


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build the site; a warning fails it."""
    out = tmp_path_factory.mktemp("site")
    words = [
        sys.executable,
        "-m",
        "sphinx",
        "-q",
        "-W",
        "--keep-going",
        "-b",
        "html",
        "-d",
        str(out / "trees"),
    ]
    done = subprocess.run(
        [*words, "docs", str(out / "site")], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return {file.relative_to(out / "site").as_posix(): Page(file) for file in (out / "site").rglob("*.html")}


@pytest.mark.timeout(TIMEOUT_S)
def test_every_page_and_notebook_is_in_the_site(site):
    """Each page of docs and each notebook has its page, and the first page leads to all of them."""
    wanted = {f"{page.stem}.html" for page in (ROOT / "docs").glob("*.md")}
    wanted |= {f"made/{file.stem}.html" for file in (ROOT / "notebooks").glob("*.ipynb")}
    assert wanted <= set(site)
    assert wanted - {"index.html"} <= {urlsplit(link).path for link in site["index.html"].links}


@pytest.mark.timeout(TIMEOUT_S)
def test_every_public_name_is_documented(site):
    """The page of names has an anchor for each name of the package."""
    anchors = {str(anchor).rsplit(".", 1)[-1] for anchor in site["made/api.html"].anchors}
    assert set(kit.__all__) <= anchors


@pytest.mark.timeout(TIMEOUT_S)
def test_every_link_leads_somewhere_and_nothing_is_loaded_from_elsewhere(site):
    """A link inside the site names a page and an anchor that exist; a page loads its own files only."""
    broken = []
    for name, page in site.items():
        assert [load for load in page.loads if urlsplit(load).netloc] == [], name
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            path = (Path(name).parent / unquote(parts.path)).as_posix() if parts.path else name
            path = re.sub(r"[^/.]+/\.\./", "", path)
            there = path in site or not path.endswith(".html")
            if not there or (parts.fragment and unquote(parts.fragment) not in site[path].anchors):
                broken.append((name, link))
    assert broken == []
