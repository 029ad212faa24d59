from __future__ import annotations

import base64
import hashlib
import hmac
import re

from hypothesis import given
from hypothesis import strategies as st

from streams.ingest.pseudonyms import Pseudonyms

KEY = bytes(range(32))


def test_a_pseudonym_is_the_first_128_bits_of_the_keyed_hash() -> None:
    expected = hmac.new(KEY, b"account\0slack\0ana", hashlib.sha256).digest()[:16]
    assert Pseudonyms(KEY).account("slack", "ana") == base64.urlsafe_b64encode(expected).decode().rstrip("=")


@given(st.text(), st.text())
def test_pseudonyms_are_short_safe_text(scope: str, name: str) -> None:
    for made in (Pseudonyms(KEY).account(scope, name), Pseudonyms(KEY).original(scope, name)):
        assert re.fullmatch(r"[A-Za-z0-9_-]{22}", made)


def test_other_keys_sources_and_purposes_give_other_pseudonyms() -> None:
    pseudonyms = Pseudonyms(KEY)
    made = [
        pseudonyms.account("slack", "ana"),
        pseudonyms.account("mail", "ana"),
        pseudonyms.person("ana"),
        pseudonyms.original("slack", "ana"),
        Pseudonyms(bytes(32)).account("slack", "ana"),
    ]
    assert len(set(made)) == 5


def test_a_fingerprint_depends_on_the_key() -> None:
    assert len(Pseudonyms(KEY).fingerprint(b"raw")) == 64
    assert Pseudonyms(KEY).fingerprint(b"raw") != Pseudonyms(bytes(32)).fingerprint(b"raw")
