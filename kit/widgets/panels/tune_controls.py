"""The controls of the tuning panel: which settings it shows, and settings from their values."""

from __future__ import annotations

from typing import Any

import ipywidgets as w

from kit.settings import Section, Settings

LIFETIMES = {
    "ltp_ttl": "Last price",
    "atm_ttl": "At the money",
    "options_chain_ttl": "Option chain",
    "historical_data_ttl": "Candles",
    "search_ttl": "Search",
    "instruments_ttl": "Instruments",
    "default_ttl": "All others",
}
CONNECTIONS = {"pool_size": "Pool size", "max_retries": "Retries", "timeout": "Time-out (s)"}
WORKERS = {"max_workers": "Workers", "backend": "Backend"}
SECTIONS = {"cache_config": LIFETIMES, "connection_pool": CONNECTIONS, "workers": WORKERS}
_TITLES = {
    "cache_config": "Cache lifetimes (seconds)",
    "connection_pool": "Connections",
    "workers": "Workers",
}
_RANGES = {"pool_size": (1, 64), "max_retries": (0, 10), "max_workers": (1, 32)}
_BACKENDS = ("serial", "threads", "processes", "dask")


def controls(settings: Settings) -> dict[str, Any]:
    """Return a control for every setting shown, by the setting's name."""
    return {
        name: _control(getattr(settings, section), name, label)
        for section, rows in SECTIONS.items()
        for name, label in rows.items()
    }


def _control(section: Section, name: str, label: str) -> Any:
    """Return the control of one setting; a number is not clipped, so that a wrong one is explained."""
    told = type(section).model_fields[name].description or ""
    look = {
        "description": label,
        "tooltip": f"{name}: {told}",
        "style": {"description_width": "88px"},
        "layout": w.Layout(width="300px" if name in _RANGES else "196px"),
    }
    value = getattr(section, name)
    if name == "backend":
        return w.Dropdown(options=_BACKENDS, value=value, **look)
    if name in _RANGES:
        low, high = _RANGES[name]
        return w.IntSlider(value, low, max(high, value), **look)
    return w.FloatText(value, **look)


def arranged(inputs: dict[str, Any]) -> Any:
    """Return the controls under their headings, side by side where there is room."""
    blocks = []
    for section, rows in SECTIONS.items():
        columns = "repeat(2, auto)" if len(rows) > 4 else "auto"
        grid = w.GridBox([inputs[name] for name in rows], layout=w.Layout(grid_template_columns=columns))
        blocks.append(w.VBox([w.HTML(f"<h4>{_TITLES[section]}</h4>"), grid]))
    return w.HBox(blocks, layout=w.Layout(flex_flow="row wrap", grid_gap="0 24px"))


def settings_from(source: Settings, values: dict[str, Any]) -> Settings:
    """Return the settings with the controls' values.

    Parameters
    ----------
    source : Settings
        Gives everything that has no control.
    values : dict
        Value by setting.

    Raises
    ------
    SettingsError
        A value does not fit; names the setting.
    """
    changed: dict[str, Section] = {}
    for section, rows in SECTIONS.items():
        before = getattr(source, section)
        changed[section] = type(before)(**before.model_dump() | {name: values[name] for name in rows})
    kept = {name: getattr(source, name) for name in Settings.model_fields}
    return Settings(**kept | changed)


def differences(before: Settings, after: Settings) -> str:
    """Say which settings differ; all of them by name, with both values."""
    changes = []
    for section, rows in SECTIONS.items():
        old, new = getattr(before, section), getattr(after, section)
        pairs = ((name, getattr(old, name), getattr(new, name)) for name in rows)
        changes += [f"{name} {_plain(was)} → {_plain(now)}" for name, was, now in pairs if was != now]
    return f"Changed: {', '.join(changes)}." if changes else "No setting is changed yet."


def _plain(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"
