"""The process that posts interventions to endpoints; it runs once there is one, beside the web processes."""

import asyncio
import os
import signal

from snowmelt.api.hub import ANSWER, ASK
from snowmelt.runtimes.child import STDIN, report_ready, run_child
from snowmelt.runtimes.data_dir import DataDir
from snowmelt.runtimes.process_lock import ProcessLock
from snowmelt.runtimes.tracing import spans_of
from snowmelt.settings import Settings
from snowmelt.stores.mailbox import Mailbox, Mailboxes, Note
from snowmelt.stores.outbox import Outbox
from snowmelt.stores.webhooks import Webhooks
from snowmelt.webhooks.attempt import Sender
from snowmelt.webhooks.courier import Courier


async def serve(settings: Settings) -> None:
    """Post until told to stop, or until the supervisor is gone."""
    data = DataDir(settings.data_dir)
    ProcessLock(data.webhook_lock, "sender of webhooks").acquire()
    webhooks = Webhooks(data.webhooks)
    outbox = Outbox(data.outbox, settings.interventions.map_size, int(settings.interventions.keep_minutes * 60_000))
    mailboxes = Mailboxes(data.mailboxes)
    mailbox = mailboxes.own(os.getpid())
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def supervisor_gone() -> None:
        loop.remove_reader(STDIN)
        stop.set()

    loop.add_signal_handler(signal.SIGTERM, stop.set)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    loop.add_reader(STDIN, supervisor_gone)
    spans = spans_of(settings, "webhooks")
    private = settings.webhooks.allow_private
    async with Sender(private) if spans is None else spans.sender(private) as sender:
        courier = Courier(webhooks, outbox, sender, settings.webhooks)
        loop.add_reader(mailbox.fileno(), _take_notes, mailbox, mailboxes, courier)
        report_ready()
        await courier.run(stop)
    loop.remove_reader(mailbox.fileno())
    mailbox.close()
    outbox.close()
    webhooks.close()
    if spans is not None:
        spans.close()


def _take_notes(mailbox: Mailbox, mailboxes: Mailboxes, courier: Courier) -> None:
    for note in mailbox.take():
        if note.kind == ASK:  # how many subscribers of a push are here: none, and a push should not wait to learn it
            mailboxes.send(Note(ANSWER, note.about, mailbox.number, 0), note.sender)
    courier.look()


def run_webhooks(settings: Settings) -> None:
    """Serve in an event loop."""
    asyncio.run(serve(settings))


if __name__ == "__main__":
    run_child(run_webhooks)
