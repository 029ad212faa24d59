"""Reads raw TOML values into structs and collects every fault on the way, where msgspec would stop at the first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Generic, TypeVar, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, Struct

from ops.config.problems import Problem
from ops.config.words import bare, came, is_table, is_union, sentence, suggestion, wanted
from schemas.config import Secret
from schemas.directory import Account

if TYPE_CHECKING:
    from ops.config.locate import Path

S = TypeVar("S", bound=Struct)

_UNSHOWN: Final = (Secret, Account)
"""Structs whose values no fault may quote."""

_SECRET_WORDS: Final = ("secret", "password", "token", "key", "credential")
_DROPPED: Final = object()


def may_be_shown(path: Path) -> bool:
    """Tell whether a value under `path` may stand in a message: not where a key's name sounds like a secret."""
    return not any(word in key.lower() for key in path if isinstance(key, str) for word in _SECRET_WORDS)


class Salvage(Generic[S]):
    """What could be read, so that rules can look at the rest of a file with faults in it.

    A wrong setting that has a default is read as the default; one that has none takes its table with it. `value` is
    None where nothing is left. `problems` is empty where everything could be read.
    """

    def __init__(self, kind: type[S], raw: dict[str, Any]) -> None:
        self.problems: list[Problem] = []
        self._kept: dict[Path, list[int]] = {}
        clean = self._struct(kind, raw, ())
        self.value: S | None = None if clean is _DROPPED else self._whole(kind, clean)

    def original(self, path: Path) -> Path:
        """Turn a path into `value` to one into the raw values: lists have lost their wrong entries."""
        before: Path = ()
        for key in path:
            kept = self._kept.get(before)
            before = (*before, kept[key] if kept and isinstance(key, int) else key)
        return before

    def of(self, problem: Problem) -> Problem:
        """Turn a problem of `value` into one of the raw values."""
        return Problem(self.original(problem.path), problem.text)

    def _whole(self, kind: type[S], clean: Any) -> S | None:
        """Build the struct, which may have a rule of its own about its settings together."""
        try:
            return msgspec.convert(clean, kind)
        except msgspec.ValidationError as error:
            self._say((), sentence(str(error)))
            return None

    def _say(self, path: Path, text: str) -> Any:
        self.problems.append(Problem(path, text))
        return _DROPPED

    def _struct(self, kind: type[Struct], raw: Any, path: Path) -> Any:
        if not isinstance(raw, dict):
            names = " or ".join(field.encode_name for field in msgspec.structs.fields(kind))
            hint = f" with {names}" if issubclass(kind, Secret) else ""
            return self._say(path, f"must be a table{hint}, but is {came(raw, shown=False)}.")
        fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
        for key in raw:
            if key not in fields:
                self._say((*path, key), f"is not a setting.{suggestion(key, list(fields))}")
        clean: Any = {}
        whole = True
        for name, field in fields.items():
            value: Any = _DROPPED
            required = field.default is NODEFAULT and field.default_factory is NODEFAULT
            if name in raw:
                value = self._value(field.type, raw[name], (*path, name), shown=kind not in _UNSHOWN)
            elif required:
                self._say((*path, name), f"is missing: it must be {wanted(field.type)}.")
            if value is not _DROPPED:
                clean[name] = value
            elif required:
                whole = False
        return clean if whole else _DROPPED

    def _value(self, kind: Any, raw: Any, path: Path, *, shown: bool) -> Any:
        inner, meta = bare(kind)
        if is_union(inner):
            inner = _choice(inner, raw)
        if is_table(inner):
            return self._struct(inner, raw, path)
        if get_origin(inner) is not tuple or not isinstance(raw, list):
            return self._leaf(Annotated[inner, meta], raw, path, kind, shown=shown)
        if self._leaf(Annotated[tuple[Any, ...], meta], raw, path, kind, shown=shown) is _DROPPED:
            return _DROPPED
        item = get_args(inner)[0]
        items = [self._value(item, entry, (*path, index), shown=shown) for index, entry in enumerate(raw)]
        kept = [index for index, entry in enumerate(items) if entry is not _DROPPED]
        self._kept[path] = kept
        if meta.min_length and len(kept) < meta.min_length:
            return _DROPPED
        return [items[index] for index in kept]

    def _leaf(self, checked: Any, raw: Any, path: Path, told: Any, *, shown: bool) -> Any:
        try:
            msgspec.convert(raw, checked)
        except msgspec.ValidationError:
            got = came(raw, shown=shown and may_be_shown(path))
            near = suggestion(raw, [str(choice) for choice in get_args(bare(told)[0])]) if isinstance(raw, str) else ""
            return self._say(path, f"must be {wanted(told)}, but is {got}.{near}")
        return raw


def _choice(union: Any, raw: Any) -> Any:
    """Pick the member of a union that `raw` was meant for; the whole union where its looks don't tell."""
    for member in get_args(union):
        inner, _ = bare(member)
        if (isinstance(raw, list) and get_origin(inner) is tuple) or (isinstance(raw, dict) and is_table(inner)):
            return inner
    return union
