"""Source `mail`: what became of mails, as the sender's provider tells it: delivered, opened, clicked, bounced."""

from streams.ingest.mail.source import KIND

__all__ = ["KIND"]
