"""`jun key`: the keys of pseudonyms and dead letters."""

from __future__ import annotations

from pathlib import Path

from streams.keys import new_keys, next_key

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


def following(folder: Path, /) -> None:
    """Make the pseudonyms' key that is to take the present one's place at a stated time.

    For the overlap both are needed, and nobody is counted twice; after it the old one is to be destroyed.

    Parameters
    ----------
    folder
        Where to; it must not have a key already.
    """
    made = next_key(folder)
    print(  # noqa: T201 (the answer)
        f"made {made}; put into the jun.toml of every source, before the time that you choose:\n\n"
        "[privacy]\n"
        f'pseudonym_key = {{ file = "{made}" }}\n'
        "pseudonym_key_since = 2027-01-01T00:00:00Z   # a moment ahead, the same everywhere\n"
        'previous_pseudonym_key = { file = "the key until then" }\n\n'
        "pseudonym_overlap_days (28) after that moment remove the last two, and destroy the old key."
    )
