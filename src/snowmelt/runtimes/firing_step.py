"""What fires in one step of the engine, until it is committed with what made it fire."""

from collections.abc import Iterable, Mapping
from typing import Any

import structlog

from snowmelt.compute.profiles import Profiles
from snowmelt.compute.program import Program
from snowmelt.compute.projection import Projection
from snowmelt.definitions.wire.delivery import TextValues, payload
from snowmelt.interventions.alarm import Alarm
from snowmelt.interventions.finding import Findings
from snowmelt.interventions.firing import Firing, Watch
from snowmelt.runtimes.event_lines import EventLines
from snowmelt.runtimes.statistics import Statistics
from snowmelt.stores.alarm_rows import DueAlarm
from snowmelt.stores.outbox import Delivery
from snowmelt.stores.profiles import Commit

logger = structlog.get_logger("snowmelt.engine")


class FiringStep:
    """Gathers the firings and the alarms of one transaction.

    Args:
        profiles: by state id.
        now: ms since the epoch.
        texts: how texts are sent as values of attributes.
    """

    def __init__(self, profiles: Mapping[int, Profiles], now: int, texts: TextValues = "plain") -> None:
        self._profiles = profiles
        self._texts: TextValues = texts
        self._firings: list[Firing] = []
        self._alarms: list[Alarm] = []
        self._findings = Findings(now)

    def watch(self, rule: Any, projection: Projection) -> Watch:
        """Make a rule look at what happens in this step."""
        finding = self._findings.of(rule, projection)
        return Watch(rule, finding, self._profiles, self._firings.append, self._alarms.append)

    def ring(self, due: Iterable[DueAlarm], program: Program, until: int) -> None:
        """Look at rules whose alarms are due.

        Args:
            due: the alarms.
            program: has the rules; the alarms of others are taken away.
            until: no event before this instant (ms since the epoch) is to come.
        """
        watches = {rule.state_id: self.watch(rule, program.projection) for rule in program.watchers}
        for one in due:
            try:
                if one.state_id in watches:
                    watches[one.state_id].ring(one.key, one.at, until)
                    continue
            except Exception as error:
                # It would come again at every start, and hold up all others.
                logger.error("an alarm of an intervention is given up", state_id=one.state_id, error=repr(error))
            self._alarms.append(Alarm(one.state_id, one.key, one.at, None))

    def write(self, commit: Commit, statistics: Statistics, lines: EventLines, *, is_new: bool) -> bool:
        """Put it into the transaction.

        Args:
            commit: the transaction.
            statistics: counts what fires.
            lines: tells of what fires.
            is_new: whether the firings were not sent by a life of the engine that the profiles have forgotten.

        Returns:
            Whether there is something to send.
        """
        firings = self._firings if is_new else []
        commit.set_alarms(self._alarms)
        if firings:
            commit.fire(statistics.firings + 1, [_delivery(firing, self._texts) for firing in firings])
            statistics.add_fired(firing.rule.title for firing in firings)
            for firing in firings:
                lines.expect(
                    "intervention fired",
                    intervention=firing.rule.title,
                    intervention_id=str(firing.id),
                    event_id=firing.event_id or None,
                )
        return bool(firings)


def _delivery(firing: Firing, texts: TextValues) -> Delivery:
    intervention = firing.rule.intervention
    body = payload(str(firing.id), intervention.name, intervention.version, firing.attributes, texts)
    return Delivery(firing.id, firing.targets, body)
