"""A real Kafka broker in a folder: one node, KRaft, on free ports, that can be killed and started again."""

import os
import signal
import socket
import subprocess
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Sequence
from pathlib import Path

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from conftest import eventually

ROOT = Path(__file__).resolve().parents[2]
# It lives for seconds: what starts fast is better than what runs fast.
JAVA = ("java", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-cp", ".build/kafka/*")


class Broker:
    """One broker, and what tests do with its topics.

    Args:
        folder: for its configuration, its data and its output.
    """

    def __init__(self, folder: Path) -> None:
        subprocess.run([ROOT / "scripts" / "kafka-jars"], check=True)
        port, controller = _free_ports(2)
        self.address = f"127.0.0.1:{port}"
        self._folder = folder
        self._config = folder / "server.properties"
        settings = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "controller.listener.names": "CONTROLLER",
            "listeners": f"PLAINTEXT://{self.address},CONTROLLER://127.0.0.1:{controller}",
            "log.dirs": folder / "data",
            "auto.create.topics.enable": "false",
            "offsets.topic.replication.factor": 1,
            "offsets.topic.num.partitions": 1,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "group.initial.rebalance.delay.ms": 0,
            "group.min.session.timeout.ms": 1000,
            # So that a killed one may come back at once.
            "broker.session.timeout.ms": 1000,
            "broker.heartbeat.interval.ms": 200,
        }
        self._config.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        # Its first letter is never the dash of an option.
        cluster = urlsafe_b64encode(b"\0" + uuid.uuid4().bytes[1:]).decode().rstrip("=")
        formatting = self._java("kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(self._config))
        assert formatting.wait(60) == 0, f"the broker's folder was not made; see {folder}/output"
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self.process = self._java("kafka.Kafka", str(self._config))
        self.admin = AdminClient({"bootstrap.servers": self.address, "log_level": 0})
        eventually(self._answers, f"the broker answers; see {self._folder}/output", 60)

    def kill(self) -> None:
        """End it as a power switch would."""
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def make_topic(self, name: str, partitions: int, **config: str) -> None:
        """Make a topic, and wait until it can be used."""
        [made] = self.admin.create_topics([NewTopic(name, partitions, 1, config=config)]).values()
        made.result(30)
        eventually(lambda: len(self.admin.list_topics(name).topics[name].partitions) == partitions, f"{name} is there")

    def produce(self, topic: str, values: Iterable[bytes], partitions: int) -> None:
        """Put messages into a topic, in turn over its partitions."""
        producer = Producer({"bootstrap.servers": self.address, "linger.ms": 5, "acks": "all"})
        for number, value in enumerate(values):
            producer.produce(topic, value, partition=number % partitions)
        assert producer.flush(30) == 0

    def messages(self, topic: str, partitions: int) -> list[bytes]:
        """Everything in a topic, by partition and then in order."""
        consumer = Consumer({"bootstrap.servers": self.address, "group.id": uuid.uuid4().hex})
        found: list[bytes] = []
        for number in range(partitions):
            _, end = consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=10)
            consumer.assign([TopicPartition(topic, number, 0)])
            while consumer.position([TopicPartition(topic, number)])[0].offset < end and end:
                message = consumer.poll(10)
                assert message is not None and message.error() is None
                found.append(message.value() or b"")
        consumer.close()
        return found

    def committed(self, group: str, topic: str, partitions: int) -> list[int]:
        """Where a group has come to in each partition; -1001 where it has committed nothing."""
        consumer = Consumer({"bootstrap.servers": self.address, "group.id": group})
        found = consumer.committed([TopicPartition(topic, number) for number in range(partitions)], timeout=10)
        consumer.close()
        return [one.offset for one in found]

    def delete_before(self, topic: str, partition: int, offset: int) -> None:
        """Delete the first messages of a partition, as retention does."""
        [done] = self.admin.delete_records([TopicPartition(topic, partition, offset)]).values()
        done.result(10)

    def set_offset(self, group: str, topic: str, partition: int, offset: int) -> None:
        """What Kafka's own tool does for an operator, once nobody reads."""
        moved = [ConsumerGroupTopicPartitions(group, [TopicPartition(topic, partition, offset)])]

        def done() -> bool:
            try:
                [answer] = self.admin.alter_consumer_group_offsets(moved).values()
                return answer.result(10).topic_partitions[0].error is None
            except KafkaException:
                return False  # the last reader has not been given up yet

        eventually(done, "the offset is set")

    def close(self) -> None:
        """End it, if it runs."""
        if self.process.poll() is None:
            self.kill()

    def _answers(self) -> bool:
        assert self.process.poll() is None, f"the broker ended; see {self._folder}/output"
        try:
            return bool(self.admin.list_topics(timeout=0.5).brokers)
        except Exception:
            return False

    def _java(self, *arguments: str) -> "subprocess.Popen[bytes]":
        with (self._folder / "output").open("ab") as output:
            return subprocess.Popen(
                [*JAVA, *arguments], cwd=ROOT, stdout=output, stderr=output, stdin=subprocess.DEVNULL
            )


def _free_ports(count: int) -> Sequence[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
