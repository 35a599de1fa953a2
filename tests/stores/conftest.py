"""What the stores' tests share."""

from collections.abc import Iterator

import pytest

from another_process import AnotherProcess


@pytest.fixture(scope="session")
def another_process() -> Iterator[AnotherProcess]:
    """Runs functions in a second process, which is started once."""
    process = AnotherProcess()
    yield process
    process.close()
