"""Sites that visitors come from: the operator's database, or a short list of large ones."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec


class Source(msgspec.Struct, frozen=True):
    """One site in a database of referrers.

    Args:
        domains: hosts, whose subdomains count too; each may carry the beginning of a path.
        parameters: of the query, in which the search term stands.
    """

    domains: list[str] = []
    parameters: list[str] | None = None


class Referrer(NamedTuple):
    """What is known of a site that visitors come from.

    Args:
        medium: ``search``, ``social``, ``email``, ``paid``, ``chatbot`` or another word of the database.
        source: its name.
        parameters: of the query, in which the search term stands.
    """

    medium: str
    source: str
    parameters: tuple[str, ...] = ()


Database = Mapping[str, Mapping[str, Source]]
"""Sources by medium and name."""

_SEARCH = ["q", "query"]
_GOOGLE = (
    *("com", "co.uk", "de", "fr", "es", "it", "nl", "pl", "se", "dk", "no", "fi", "at", "ch", "be", "ie", "pt", "cz"),
    *("ca", "com.mx", "com.br", "com.ar", "co.in", "co.jp", "co.kr", "com.au", "co.nz", "co.za", "com.tr"),
)

LARGE_SITES: Database = {
    "search": {
        "Google": Source([f"google.{end}" for end in _GOOGLE], _SEARCH),
        "Bing": Source(["bing.com"], _SEARCH),
        "DuckDuckGo": Source(["duckduckgo.com"], ["q"]),
        "Yahoo!": Source(["search.yahoo.com", "search.yahoo.co.jp"], ["p", "q"]),
        "Yandex": Source(["yandex.ru", "yandex.com", "ya.ru"], ["text"]),
        "Baidu": Source(["baidu.com"], ["wd", "word"]),
        "Ecosia": Source(["ecosia.org"], ["q"]),
        "Startpage": Source(["startpage.com"], ["query"]),
        "Brave": Source(["search.brave.com"], ["q"]),
        "Qwant": Source(["qwant.com"], ["q"]),
    },
    "social": {
        "Facebook": Source(["facebook.com", "fb.me", "fb.com"]),
        "Instagram": Source(["instagram.com"]),
        "Twitter": Source(["twitter.com", "x.com", "t.co"]),
        "LinkedIn": Source(["linkedin.com", "lnkd.in"]),
        "YouTube": Source(["youtube.com", "youtu.be"]),
        "Reddit": Source(["reddit.com"]),
        "Pinterest": Source(["pinterest.com"]),
        "TikTok": Source(["tiktok.com"]),
    },
    "email": {
        "Gmail": Source(["mail.google.com", "com.google.android.gm"]),
        "Outlook.com": Source(["outlook.live.com", "mail.live.com"]),
        "Yahoo! Mail": Source(["mail.yahoo.com", "mail.yahoo.net/om"]),
        "Proton Mail": Source(["mail.proton.me"]),
    },
    "chatbot": {
        "ChatGPT": Source(["chatgpt.com", "chat.openai.com"]),
        "Claude": Source(["claude.ai"]),
        "Gemini": Source(["gemini.google.com"]),
        "Copilot": Source(["copilot.microsoft.com"]),
        "Perplexity": Source(["perplexity.ai"]),
    },
}
"""Collected by hand, for servers that were given no database; real ones know some thousand."""


def read_database(path: Path) -> Database:
    """The sources in a file of the public referer-parser database, ``{medium: {source: {"domains", "parameters"}}}``.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no such file.
    """
    return msgspec.json.decode(path.read_bytes(), type=dict[str, dict[str, Source]])


class Referrers:
    """Finds who is behind the host and path of a referrer.

    Args:
        databases: the first one that knows a host and path counts.

    >>> Referrers(LARGE_SITES).find("www.google.com", "/search").source
    'Google'
    """

    def __init__(self, *databases: Database) -> None:
        self._by_place: dict[str, Referrer] = {}
        for database in reversed(databases):
            for medium, sources in database.items():
                for name, source in sources.items():
                    referrer = Referrer(medium, name, tuple(source.parameters or ()))
                    self._by_place |= {domain.lower().rstrip("/"): referrer for domain in source.domains}

    def find(self, host: str, path: str) -> Referrer | None:
        """Who it is: the whole path is tried first, then its first segment, then none; for each of these the whole
        host first, then without one part after the other."""
        host = host.lower()
        segments = path.split("/", 2)
        first_segment = f"/{segments[1]}" if len(segments) > 1 and segments[1] else ""
        for suffix in dict.fromkeys((path.rstrip("/"), first_segment, "")):
            rest = host
            while rest:
                found = self._by_place.get(f"{rest}{suffix}")
                if found is not None:
                    return found
                rest = rest.partition(".")[2]
        return None
