"""A box for one setting: what stands in it is checked, and named by its label when it is wrong."""

from __future__ import annotations

from math import isfinite
from typing import Any

import ipywidgets as w
import traitlets as t

from kit.errors import SettingsError
from kit.section import Section


def sized(width: int, label: int) -> dict[str, Any]:
    """Return what makes a control and its label so wide, CSS pixels."""
    return {"style": {"description_width": f"{label}px"}, "layout": w.Layout(width=f"{width}px")}


def flow(*widgets: Any) -> Any:
    """Return widgets beside each other, in several lines where there is no room."""
    return w.HBox(widgets, layout=w.Layout(flex_flow="row wrap"))


class NumberField(w.Text):  # type: ignore[misc]  # ipywidgets has no types
    """A number of a settings section, typed as text, so that nothing is clipped or rounded in silence.

    Parameters
    ----------
    section : Section
        Holds the setting; its class checks the value.
    name, label : str
        The setting, and what the analyst reads.
    factor : float, default 1
        Shown units times this are the setting's, for instance 2**20 for MiB.

    Attributes
    ----------
    number : float, int or None
        The setting's value; the last right one while the box is wrong.
    wrong : str
        What is wrong, named by the label; empty when nothing is.
    """

    tells = "number"  # what a panel observes: a wrong box moves nothing
    number = t.Any()
    wrong = t.Unicode("")

    def __init__(self, section: Section, name: str, label: str, factor: float = 1) -> None:
        self._section, self._name, self._label, self._factor = section, name, label, factor
        self._whole = int in _types(section, name) and factor == 1
        self._may_be_empty = type(None) in _types(section, name)
        value = getattr(section, name)
        super().__init__(
            value=self.written(value), description=label, continuous_update=False,
            placeholder="unbounded" if self._may_be_empty else "",
            tooltip=told(section, name), **sized(226, 132),
        )  # fmt: skip
        self.number = value
        self.observe(self._typed, "value")

    def written(self, value: float | None) -> str:
        """Write a value of the setting as it stands in the box."""
        return "" if value is None else f"{value / self._factor:.10g}"

    def put(self, value: float | None) -> None:
        """Show another value of the setting."""
        self.value = self.written(value)

    def _typed(self, _: Any) -> None:
        try:
            number = self._read(self.value.strip().replace(",", ""))
        except SettingsError as error:
            self.wrong = f"{self._label}: {error}"
            self.add_class("kit-wrong")
            return
        self.remove_class("kit-wrong")
        with self.hold_trait_notifications():
            self.wrong, self.number = "", number

    def _read(self, text: str) -> float | int | None:
        number = self._parsed(text)
        try:
            fits = type(self._section)(**{self._name: number})
        except SettingsError:  # it names the class, and the value in the setting's own unit
            raise SettingsError("out of range", text, told(self._section, self._name)) from None
        found: float | int | None = getattr(fits, self._name)
        return found

    def _parsed(self, text: str) -> float | int | None:
        if not text:
            if self._may_be_empty:
                return None
            raise SettingsError("the box is empty", None, told(self._section, self._name))
        try:
            number = float(text) * self._factor
        except ValueError:
            raise SettingsError("not a number", text, told(self._section, self._name)) from None
        if not isfinite(number):
            raise SettingsError("not a finite number", text, told(self._section, self._name))
        if self._whole and number != int(number):
            raise SettingsError("not a whole number", text, told(self._section, self._name))
        return int(number) if int in _types(self._section, self._name) else number


def _types(section: Section, name: str) -> tuple[Any, ...]:
    annotation = type(section).model_fields[name].annotation
    return getattr(annotation, "__args__", (annotation,))


def told(section: Section, name: str) -> str:
    """Return a setting's name, meaning with unit, default and range."""
    field = type(section).model_fields[name]
    bounds = {type(one).__name__: one for one in field.metadata}
    low = next((f"{words} {getattr(bounds[kind], kind.lower()):,.10g}" for kind, words in
                (("Ge", "at least"), ("Gt", "more than")) if kind in bounds), "")  # fmt: skip
    high = f"at most {bounds['Le'].le:,.10g}" if "Le" in bounds else ""
    limits = ", ".join(filter(None, (low, high)))
    default = "none" if field.default is None else field.default
    return f"{name}: {field.description}; default {default}" + (f"; {limits}" if limits else "") + "."
