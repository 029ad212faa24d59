"""Amazon SNS: proof that a message is Amazon's, and the confirmation of a subscription.

https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html. Certificates are fetched from Amazon's
own hosts only, for the regions of the topics that are configured, and once each.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import aiohttp
import structlog
from aiohttp import web
from msgspec import Struct, field

from streams.errors import OperatorError
from streams.ingest.extras import needed
from streams.ingest.push import RejectedError, forged
from streams.ingest.signatures import from_base64
from streams.ingest.typed import Typed

if TYPE_CHECKING:
    from collections.abc import Sequence

ARN: Final = re.compile(r"^arn:aws(?:-cn|-us-gov)?:sns:([a-z0-9-]+):\d{12}:[\w.-]+$")
CERTIFICATE: Final = re.compile(r"^/SimpleNotificationService-[\w-]+\.pem$")
LARGEST: Final = 64 * 1024
PATIENCE: Final = 5.0
"""Seconds that Amazon has for a certificate or a confirmation."""
KEPT: Final = 16
"""Certificates that are kept."""
HASHES: Final = {"1": "SHA1", "2": "SHA256"}
"""By SignatureVersion."""

log = structlog.get_logger(__name__)


class Notice(Struct, rename="pascal"):
    """What SNS sends; times are Amazon's."""

    type: str
    message: str
    message_id: str
    topic_arn: str
    timestamp: str
    signature_version: str
    signature: str
    signing_cert_url: str = field(name="SigningCertURL")
    subject: str | None = None
    token: str | None = None
    subscribe_url: str | None = field(name="SubscribeURL", default=None)

    def signed(self) -> bytes:
        """Give the text that is signed."""
        names = ["Message", "MessageId", "Timestamp", "TopicArn", "Type"]
        values = [self.message, self.message_id, self.timestamp, self.topic_arn, self.type]
        if self.type == "Notification":
            more = [("Subject", self.subject)]
        else:
            more = [("SubscribeURL", self.subscribe_url), ("Token", self.token)]
        pairs = [*zip(names, values, strict=True), *((name, value) for name, value in more if value is not None)]
        return "".join(f"{name}\n{value}\n" for name, value in sorted(pairs)).encode()


notices: Final[Typed[Notice]] = Typed(Notice)


async def fetch(url: str) -> bytes:
    """Get something from Amazon; raises RejectedError, so that Amazon sends its message again."""
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE)) as client,
            client.get(url, allow_redirects=False) as got,
        ):
            body = await got.content.read(LARGEST)
            if got.status == 200:
                return body
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        log.warning("sns.away", error=type(error).__name__)
    raise RejectedError(503, "Amazon did not answer; send the same again later", headers={"Retry-After": "5"})


class Sns:
    """Checks what comes for some topics, and confirms their subscriptions."""

    def __init__(self, topics: Sequence[str]) -> None:
        """Take the ARNs of the topics. Raises OperatorError."""
        self._x509 = needed("cryptography.x509", "the signatures of Amazon SNS")
        self._hashes = needed("cryptography.hazmat.primitives.hashes", "the signatures of Amazon SNS")
        self._padding = needed("cryptography.hazmat.primitives.asymmetric.padding", "the signatures of Amazon SNS")
        self._rsa = needed("cryptography.hazmat.primitives.asymmetric.rsa", "the signatures of Amazon SNS")
        self._invalid = needed("cryptography.exceptions", "the signatures of Amazon SNS").InvalidSignature
        self._regions = {topic: found.group(1) for topic in topics if (found := ARN.match(topic))}
        if not topics or len(self._regions) != len(topics):
            raise OperatorError(
                "the ARNs of the SNS topics in `topics`, such as arn:aws:sns:eu-west-1:123456789012:mail",
                "there is none, or something else",
                "copy them from the list of topics at Amazon SNS",
                retry=False,
            )
        self._certificates: dict[str, Any] = {}
        self._fetching = asyncio.Lock()

    async def check(self, notice: Notice, now: int) -> None:
        """Raise RejectedError where the notice is not Amazon's (`now` in ms)."""
        region = self._regions.get(notice.topic_arn)
        if region is None:
            raise forged("wanted a topic out of `topics`")
        hash_name = HASHES.get(notice.signature_version)
        signature = from_base64(notice.signature)
        if hash_name is None or not signature:
            raise forged("wanted a signature of version 1 or 2")
        if not (_is_amazons(notice.signing_cert_url, region) and CERTIFICATE.match(_path(notice.signing_cert_url))):
            raise forged(f"wanted a certificate from https://{_host(region)}")
        certificate = await self._certificate(notice.signing_cert_url)
        moment = dt.datetime.fromtimestamp(now / 1000, dt.UTC)
        key = certificate.public_key()
        if not certificate.not_valid_before_utc <= moment <= certificate.not_valid_after_utc:
            raise forged("wanted a certificate that is valid now")
        if not isinstance(key, self._rsa.RSAPublicKey):
            raise forged("wanted a certificate with an RSA key")
        try:
            key.verify(signature, notice.signed(), self._padding.PKCS1v15(), getattr(self._hashes, hash_name)())
        except self._invalid:
            raise forged("wanted a signature of Amazon SNS") from None

    async def confirm(self, notice: Notice) -> web.StreamResponse:
        """Confirm a subscription whose notice has been checked."""
        url = notice.subscribe_url or ""
        if not _is_amazons(url, self._regions[notice.topic_arn]):
            raise forged("wanted a SubscribeURL at Amazon SNS")
        await fetch(url)
        log.info("sns.subscribed", topic=notice.topic_arn)
        return web.Response()

    async def _certificate(self, url: str) -> Any:
        # What is known waits for no other: a forged notice may have one fetched that does not come.
        if url in self._certificates:
            return self._certificates[url]
        async with self._fetching:
            known = self._certificates.get(url)
            if known is None:
                try:
                    known = self._x509.load_pem_x509_certificate(await fetch(url))
                except ValueError:
                    raise forged("wanted a certificate in PEM") from None
                if len(self._certificates) >= KEPT:
                    del self._certificates[next(iter(self._certificates))]
                self._certificates[url] = known
        return known


def _host(region: str) -> str:
    return f"sns.{region}.amazonaws.com" + (".cn" if region.startswith("cn-") else "")


def _is_amazons(url: str, region: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    return parts.scheme == "https" and parts.netloc == _host(region) and port is None


def _path(url: str) -> str:
    return urlsplit(url).path if "?" not in url and "#" not in url else ""
