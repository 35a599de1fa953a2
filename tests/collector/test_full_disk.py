"""A disk that takes no more: never a 200 for what is not on it, and on it goes once there is room."""

import json
import os
import subprocess
import sys
from pathlib import Path

from snowmelt.stores.event_log import EventLog, decode_payload

TESTS = Path(__file__).resolve().parents[1]

# The system refuses to let any file of this process grow, which the event log meets as it would meet a full disk.
SCRIPT = """
import json, resource, sys
from pathlib import Path
from collector_door import Door, JSON, TP2
from snowmelt.settings import CollectorSettings

door = Door(Path(sys.argv[1]), CollectorSettings())
room = (Path(sys.argv[1]) / "log" / "data.mdb").stat().st_size + 400_000
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

def send(number):
    reply = door("POST", TP2, [JSON], b"%d %s" % (number, b"x" * 20_000))
    answers.append((number, reply.status, reply["retry-after"]))

answers = []
resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
for number in range(60):
    send(number)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
for number in range(60, 65):
    send(number)
print(json.dumps(answers))
door.close()
"""


def test_a_full_disk_is_answered_503_and_what_was_answered_200_is_there(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": str(TESTS)},
    )
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout.splitlines()[-1])  # after what was logged
    statuses = [status for _, status, _ in answers]
    assert statuses[0] == 200 and 503 in statuses[:60] and statuses[60:] == [200] * 5
    assert set(statuses) == {200, 503}
    assert all((retry == "5") is (status == 503) for _, status, retry in answers)
    log = EventLog(tmp_path / "log")
    stored = [int((decode_payload(record.body).body or b"").split()[0]) for record in log.follow()]
    log.close()
    assert stored == [number for number, status, _ in answers if status == 200]
