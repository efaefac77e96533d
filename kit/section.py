"""One group of settings: frozen, strict about names and numbers, with errors in the kit's own form."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError, ValidationInfo, field_validator

from kit.errors import SettingsError

_OF_A_SECTION = re.compile(
    r"\w+(?P<key>(\.\w+)*) (?P<wrong>does not accept|is missing|has no setting of this name)"
)


class Section(BaseModel):
    """One frozen group of settings that refuses keys it does not know.

    Raises
    ------
    SettingsError
        A key is unknown or a value does not fit; names both and what was meant.
    """

    is_secret: ClassVar[bool] = False
    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)

    def __init__(self, **values: Any) -> None:
        refused = None
        try:
            super().__init__(**values)
        except ValidationError as error:
            refused = _explained(error, type(self))
        if refused:  # raised out here, so that the refused values do not stay behind it as its context
            values.clear()  # nor in this frame, which a verbose traceback shows
            raise refused

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_value(cls, value: Any, info: ValidationInfo) -> Any:
        """Refuse ``true`` where a number belongs; Python takes it for 1."""
        if isinstance(value, bool) and _is_number(cls.model_fields[str(info.field_name)].annotation):
            raise SettingsError(f"{cls.__name__}.{info.field_name} does not accept", value, "Write a number.")
        return value


def _is_number(annotation: Any) -> bool:
    """Tell whether a field takes numbers and no truth values."""
    parts = {annotation, *get_args(annotation)}
    parts |= {part for each in get_args(annotation) for part in get_args(each)}  # of Annotated
    return bool(parts & {int, float}) and bool not in parts


def _explained(error: ValidationError, section: type[Section]) -> SettingsError:
    """Turn the first complaint into the kit's form; the input of a secret is never repeated."""
    complaints = error.errors(include_url=False)
    first = min(complaints, key=lambda complaint: complaint["type"] != "extra_forbidden")  # typos before gaps
    own = first.get("ctx", {}).get("error")
    if isinstance(own, SettingsError):  # of a section within, or of a check of ours
        return _placed(own, section, first["loc"])
    where = ".".join(str(part) for part in first["loc"] if "[" not in str(part))  # of unions and validators
    if first["type"] == "missing":
        return SettingsError(f"{section.__name__}.{where} is missing", None, "Add it.")
    if first["type"] != "extra_forbidden":
        value = None if section.is_secret else first["input"]
        return SettingsError(f"{section.__name__}.{where} does not accept", value, _remedy(first))
    known = list(section.model_fields)
    close = difflib.get_close_matches(where, known, n=1)
    meant = f"Did you mean {close[0]!r}?" if close else f"It knows: {', '.join(known)}."
    return SettingsError(f"{section.__name__} has no setting of this name", where, meant)


def _below(section: type[Section]) -> Iterator[type[Section]]:
    for one in section.__subclasses__():
        yield from (one, *_below(one))


def _remedy(complaint: Mapping[str, Any]) -> str:
    """Say what would be accepted: of a section its keys, not what a library calls it."""
    name = complaint.get("ctx", {}).get("class_name")
    keys = {one.__name__: list(one.model_fields) for one in _below(Section)}
    return f"Write its keys: {', '.join(keys[name])}." if name in keys else f"{complaint['msg']}."


def _placed(error: SettingsError, section: type[Section], place: tuple[int | str, ...]) -> SettingsError:
    """Name the key of a section within as its reader wrote it: from the outermost section down."""
    told = _OF_A_SECTION.fullmatch(error.what)
    if told is None:
        return error.with_traceback(None)
    path = [str(part) for number, part in enumerate(place) if number == 0 or isinstance(part, int)]
    what = f"{'.'.join([section.__name__, *path])}{told['key']} {told['wrong']}"
    return SettingsError(what, error.value, error.remedy)
