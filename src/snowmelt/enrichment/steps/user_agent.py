"""Browser, operating system and device, as told by the user agent."""

from functools import lru_cache
from pathlib import Path
from typing import Any

from ua_parser import DefaultedResult, Parser
from ua_parser.loaders import load_builtins, load_yaml
from ua_parser.regex import Resolver

from snowmelt.enrichment.raw_event import RawEvent
from snowmelt.enrichment.steps.step import SetupProblem, add_entity
from snowmelt.events.canonical import Event

UA_PARSER_CONTEXT = "iglu:com.snowplowanalytics.snowplow/ua_parser_context/jsonschema/1-0-0"
_CACHED_AGENTS = 20_000
_CACHED_LENGTH = 1_024


class UserAgent:
    """An entity of what uap-core's rules make of the user agent.

    Args:
        rules: a file ``regexes.yaml``; the rules that come with ua-parser if absent.

    Cost: a user agent that was met lately costs two microseconds, another about 20; 40 MB for the rules.

    Raises:
        SetupProblem: the rules cannot be used.
    """

    name = "ua_parser"

    def __init__(self, rules: Path | None = None) -> None:
        assert load_yaml is not None, "ua-parser found no PyYAML, which this package depends on"
        try:
            self._parser = Parser(Resolver(load_builtins() if rules is None else load_yaml(rules)))
        except Exception as error:  # whatever YAML, the file system or the regular expressions find wrong
            raise SetupProblem(f"the rules {rules} for user agents cannot be used: {error}") from error
        self._cached = lru_cache(maxsize=_CACHED_AGENTS)(self._parse)

    def apply(self, event: Event, raw: RawEvent) -> None:
        """Never fails."""
        agent = event.get("useragent")
        if agent is None:
            return
        parsed = self._cached(agent) if len(agent) <= _CACHED_LENGTH else self._parse(agent)
        add_entity(event, UA_PARSER_CONTEXT, parsed.copy())

    def _parse(self, agent: str) -> dict[str, Any]:
        found: DefaultedResult = self._parser.parse(agent).with_defaults()
        browser, system = found.user_agent, found.os
        return {
            "useragentFamily": browser.family,
            "useragentMajor": browser.major,
            "useragentMinor": browser.minor,
            "useragentPatch": browser.patch,
            "useragentVersion": _version(browser.family, browser.major, browser.minor, browser.patch),
            "osFamily": system.family,
            "osMajor": system.major,
            "osMinor": system.minor,
            "osPatch": system.patch,
            "osPatchMinor": system.patch_minor,
            "osVersion": _version(system.family, system.major, system.minor, system.patch, system.patch_minor),
            "deviceFamily": found.device.family,
        }


def _version(family: str, *numbers: str | None) -> str:
    """Family and version, without the parts that are not known.

    >>> _version("iOS", "5", "1", None), _version("Other", None)
    ('iOS 5.1', 'Other')
    """
    version = ".".join(number for number in numbers if number)
    return f"{family} {version}" if version else family
