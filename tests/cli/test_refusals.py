"""Errors of the client, as commands tell them."""

import pytest

from snowmelt.cli.refusals import told
from snowmelt.errors import SnowmeltError
from snowmelt.sdk.errors import SignalsConfigError, SignalsConnectionError, SignalsTimeoutError, refusal

CALL = "GET http://h:1/api/v1/registry/services/x"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (refusal(401, {"error": "no"}, request=CALL), "--token"),
        (refusal(403, {"error": "This needs the role writer."}, request=CALL), "the role writer. (403)\nGive another"),
        (refusal(404, {"error": "no service x"}, request=CALL), "no service x (404)\nCheck the name; `snowmelt apply"),
        (refusal(409, {"detail": "it is published"}, request=CALL), "it is published (409)\nA published version"),
        (refusal(422, {"detail": [{"loc": ["body", "a"], "msg": "bad"}]}, request=CALL), "1 problem\n  a: bad"),
        (refusal(418, {"detail": "tea"}, request=CALL), "tea (418)"),
        (refusal(503, {"detail": "full"}, request=CALL), "full (503)\nTry again later"),
        (
            SignalsConnectionError(f"{CALL} got no answer: refused\nRunning?"),
            "http://h:1 got no answer: refused\nRunning?",
        ),
        (SignalsTimeoutError(f"{CALL} got no answer: slow\ntimeout=..."), "http://h:1 got no answer: slow"),
        (SignalsConfigError("api_url must be an address"), "--url must be an address"),
    ],
)
def test_no_call_is_named_and_the_next_step_is_a_command(error: SnowmeltError, said: str) -> None:
    text = told(error)
    assert said in text
    assert not any(word in text for word in ("/api/v1/", "signals.", "SignalsSandbox", "timeout="))
