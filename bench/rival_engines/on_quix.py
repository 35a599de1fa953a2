"""The tutorial's three attributes as a stateful function of Quix Streams over its RocksDB store, without Kafka.

Dataframe, checkpoint, state manager and store are the library's own. What needs a broker is left out: messages
come from a list, the consumer and the producer only say yes to a commit, and there is no changelog topic. The
loop does for each message what the library's own loop does once it has one.

    python on_quix.py EVENTS FOLDER [EVENTS A CHECKPOINT]
"""

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from quixstreams.context import copy_context, set_message_context
from quixstreams.dataframe import DataFrameRegistry, StreamingDataFrame
from quixstreams.models import MessageContext, Topic, TopicConfig
from quixstreams.models.topics import TopicManager
from quixstreams.processing import ProcessingContext
from quixstreams.sinks import SinkManager
from quixstreams.state import State, StateStoreManager
from shop import Event, Totals, decode, report

COMMIT_SECONDS = 5.0  # the library's default


class NoProducer:
    """Has sent everything."""

    def __init__(self) -> None:
        self.offsets: dict[Any, int] = {}

    def flush(self) -> int:
        return 0


class NoConsumer:
    """Commits whatever it is asked to."""

    def commit(self, offsets: list[Any], asynchronous: bool) -> list[Any]:
        return []


def count(event: Event, state: State) -> None:
    """Update the user's totals, kept together under one name."""
    if event.action is not None:
        if event.action.type == "product_view":
            views, carts, value = state.get("totals") or (0, 0, 0.0)
            state.set("totals", (views + 1, carts, value))
        elif event.action.type == "add_to_cart":
            views, carts, value = state.get("totals") or (0, 0, 0.0)
            state.set("totals", (views, carts + 1, value + event.products[0].price))


def work(lines: list[bytes], folder: Path, commit_every: int) -> Callable[[], dict[str, Totals]]:
    """Send all lines through the dataframe, with a checkpoint each 5 s, or after so many events if that is not 0."""
    topic = Topic("events", create_config=TopicConfig(1, 1))
    topic.broker_config = TopicConfig(1, 1, {"retention.ms": "-1"})
    registry, stores = DataFrameRegistry(), StateStoreManager("bench", folder)
    context = ProcessingContext(
        commit_interval=COMMIT_SECONDS,
        commit_every=commit_every,
        producer=NoProducer(),
        consumer=NoConsumer(),
        state_manager=stores,
        sink_manager=SinkManager(),
        dataframe_registry=registry,
    )
    frame = StreamingDataFrame(
        topic, topic_manager=TopicManager(None, "bench"), registry=registry, processing_context=context
    )
    registry.register_root(frame)
    frame = frame.update(count, stateful=True)
    stores.on_partition_assign(frame.stream_id, 0, {})
    handle = frame.compose()[topic.name]
    context.init_checkpoint()
    for offset, line in enumerate(lines):
        event = decode(line)
        message = copy_context()
        message.run(set_message_context, MessageContext(topic.name, 0, offset, len(line)))
        message.run(handle, event, event.domain_userid.encode(), 0, None)
        context.store_offset(topic.name, 0, offset)
        context.commit_checkpoint()
    context.commit_checkpoint(force=True)
    return lambda: stored(context, frame, {decode(line).domain_userid for line in lines})


def stored(context: ProcessingContext, frame: StreamingDataFrame, users: set[str]) -> dict[str, Totals]:
    """What the store holds of users."""
    transaction = context.checkpoint.get_store_transaction(frame.stream_id, 0)
    found = {user: transaction.as_state(user.encode()).get("totals") for user in users}
    return {user: tuple(totals) for user, totals in found.items() if totals}


if __name__ == "__main__":
    logging.disable()
    every = int(sys.argv[3]) if sys.argv[3:] else 0
    report(Path(sys.argv[1]), lambda lines: work(lines, Path(sys.argv[2]), every))
