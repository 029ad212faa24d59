"""Source `microsoft`: change notifications of Microsoft Graph for messages in Teams and Viva Engage."""

from streams.ingest.microsoft.source import KIND

__all__ = ["KIND"]
