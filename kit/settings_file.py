"""``kit.yaml`` as plain data: each thing said once, without references, no deeper than settings are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from kit.errors import SettingsError

_DEEPEST = 8  # levels; the kit's own settings have three
_MOST_BYTES = 2**16  # ten times all settings with comments; PyYAML reads 200 kB in a second
_SEE = "See docs/settings.md."
_MERGE = "tag:yaml.org,2002:merge"
_TEXT = "tag:yaml.org,2002:str"


class OnceLoader(yaml.SafeLoader):
    """PyYAML's safe loader, which lets the last of two equal keys win in silence, as one that does not."""

    what = "The settings file"

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Construct a mapping whose keys differ, and are words: YAML reads the key ``on`` as true."""
        seen: dict[str, int] = {}
        for key, _value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode) or key.tag == _MERGE:
                raise SettingsError(f"{self.what} has a key that is no word, at line {line}", None, _SEE)
            if key.value in seen:
                where = f"lines {seen[key.value]} and {line}"
                raise SettingsError(f"{self.what} has a key twice, at {where}", key.value, "Keep one.")
            seen[key.value], key.tag = line, _TEXT
        return super().construct_mapping(node, deep)

    def _number(self, node: yaml.ScalarNode) -> Any:
        """Construct a number; 15:10 and 010, which YAML reads as 910 and 8, stay the text that they are."""
        plain = node.value.lstrip("+-")
        if ":" in plain or (plain[:1] == "0" and plain[1:].isdigit()):
            return node.value
        whole = node.tag.endswith("int")
        return self.construct_yaml_int(node) if whole else self.construct_yaml_float(node)


for _tag in ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float"):
    OnceLoader.add_constructor(_tag, OnceLoader._number)


def read_once(text: str, what: str) -> Any:
    """Return what a YAML text says; `what` names it in errors.

    Raises
    ------
    SettingsError
        A key stands twice.
    YAMLError
        It is no YAML, or a value looks like a date and is none.
    """
    loader = OnceLoader(text)
    loader.what = what
    try:
        return loader.get_single_data()
    except SettingsError:
        raise
    except ValueError as error:  # 2024-13-01
        raise yaml.YAMLError(str(error)) from error
    finally:
        loader.dispose()


class _PlainLoader(OnceLoader):
    """The same without references and without end."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Compose a node that is no reference and not too deep."""
        if self.check_event(yaml.AliasEvent):
            raise self._wrong("has a reference (*name)", "Write the value out.")
        self.depth += 1
        if self.depth > _DEEPEST:
            raise self._wrong("is nested too deeply", _SEE)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def _wrong(self, what: str, remedy: str) -> SettingsError:
        mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
        where = f"line {mark.line + 1}, column {mark.column + 1}"
        return SettingsError(f"The settings file {what} at {where}", None, remedy)


def read_sections(file: Path) -> dict[str, Any]:
    """Return the sections of a settings file.

    Raises
    ------
    SettingsError
        It cannot be read, is not YAML, says a thing twice or by reference, or a section is empty.
    """
    try:
        content = yaml.load(_text(file), _PlainLoader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, ValueError) as error:
        if isinstance(error, SettingsError):
            raise
        raise SettingsError("The settings file is not YAML", str(file), _place(error)) from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise SettingsError("The settings file must hold named sections", str(file), _SEE)
    for name, section in content.items():
        if section is None:
            remedy = f"Write settings below it, or take it out. {_SEE}"
            raise SettingsError("A section of the settings file is empty", str(name), remedy)
    return {str(key): value for key, value in content.items()}


def _text(file: Path) -> str:
    if not file.is_file():
        raise SettingsError("There is no settings file here", str(file), "Check the path.")
    try:
        with file.open("rb") as stream:
            body = stream.read(_MOST_BYTES + 1)
    except OSError as error:
        raise SettingsError(
            "The settings file cannot be read", str(file), f"{error.strerror or error}."
        ) from error
    if len(body) > _MOST_BYTES:
        raise SettingsError("The settings file is larger than 64 KiB", str(file), _SEE)
    return body.decode("utf-8")


def _place(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    if mark:
        return f"Look at line {mark.line + 1}, column {mark.column + 1}."
    return (
        "It must be plain text." if isinstance(error, UnicodeError | yaml.YAMLError) else f"It has {error}."
    )
