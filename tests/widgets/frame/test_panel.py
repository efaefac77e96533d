"""The form of all panels."""

import ipywidgets as w
import pytest

from kit.errors import DataError
from kit.widgets.frame.panel import Panel


class Halves(Panel):
    """Divides the source by a number."""

    heading = "Halves <and> more"

    def controls(self):
        """Return one control."""
        return {"by": w.IntText(2)}

    @staticmethod
    def compute(source, by):
        """Divide."""
        if by < 0:
            raise DataError("No such share", by, "Choose a positive <one>.")
        return source / by

    def draw(self, result):
        """Write the result."""
        self.words.value = str(result)


def test_a_control_moves_the_drawing():
    """A new value of a control is computed and drawn at once."""
    panel = Halves(12)
    assert panel.words.value == "6.0"
    panel.inputs["by"].value = 4
    assert panel.words.value == "3.0"


@pytest.mark.parametrize(("by", "told"), [(-1, "DataError"), (0, "ZeroDivisionError")])
def test_an_error_is_shown_and_goes_with_the_next_success(by, told):
    """An error of a callback is announced in the panel, the last drawing stays, and success clears it."""
    panel = Halves(12)
    panel.inputs["by"].value = by
    assert "role='alert'" in panel.errors.value
    assert told in panel.errors.value
    assert panel.words.value == "6.0"
    panel.inputs["by"].value = 3
    assert panel.errors.value == ""


def test_an_error_outlives_another_width_of_the_page():
    """A page that grows a scroll bar for the error, or is made wider, takes it away no more."""
    panel = Halves(12)
    panel.inputs["by"].value = -1
    panel.page.rooms = {"kit-figure-0": 900}
    assert "DataError" in panel.errors.value


def test_words_cannot_become_markup():
    """A heading and an error are text, whatever characters they hold."""
    panel = Halves(12)
    assert "Halves &lt;and&gt; more" in panel.children[0].value
    panel.inputs["by"].value = -1
    assert "&lt;one&gt;" in panel.errors.value
