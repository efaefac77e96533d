"""Whatever is typed into a box of any panel: taken as it stands, or refused by the box's label."""

import ipywidgets as w
import pytest

from kit.settings import Settings
from kit.widgets import BacktestPanel, PayoffPanel, PositionPanel, ScanPanel, TunePanel
from kit.widgets.frame.fields import NumberField

TYPED = ("", "letters", "-1", "0", "1e9", "2.7", "nan", "inf", "1e400", "1,000", "--5")
NEVER = ("letters", "nan", "inf", "1e400", "--5")
DRAWN = ("Pool (sockets)", "Queue (tasks)")  # of the tuning, where each right value draws six pictures
FREE = ("Files", "Sweep")  # a path may be anything; a sweep is read when it runs


@pytest.fixture(scope="module")
def panels(make_chain, tmp_path_factory):
    """Return the panels in which something can be typed."""
    chain = make_chain()
    return {
        "payoff": PayoffPanel(chain), "position": PositionPanel(chain), "scan": ScanPanel(chain),
        "backtest": BacktestPanel(store=tmp_path_factory.mktemp("store")), "tune": TunePanel(Settings()),
    }  # fmt: skip


def boxes(widget):
    """Yield every box of a widget that takes text."""
    if isinstance(widget, w.Text | w.Textarea):
        yield widget
    for child in getattr(widget, "children", ()):
        yield from boxes(child)


@pytest.mark.parametrize("name", ["payoff", "position", "scan", "backtest", "tune"])
def test_what_is_typed_is_taken_or_refused_by_name(panels, name):
    """No number is clipped or rounded in silence; a wrong one is told by its label and goes with the next."""
    panel, seen = panels[name], 0
    for box in boxes(panel):
        right = box.value
        for text in NEVER if name == "tune" and box.description not in DRAWN else TYPED:
            before = getattr(box, "number", None)
            box.value = text
            told = panel.errors.value
            if told:
                named = box.description.split(" (")[0]
                assert named in told or "kit-wrong" in box._dom_classes, (named, text, told)
                assert getattr(box, "number", None) == before
            elif isinstance(box, NumberField) and text:
                assert box.number == pytest.approx(float(text.replace(",", "")) * box._factor)
            if text in NEVER and box.description not in FREE:
                assert told, (box.description, text)
            box.value = right
            assert panel.errors.value == "", (box.description, text)
            seen += 1
    assert seen >= len(TYPED)


def test_every_panel_stops_run_while_something_is_wrong(panels):
    """Nothing can be started with a wrong box, and everything once it is right again."""
    for name, label in (("scan", "Keep (rows)"), ("tune", "Pool (sockets)"), ("backtest", "Stop (%)")):
        panel = panels[name]
        box = next(one for one in boxes(panel) if one.description == label)
        right, box.value = box.value, "letters"
        assert panel.runner.run.disabled
        box.value = right
        assert not panel.runner.run.disabled
