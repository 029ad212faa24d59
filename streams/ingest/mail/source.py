"""The source `mail`: one provider's calls, proved and read by that provider's module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Literal

from msgspec import Meta, field

from schemas.codec import UnreadableError
from schemas.config import Secret
from streams.ingest.mail.mailgun import Mailgun
from streams.ingest.mail.mailjet import Mailjet
from streams.ingest.mail.mandrill import Mandrill
from streams.ingest.mail.postmark import Postmark
from streams.ingest.mail.sendgrid import SendGrid
from streams.ingest.mail.ses import Ses
from streams.ingest.mail.sparkpost import SparkPost
from streams.ingest.push import PushSettings, PushSource, forged
from streams.ingest.rereading import rereader_of_several
from streams.ingest.source import Item, Rereader, SourceKind

if TYPE_CHECKING:
    from aiohttp import web

    from streams.ingest.mail.happening import Provider
    from streams.ingest.source import Surroundings
    from streams.ingest.submission import Submission

SHORTEST: Final = 12


class MailSettings(PushSettings, frozen=True, kw_only=True, tag="mail"):
    """What a mail provider tells of the mails that it sends for you."""

    provider: Annotated[
        Literal["ses", "sendgrid", "mailgun", "postmark", "mailjet", "mandrill", "sparkpost"],
        Meta(description="who sends the mails"),
    ]
    secret: Annotated[
        Secret,
        Meta(
            description="what proves the calls: the signing key (mailgun, mandrill), the verification key (sendgrid), "
            "user:password (postmark, mailjet, sparkpost); none for ses"
        ),
    ] = field(default_factory=Secret)
    topics: Annotated[tuple[str, ...], Meta(description="ARNs of the SNS topics that SES publishes to")] = ()
    url: Annotated[str, Meta(description="address that mandrill calls, exactly as it stands there")] = ""
    replay_seconds: Annotated[
        float,
        Meta(
            gt=0,
            le=7 * 86_400,
            description="how old a call of sendgrid or mailgun may be; they repeat for a day (seconds)",
        ),
    ] = 86_400


class MailSource(PushSource):
    """Takes what one provider sends."""

    methods: ClassVar[tuple[str, ...]] = ("POST", "HEAD")

    def __init__(self, settings: MailSettings, surroundings: Surroundings) -> None:
        super().__init__(settings, surroundings)
        self._mail = settings
        self._provider: Provider | None = None

    def prepare(self) -> None:
        """Read the secret of the provider."""
        self._provider = Ses(self._mail.topics) if self._mail.provider == "ses" else self._with_secret()

    def _with_secret(self) -> Provider:
        mail = self._mail
        secret = self.secret(mail.secret, "secret", SHORTEST)
        match mail.provider:
            case "sendgrid":
                return SendGrid(secret, mail.replay_seconds)
            case "mailgun":
                return Mailgun(secret, mail.replay_seconds)
            case "mandrill":
                return Mandrill(secret, mail.url)
            case "postmark":
                return Postmark(secret)
            case "mailjet":
                return Mailjet(secret)
            case _:
                return SparkPost(secret)

    def trouble(self, now: int) -> str:
        """Say that calls prove nothing, or what the provider has said."""
        return (self._provider.trouble if self._provider else "") or super().trouble(now)

    async def read(self, request: web.BaseRequest, body: bytes) -> list[Item] | web.StreamResponse:
        """Prove the call and give its happenings, each readable or with its fault."""
        provider = self._provider
        assert provider is not None  # noqa: S101 (prepare comes first)
        try:
            early = await provider.prove(request, body, self.clock())
        except UnreadableError as fault:  # anybody may send what is not even signed
            raise forged(str(fault)) from fault
        if early is not None:
            return early
        items: list[Item] = []
        for index, raw in enumerate(provider.parts(body)):
            place = f"POST {self.path}, event {index}"
            try:
                items += [Item(raw, place, submission) for submission in self.submissions(raw)]
            except UnreadableError as fault:
                items.append(Item(raw, place, fault))
        return items

    def submissions(self, raw: bytes) -> list[Submission]:
        """Give what became of mails by one part of a body; raises UnreadableError."""
        assert self._provider is not None  # noqa: S101 (prepare comes first)
        return [happening.submission() for happening in self._provider.happenings(raw)]


def build(settings: MailSettings, surroundings: Surroundings) -> list[MailSource]:
    """Make the source."""
    return [MailSource(settings, surroundings)]


def rereader(settings: MailSettings, surroundings: Surroundings) -> Rereader:
    """Make what reads a refused happening again; its call was proved when it came."""
    source = MailSource(settings, surroundings)
    source.prepare()
    return rereader_of_several(source.submissions)


KIND: Final = SourceKind(MailSettings, build, rereader)
