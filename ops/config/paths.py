"""Makes the paths of a configuration absolute, so that it means the same in every process and folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import structs

if TYPE_CHECKING:
    from schemas.config import Config, Secret


def absolute(config: Config, folder: Path, beside: Path) -> Config:
    """Put state, keys and certificates under `folder`, and the directory `beside` the file, where they are relative.

    The settings of the sources are left to the sources.
    """

    def secret(one: Secret) -> Secret:
        return structs.replace(one, file=_join(folder, one.file))

    kafka, privacy = config.kafka, config.privacy
    return structs.replace(
        config,
        directory=_join(beside, config.directory),
        state=structs.replace(config.state, folder=_join(folder, config.state.folder)),
        kafka=structs.replace(
            kafka,
            sasl_password=secret(kafka.sasl_password),
            tls_ca=_join(folder, kafka.tls_ca),
            tls_certificate=_join(folder, kafka.tls_certificate),
            tls_key=_join(folder, kafka.tls_key),
        ),
        privacy=structs.replace(
            privacy,
            pseudonym_key=secret(privacy.pseudonym_key),
            deadletter_public_key=secret(privacy.deadletter_public_key),
        ),
        notification=tuple(structs.replace(one, url=secret(one.url)) for one in config.notification),
    )


def _join(folder: Path, name: str) -> str:
    return str(folder / Path(name).expanduser()) if name else ""
