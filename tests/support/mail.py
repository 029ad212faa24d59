"""Callers that sign as the providers of mails do, each written from its documentation."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

if TYPE_CHECKING:
    from collections.abc import Mapping

SECRET = "user:password-of-the-tests"
URL = "https://jun.example/v1/mail/posts"
SENDGRID_KEY = ec.generate_private_key(ec.SECP256R1())


def sendgrid_public() -> str:
    """Give the key as SendGrid shows it."""
    public = SENDGRID_KEY.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return base64.b64encode(public).decode()


def sendgrid(body: bytes, seconds: int) -> Mapping[str, str]:
    """Give the headers of SendGrid."""
    signature = SENDGRID_KEY.sign(str(seconds).encode() + body, ec.ECDSA(hashes.SHA256()))
    return {
        "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
        "X-Twilio-Email-Event-Webhook-Timestamp": str(seconds),
        "Content-Type": "application/json",
    }


def basic(body: bytes, seconds: int) -> Mapping[str, str]:
    """Give the headers of Postmark, Mailjet and SparkPost."""
    del body, seconds
    return {"Authorization": "Basic " + base64.b64encode(SECRET.encode()).decode()}


def mailgun(event: object, seconds: int, token: str = "t" * 50) -> bytes:
    """Give the body of Mailgun."""
    signature = hmac.new(SECRET.encode(), f"{seconds}{token}".encode(), hashlib.sha256).hexdigest()
    given = {"timestamp": str(seconds), "token": token, "signature": signature}
    return json.dumps({"signature": given, "event-data": event}).encode()


def mandrill(events: bytes, url: str = URL) -> tuple[bytes, Mapping[str, str]]:
    """Give body and headers of Mandrill."""
    signed = url + "mandrill_events" + events.decode()
    signature = base64.b64encode(hmac.new(SECRET.encode(), signed.encode(), hashlib.sha1).digest()).decode()
    body = urlencode({"mandrill_events": events.decode()}).encode()
    return body, {"X-Mandrill-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"}
