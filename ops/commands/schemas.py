"""`jun schemas`: the JSON Schema of everything that flows or is configured."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 (cyclopts reads the annotations)

from ops.config.document import shown_name
from ops.json_schema import FOLDER
from ops.json_schema import drift as find_drift
from ops.json_schema import write as write_schemas
from streams.errors import OperatorError


def write(*, folder: Path = FOLDER) -> None:
    """Write the schemas anew from the program.

    Parameters
    ----------
    folder
        Where to; in a checkout, schemas/json.
    """
    changed = write_schemas(folder)
    print("\n".join(f"wrote {shown_name(file)}" for file in changed) or "nothing has changed")  # noqa: T201 (the answer)


def check(*, folder: Path = FOLDER) -> None:
    """Tell whether the schemas are what the program says.

    Parameters
    ----------
    folder
        Where they are; in a checkout, schemas/json.
    """
    stale = find_drift(folder)
    if stale:
        raise OperatorError(
            f"the schemas in {shown_name(folder)} as the program makes them",
            f"these differ: {', '.join(file.name for file in stale)}",
            "run `jun schemas write`",
            retry=False,
        )
    print(f"the schemas in {shown_name(folder)} are good")  # noqa: T201 (the answer)
