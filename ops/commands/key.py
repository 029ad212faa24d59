"""`jun key`: the keys of pseudonyms and dead letters."""

from __future__ import annotations

from pathlib import Path

from streams.keys import new_keys

DEFAULT = Path("keys")


def new(folder: Path = DEFAULT, /) -> None:
    """Make new keys in a folder; what is there is never overwritten.

    The pseudonyms' key must stay the same and secret: with another one everybody is counted as a new person. The
    private key of the dead letters belongs to who may read refused inputs, and needs not be on this machine.

    Parameters
    ----------
    folder
        Where to; made where it is not there.
    """
    pseudonyms, private, public = new_keys(folder)
    print(  # noqa: T201 (the answer)
        f"made {pseudonyms}, {private} and {public}; put into jun.toml:\n\n"
        "[privacy]\n"
        f'pseudonym_key = {{ file = "{pseudonyms}" }}\n'
        f'deadletter_public_key = {{ file = "{public}" }}\n\n'
        f"Keep {private} where refused inputs are looked at, and off the other machines."
    )
