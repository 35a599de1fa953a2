"""Where copies of somebody's data may be that an erasure does not reach."""

from snowmelt.settings import Settings
from snowmelt.settings_connectors import FilesOutput


def out_of_reach(settings: Settings) -> list[str]:
    """One sentence for each place, as receipts tell them."""
    found = [f"Kafka topic {source.topic} of source {source.name}" for source in settings.sources]
    for output in settings.outputs:
        if isinstance(output, FilesOutput):
            found.append(f"files in {output.folder} of output {output.name}")
        else:
            topics = " and ".join(topic for topic in (output.good_topic, output.failed_topic) if topic)
            found.append(f"Kafka topics {topics} of output {output.name}")
    found += [f"whatever the custom enrichment {name} keeps" for name in sorted(settings.enrichment.custom)]
    if settings.enrichment.pii.enabled:
        found.append("requests in the event log under what the identifier was before it was pseudonymised")
    return [
        *found,
        "interventions that subscribers and webhooks have taken already",
        "backups, and copies of the data folder",
        "logs of this server and of proxies before it",
        "blocks of the disk that the file system has freed",
    ]
