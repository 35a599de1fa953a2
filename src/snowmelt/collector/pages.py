"""The collector's pages that have nothing to do with events."""

from xml.sax.saxutils import quoteattr

from snowmelt.collector.http import Reply, text_reply
from snowmelt.settings_collector import CollectorSettings

_ROBOTS = b"\n".join(b"User-agent: %s\nDisallow: /\n" % agent for agent in (b"*", b"Googlebot", b"AdsBot-Google"))


def pages(settings: CollectorSettings) -> dict[str, Reply]:
    """The fixed answers to GET, by path; only those that are switched on.

    >>> sorted(pages(CollectorSettings()))
    ['/robots.txt']
    """
    found = {"/robots.txt": text_reply(200, _ROBOTS)}
    if settings.cross_domain.enabled:
        found["/crossdomain.xml"] = Reply(200, [(b"content-type", b"text/xml; charset=utf-8")], _policy(settings))
    if settings.root_response.enabled:
        root = settings.root_response
        headers = [(name.lower().encode(), value.encode()) for name, value in root.headers.items()]
        found["/"] = Reply(root.status_code, headers, root.body.encode())
    return found


def _policy(settings: CollectorSettings) -> bytes:
    secure = str(settings.cross_domain.secure).lower()
    rules = "".join(
        f'  <allow-access-from domain={quoteattr(domain)} secure="{secure}" />\n'
        for domain in settings.cross_domain.domains
    )
    return f'<?xml version="1.0"?>\n<cross-domain-policy>\n{rules}</cross-domain-policy>\n'.encode()
