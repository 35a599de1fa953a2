"""Many criteria on one property, decided with one lookup.

Where hundreds of attributes each ask whether some property is this or that text, testing them one after the
other would cost more than everything else. A switch reads the property once, looks the text up, and goes on with
a handler for just those attributes whose criteria it meets.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from snowmelt.compute.handler import Concerned, HandlerSource
from snowmelt.compute.instant import parse_instant
from snowmelt.compute.plan import AttributePlan
from snowmelt.compute.profiles import Profiles
from snowmelt.compute.projection import Path, Projection, walk
from snowmelt.compute.properties import path_of
from snowmelt.definitions.criteria import Criterion
from snowmelt.definitions.property import CalculatedProperty
from snowmelt.definitions.rules.properties import is_every

FEWEST_CHOICES = 8
"""With fewer different sets of texts on a property, testing each is as cheap as looking one up."""

Choices = Mapping[int, tuple[Path, frozenset[str]]]
Handle = Callable[[Any], None]


def choice(criterion: Criterion) -> tuple[Path, frozenset[str]] | None:
    """The property and the texts that it may be, if that is what a criterion says.

    >>> from snowmelt.definitions import AtomicProperty
    >>> choice(Criterion(property=AtomicProperty(name="app_id"), operator="=", value="shop"))
    (('app_id',), frozenset({'shop'}))
    """
    found = criterion.property
    if criterion.operator not in ("=", "in") or isinstance(found, CalculatedProperty) or is_every(found):
        return None
    operands = criterion.value if isinstance(criterion.value, list) else [criterion.value]
    if found.date_part or not all(isinstance(text, str) for text in operands):
        return None
    texts = frozenset(str(text) for text in operands)
    # Instants may be written in several ways that are equal.
    return None if any(map(parse_instant, texts)) else (path_of(found), texts)


class Switch:
    """Chooses among attributes by the text at one path of the event.

    Args:
        path: of the property that most attributes ask for.
        choices: what each criterion asks for, by the criterion's identity.
        concerned: all attributes that one kind of event may update.
        projection: how the event is decoded.
    """

    def __init__(self, path: Path, choices: Choices, concerned: Concerned, projection: Projection) -> None:
        self._choices = {number: texts for number, (asked, texts) in choices.items() if asked == path}
        self._concerned, self._projection = concerned, projection
        meant_by: dict[str, set[frozenset[str]]] = defaultdict(set)
        for texts in self._choices.values():
            for text in texts:
                meant_by[text].add(texts)
        # Texts that meet the same criteria go the same way; 0 is the way of all others.
        ways: dict[frozenset[frozenset[str]], int] = {}
        self._way_of = {text: ways.setdefault(frozenset(sets), len(ways) + 1) for text, sets in meant_by.items()}
        self._met = {0: frozenset(), **{way: sets for sets, way in ways.items()}}
        self._binders: dict[int, Callable[..., Handle] | None] = {}
        access = projection.access(path, "event")
        self._read: Callable[[Any], Any] = eval(f"lambda event: {access}", {"walk": walk})

    def bind(
        self, profiles: Mapping[int, Profiles], now: int, reject: Callable[[int, int], None]
    ) -> Callable[[Any], None]:
        """What handles such events in one batch."""
        read, way_of = self._read, self._way_of
        handlers: dict[int, Handle | None] = {}

        def handle(event: Any) -> None:
            text = read(event)
            way = way_of.get(text, 0) if text.__class__ is str else 0
            if way in handlers:
                handler = handlers[way]
            else:
                bind = self._binder(way)
                handler = handlers[way] = bind(profiles, now, reject) if bind else None
            if handler is not None:
                handler(event)

        return handle

    def _binder(self, way: int) -> Callable[..., Handle] | None:
        if way not in self._binders:
            met = self._met[way]
            narrowed = [
                (plan, [pair for pair in attributes if met.issuperset(self._asked_by(pair[0]))])
                for plan, attributes in self._concerned
            ]
            remaining = [(plan, attributes) for plan, attributes in narrowed if attributes]
            source = HandlerSource(remaining, self._projection, lambda criterion: id(criterion) in self._choices)
            self._binders[way] = source.compile() if remaining else None
        return self._binders[way]

    def _asked_by(self, attribute: AttributePlan) -> list[frozenset[str]]:
        """The sets of texts that must all hold the event's."""
        return [self._choices[id(criterion)] for criterion in attribute.conditions if id(criterion) in self._choices]


def switch_for(concerned: Concerned, projection: Projection) -> Switch | None:
    """A switch on the property that decides most, or ``None`` if none decides enough to be worth it."""
    conditions = [
        criterion for _, attributes in concerned for attribute, _ in attributes for criterion in attribute.conditions
    ]
    # By identity: criteria cannot be hashed, and they live as long as the plans that hold them.
    choices: Choices = {id(criterion): found for criterion in conditions if (found := choice(criterion))}
    sets: dict[Path, set[frozenset[str]]] = defaultdict(set)
    for path, texts in choices.values():
        sets[path].add(texts)
    path = max(sets, key=lambda candidate: len(sets[candidate]), default=())
    if len(sets[path]) < FEWEST_CHOICES:
        return None
    return Switch(path, choices, concerned, projection)
