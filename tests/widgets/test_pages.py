"""What `docs/panels.md` shows works."""

import re
from pathlib import Path


def test_the_panel_of_the_page_works(make_chain):
    """The example of a panel of one's own runs as it stands and follows its control."""
    page = (Path(__file__).parents[2] / "docs" / "panels.md").read_text(encoding="utf-8")
    block = re.findall(r"```python\n(.*?)```", page, re.DOTALL)[1]
    *lines, last = block.strip().splitlines()
    names = {"chain": make_chain()}
    exec("\n".join(lines), names)
    panel = eval(last, names)
    assert panel.errors.value == ""
    before = panel.words.value
    panel.inputs["away"].value = 1
    assert panel.words.value != before
