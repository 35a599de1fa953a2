"""Prints the calls of a client with the names and defaults of their arguments, to compare clients."""

import inspect
import json
from typing import Any

import snowplow_signals


def signature(function: Any) -> list[list[str]]:
    parameters = [
        parameter for parameter in inspect.signature(function).parameters.values() if parameter.name != "self"
    ]
    return [
        [
            parameter.name,
            parameter.kind.name,
            "" if parameter.default is parameter.empty else repr(parameter.default),
        ]
        for parameter in parameters
    ]


def methods(holder: Any) -> dict[str, Any]:
    found = inspect.getmembers(holder, callable)
    return {name: signature(function) for name, function in found if not name.startswith("_")}


sandbox = snowplow_signals.SignalsSandbox(api_url="http://localhost", sandbox_token="t")
faces = {"client": sandbox} | {
    name: getattr(sandbox, name) for name in ("registry", "attributes", "interventions", "testing", "datasets")
}
print(
    json.dumps(
        {
            "names": sorted(
                name
                for name, value in vars(snowplow_signals).items()
                if not name.startswith("_") and not inspect.ismodule(value)
            ),
            "constructors": {
                name: signature(getattr(snowplow_signals, name).__init__) for name in ("Signals", "SignalsSandbox")
            },
            "calls": {name: methods(face) for name, face in faces.items()},
        }
    )
)
