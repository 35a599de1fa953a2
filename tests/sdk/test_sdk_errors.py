import pickle

import pytest

from snowmelt.definitions.problems import Problem
from snowmelt.errors import SnowmeltError
from snowmelt.sdk import errors
from snowmelt.sdk.errors import SignalsAPIError, SignalsValidationError, refusal
from snowmelt.sdk.messages import Response


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (400, "SignalsAPIError"),
        (401, "SignalsAuthError"),
        (403, "SignalsForbiddenError"),
        (404, "SignalsNotFoundError"),
        (409, "SignalsConflictError"),
        (418, "SignalsAPIError"),
        (422, "SignalsValidationError"),
        (429, "SignalsBusyError"),
        (500, "SignalsAPIError"),
        (503, "SignalsBusyError"),
    ],
)
def test_each_status_has_its_class(status: int, name: str) -> None:
    error = refusal(status, {"error": "why"}, request="GET http://x/y")
    assert type(error).__name__ == name
    assert isinstance(error, SignalsAPIError)
    assert (error.status_code, error.message) == (status, {"error": "why"})
    assert str(error).startswith(f"GET http://x/y was answered {status}: why")


def test_every_class_is_in_the_tree_with_a_code_of_its_own() -> None:
    classes = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, SnowmeltError)]
    classes.remove(SnowmeltError)
    assert all(issubclass(one, errors.SignalsError) for one in classes)
    assert len({one.code for one in classes}) == len(classes)


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ({"detail": "words"}, "words"),
        ({"error": "words"}, "words"),
        ({"error": "words", "detail": "more words"}, "more words"),
        ({"other": 1}, "{'other': 1}"),
        (["a"], "['a']"),
        ("text", "text"),
        (None, "None"),
    ],
)
def test_the_server_is_quoted_whatever_the_shape(message: object, shown: str) -> None:
    assert str(SignalsAPIError(500, message)) == f"The call was answered 500: {shown}"


def test_a_huge_body_is_cut() -> None:
    assert len(str(SignalsAPIError(500, "x" * 100_000))) < 3000


def test_problems_are_listed_with_their_places() -> None:
    body = {
        "detail": [
            {"loc": ["body", "attributes", 0, "type"], "msg": "must be numeric", "type": "type"},
            {"loc": ["body"], "msg": "must be published", "type": "state"},
            {"loc": ["path", "version"], "msg": "must be a number", "type": "int"},
        ]
    }
    error = refusal(422, body, request="POST http://x/y")
    assert isinstance(error, SignalsValidationError)
    assert error.problems == [
        Problem(("attributes", 0, "type"), "must be numeric", "type"),
        Problem((), "must be published", "state"),
        Problem(("path", "version"), "must be a number", "int"),
    ]
    assert str(error).splitlines() == [
        "POST http://x/y was answered 422: 3 problems",
        "  attributes.0.type: must be numeric",
        "  must be published",
        "  path.version: must be a number",
    ]


@pytest.mark.parametrize("body", ["text", {"detail": "words"}, {"error": "words"}, {"detail": [3]}, {"detail": None}])
def test_a_422_of_another_shape_has_no_problems_but_words(body: object) -> None:
    error = SignalsValidationError(422, body)
    assert error.problems == []
    assert "422" in str(error)


def test_errors_survive_pickling() -> None:
    error = pickle.loads(pickle.dumps(refusal(404, {"error": "why"}, request="GET http://x/y")))
    assert str(error).startswith("GET http://x/y was answered 404: why")


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("content", [b"", b"<html>", b"\xff\xfe", b"{"])
def test_a_body_that_is_not_json_is_an_error_of_its_status(status: int, content: bytes) -> None:
    with pytest.raises(SignalsAPIError) as caught:
        Response(status, content).json()
    assert caught.value.status_code == status
