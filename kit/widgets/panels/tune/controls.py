"""The controls of the tuning panel: which settings it shows, and settings from their values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import ipywidgets as w
from joblib import cpu_count
from pydantic import Field

from kit.section import Section
from kit.settings import Settings
from kit.widgets.frame.fields import NumberField, flow, sized, told


class Tolerance(Section):
    """What stale prices may cost; no setting of ``kit.yaml``, but what an advice holds under."""

    tolerance_bps: float = Field(5, ge=0, le=1000, description="largest P95 error of a served price, bps")


class Control(NamedTuple):
    """One setting of the panel: its section and name, its label with the unit, and the unit's factor."""

    section: str
    name: str
    label: str
    factor: float = 1

    def of(self, settings: Settings) -> Any:
        """Return the setting's value."""
        return getattr(getattr(settings, self.section), self.name)


MIB = 2.0**20
GROUPS: Mapping[str, tuple[Control, ...]] = {
    "Cache": (
        Control("cache_config", "ltp_ttl", "Last price (s)"),
        Control("cache_config", "atm_ttl", "At the money (s)"),
        Control("cache_config", "options_chain_ttl", "Option chain (s)"),
        Control("cache_config", "historical_data_ttl", "Candles (s)"),
        Control("cache_config", "search_ttl", "Search (s)"),
        Control("cache_config", "instruments_ttl", "Instruments (s)"),
        Control("cache_config", "default_ttl", "All others (s)"),
        Control("cache_config", "max_size", "Memory (entries)"),
        Control("cache_config", "max_bytes", "Memory (MiB)", MIB),
        Control("cache_config", "disk_max_entries", "Disk (answers)"),
        Control("cache_config", "disk_max_bytes", "Disk (MiB)", MIB),
        Control("data_manager", "enable_caching", "Memory tier"),
        Control("data_manager", "cache_atm_results", "Strikes at the money"),
        Control("cache_config", "disk", "Disk tier"),
        Control("cache_config", "stale_if_error", "Old answer on failure"),
        Control("cache_config", "hold_after_hours", "Hold after the close"),
    ),
    "Connections": (
        Control("connection_pool", "pool_size", "Pool (sockets)"),
        Control("connection_pool", "max_retries", "Retries"),
        Control("connection_pool", "backoff_factor", "Back-off (s)"),
        Control("connection_pool", "connect_timeout", "Connect within (s)"),
        Control("connection_pool", "timeout", "Answer within (s)"),
        Control("connection_pool", "acquire_timeout", "Socket within (s)"),
        Control("connection_pool", "circuit_failures", "Circuit (failures)"),
    ),
    "Workers": (
        Control("workers", "max_workers", "Workers"),
        Control("workers", "backend", "Backend"),
        Control("workers", "queue_size", "Queue (tasks)"),
        Control("workers", "task_timeout_s", "Task within (s)"),
    ),
    "Monitor": (
        Control("performance_monitor", "max_samples", "Samples kept"),
        Control("performance_monitor", "enable_alerts", "Alerts"),
    ),
}
ALL = tuple(shown for group in GROUPS.values() for shown in group)
_BACKENDS = ("serial", "threads", "processes", "dask")


def controls(settings: Settings) -> dict[str, Any]:
    """Return a control for every setting shown, by the setting's name."""
    return {shown.name: _control(getattr(settings, shown.section), shown) for shown in ALL}


def _control(section: Section, shown: Control) -> Any:
    value = getattr(section, shown.name)
    look = {"description": shown.label, "tooltip": told(section, shown.name)}
    if isinstance(value, bool):
        return w.Checkbox(value, indent=False, layout=w.Layout(width="226px"), **look)
    if shown.name == "backend":
        return w.Dropdown(options=_BACKENDS, value=value, **look, **sized(226, 104))
    field = NumberField(section, shown.name, shown.label, shown.factor)
    if shown.name == "max_workers":
        field.tooltip += f" This machine has {cpu_count()} cores; more workers help tasks that wait."
    return field


def value_of(control: Any) -> Any:
    """Return what a control says of its setting; of a wrong box the last right value."""
    return control.number if isinstance(control, NumberField) else control.value


def put(control: Any, value: Any) -> None:
    """Show another value of the setting."""
    if isinstance(control, NumberField):
        control.put(value)
    else:
        control.value = value


def arranged(inputs: Mapping[str, Any], group: str) -> Any:
    """Return a group's controls, as many beside each other as there is room for."""
    every = [inputs[shown.name] for shown in GROUPS[group]]
    ticks = [one for one in every if isinstance(one, w.Checkbox)]
    rows = [[one for one in every if one not in ticks], ticks]
    return w.VBox([flow(*controls) for controls in rows if controls])


def settings_from(source: Settings, values: Mapping[str, Any]) -> Settings:
    """Return the settings with the controls' values.

    Parameters
    ----------
    source : Settings
        Gives everything that has no control.
    values : mapping
        Value by setting.

    Raises
    ------
    SettingsError
        A value does not fit; names the setting.
    """
    changed: dict[str, dict[str, Any]] = {}
    for shown in ALL:
        changed.setdefault(shown.section, {})[shown.name] = values[shown.name]
    sections = {name: getattr(source, name) for name in Settings.model_fields}
    for name, fresh in changed.items():
        sections[name] = type(sections[name])(**sections[name].model_dump() | fresh)
    return Settings(**sections)


def differences(before: Settings, after: Settings) -> str:
    """Say which settings differ; all of them by name, with both values."""
    pairs = [(one, one.of(before), one.of(after)) for one in ALL]
    changes = [f"{one.name} {plain(was)} → {plain(now)}" for one, was, now in pairs if was != now]
    return f"Changed: {', '.join(changes)}." if changes else "No setting is changed yet."


def plain(value: Any) -> str:
    """Write a setting's value."""
    return f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def code_of(settings: Settings) -> str:
    """Return Python that opens a desk with what these settings change of the defaults."""
    usual, changed = Settings(), dict[str, dict[str, Any]]()
    for one in ALL:
        if one.of(settings) != one.of(usual):
            changed.setdefault(one.section, {})[one.name] = one.of(settings)
    given = "".join(f"    {section}={values!r},\n" for section, values in changed.items())
    return (
        "from kit.desk import open_desk\n"
        "from kit.settings import Settings\n\n"
        f"settings = Settings({given and chr(10)}{given})\n"
        "desk = open_desk(settings)\n"
        "desk\n"
    )
