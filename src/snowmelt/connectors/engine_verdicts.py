"""What the engine made of requests and replays, for outputs, which look at the same log by themselves."""

from collections.abc import Mapping

from snowmelt.events.payload import Replay
from snowmelt.stores.failed_events import Failed, FailedEvents


class EngineVerdicts:
    """An event is in an output once, and only if the engine has counted it.

    The engine may have refused what is good by now, because a schema was added meanwhile; such an event goes out when
    it is tried again. And whether a replay counts depends on those before it, which only the engine knows.

    Args:
        failed: the failed events, in which the engine writes down what it decides.
    """

    def __init__(self, failed: FailedEvents) -> None:
        self._failed = failed

    def refused(self, sequence: int) -> Mapping[int, Failed]:
        """The events of one request that the engine has refused up to now, by which one of it they are.

        Args:
            sequence: place of the request in the event log.

        Raises:
            StoreError: the failed events cannot be read.

        Cost: about ten microseconds.
        """
        return {one.item: one for one in self._failed.of_record(sequence)}

    def counted(self, sequence: int, replay: Replay) -> bool | None:
        """Whether a replay has made an event of a failed event; ``None`` if the engine has not come to it yet.

        One that failed again has not, nor one that was asked for when it was an event already.

        Args:
            sequence: place of the replay in the event log.
            replay: what was asked for.

        Raises:
            StoreError: the failed events cannot be read.
        """
        one = self._failed.get(replay.sequence, replay.item)
        if one is None:
            # It was dropped for its age, and so was what is known of it.
            return True
        if one.replayed is not None:
            return one.replayed == sequence
        if one.tried is not None and one.tried >= sequence:
            return False
        # Where the replay itself could not be handled, it is a failed event of its own.
        return False if self._failed.get(sequence, 0) is not None else None
