"""Settings from the environment, which win over the file: JUN_KAFKA__BOOTSTRAP_SERVERS is kafka.bootstrap_servers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct

from ops.config.problems import Fault
from ops.config.structure import may_be_shown
from ops.config.words import bare, came, is_table, suggestion, wanted
from schemas.config import Config

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX: Final = "JUN_"
SEPARATOR: Final = "__"
_SHOWN: Final = "environment"


def variables(kind: type[Struct] = Config, before: tuple[str, ...] = ()) -> dict[str, tuple[tuple[str, ...], Any]]:
    """Give every variable that is listened to, with the path of its setting and its type; lists have none."""
    found: dict[str, tuple[tuple[str, ...], Any]] = {}
    for setting in msgspec.structs.fields(kind):
        path = (*before, setting.encode_name)
        inner, _ = bare(setting.type)
        if is_table(inner):
            found |= variables(inner, path)
        elif msgspec.inspect.type_info(inner).__class__ is not msgspec.inspect.VarTupleType:
            found[PREFIX + SEPARATOR.join(path).upper()] = (path, setting.type)
    return found


def apply(values: dict[str, Any], environ: Mapping[str, str]) -> tuple[dict[str, Any], list[Fault]]:
    """Lay the environment's settings over a file's values; a variable that means nothing is a fault."""
    known = variables()
    faults = []
    for name in sorted(environ):
        if name in known:
            path, kind = known[name]
            try:
                value = msgspec.convert(environ[name], kind, strict=False)
            except msgspec.ValidationError:
                got = came(environ[name], shown=may_be_shown(path))
                faults.append(Fault(_SHOWN, 0, name, f"must be {wanted(kind)}, but is {got}."))
                continue
            values = _with(values, path, value)
        elif name.startswith(PREFIX) and SEPARATOR in name:
            faults.append(Fault(_SHOWN, 0, name, f"is not a setting.{suggestion(name, list(known))}"))
    return values, faults


def _with(values: dict[str, Any], path: tuple[str, ...], value: Any) -> dict[str, Any]:
    first, *rest = path
    if not rest:
        return {**values, first: value}
    below = values.get(first, {})
    return {**values, first: _with(below if isinstance(below, dict) else {}, tuple(rest), value)}
