"""Opens the encrypted content of a change notification.

A symmetric key comes encrypted to our certificate (RSA, OAEP with SHA-1 and MGF1); with it the content is signed
(HMAC-SHA-256) and encrypted (AES-CBC, PKCS #7; the initial vector is the key's first 16 bytes). The signature is
checked first: https://learn.microsoft.com/graph/change-notifications-with-resource-data.
"""

from __future__ import annotations

import hmac
from typing import Any, Final

from msgspec import Struct

from streams.errors import OperatorError
from streams.ingest.extras import needed
from streams.ingest.push import forged
from streams.ingest.signatures import from_base64

BLOCK: Final = 16
WANTED_FOR: Final = "the content of Microsoft's notifications"


class Encrypted(Struct, rename="camel"):
    """What stands in `encryptedContent`, all in base64."""

    data: str = ""
    data_key: str = ""
    data_signature: str = ""


class Opener:
    """Has the private key."""

    def __init__(self, pem: str) -> None:
        """Read an RSA key in PEM; raises OperatorError."""
        serialization = needed("cryptography.hazmat.primitives.serialization", WANTED_FOR)
        rsa = needed("cryptography.hazmat.primitives.asymmetric.rsa", WANTED_FOR)
        padding = needed("cryptography.hazmat.primitives.asymmetric.padding", WANTED_FOR)
        hashes = needed("cryptography.hazmat.primitives.hashes", WANTED_FOR)
        self._ciphers = needed("cryptography.hazmat.primitives.ciphers", WANTED_FOR)
        self._unpadders = needed("cryptography.hazmat.primitives.padding", WANTED_FOR)
        try:
            key = serialization.load_pem_private_key(pem.encode(), None)
        except (ValueError, TypeError):
            key = None
        if not isinstance(key, rsa.RSAPrivateKey):
            raise OperatorError(
                "an RSA private key in PEM, without a passphrase, in `private_key`",
                "something else came",
                "make one with: openssl req -x509 -newkey rsa:2048 -noenc -keyout graph.key -out graph.crt",
                retry=False,
            )
        self._key: Any = key
        sha1 = hashes.SHA1()  # what Microsoft uses; OAEP does not need more of it
        self._oaep = padding.OAEP(padding.MGF1(sha1), sha1, None)

    def open(self, content: Encrypted) -> bytes:
        """Give the content; raises RejectedError where it is not signed with a key that was meant for us."""
        wrapped, data, signature = map(from_base64, (content.data_key, content.data, content.data_signature))
        try:
            key = self._key.decrypt(wrapped or b"", self._oaep)
        except ValueError:
            key = b""
        expected = hmac.digest(key or bytes(BLOCK), data or b"", "sha256")
        if len(key) not in {16, 24, 32} or not hmac.compare_digest(signature or b"", expected):
            raise forged("wanted content that is encrypted to the certificate of `private_key`, and signed")
        try:
            modes = self._ciphers.modes
            decryptor = self._ciphers.Cipher(self._ciphers.algorithms.AES(key), modes.CBC(key[:BLOCK])).decryptor()
            padded = decryptor.update(data) + decryptor.finalize()
            unpadder = self._unpadders.PKCS7(BLOCK * 8).unpadder()
            opened: bytes = unpadder.update(padded) + unpadder.finalize()
        except ValueError:
            raise forged("wanted content in whole blocks") from None
        return opened
