"""Who fetched a picture or a link: the recipient's own program, or a machine that looks at mails before they do.

Apple's Mail Privacy Protection fetches all pictures of a mail when it arrives, and calls itself exactly `Mozilla/5.0`.
Scanners of mail gateways and previews of messengers name themselves. The picture proxies of Gmail and Yahoo fetch when
somebody reads, and so are people.
"""

from __future__ import annotations

import re
from typing import Final

APPLE: Final = "Mozilla/5.0"

_SCANNERS: Final = re.compile(
    r"barracuda|mimecast|proofpoint|symantec|trendmicro|trend micro|sophos|fortinet|forcepoint|messagelabs|cloudmark"
    r"|bitdefender|zscaler|safelinks|urldefense|virustotal|headlesschrome|phantomjs|python-requests|python-urllib"
    r"|aiohttp|go-http-client|okhttp|libwww|curl/|wget/|java/|bingpreview|googlebot|bingbot|crawler|spider"
    r"|slackbot|facebookexternalhit|twitterbot|linkedinbot|whatsapp/|telegrambot|skypeuripreview|discordbot",
    re.IGNORECASE,
)


def by_machine(agent: str) -> bool:
    """Say whether a user agent is a machine's; one that is not named may be anybody's."""
    return agent.strip() == APPLE or _SCANNERS.search(agent) is not None
