"""Takes the text out of HTML, as people would read it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Final

BREAKS: Final = frozenset({"br", "p", "div", "li", "ul", "ol", "blockquote", "tr", "td", "th", "h1", "h2", "h3", "pre"})
"""What stands on a line of its own, so that words on both sides are two."""
_TAGS: Final = re.compile(r"<[^<>]*>")
HIDDEN: Final = frozenset({"script", "style"})


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self._hidden += tag in HIDDEN
        if tag in BREAKS:
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        self._hidden = max(0, self._hidden - (tag in HIDDEN))
        if tag in BREAKS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(data)


def plain(markup: str) -> str:
    """Give the text of HTML, broken HTML included; what is no HTML stays as it is."""
    if "<" not in markup and "&" not in markup:
        return markup
    reader = _Text()
    try:
        reader.feed(markup)
        reader.close()
    except AssertionError:  # html.parser's answer to a marked section that nobody knows
        return _TAGS.sub(" ", markup).strip()
    return "".join(reader.parts).strip()
