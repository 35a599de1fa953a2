"""The rules that a definition must keep beyond its shape: what fits together, and what must exist.

Each function answers with every problem at once, in reading order, placed from the definition that it was
given. The server refuses with them; a client may look before it sends.
"""

from snowmelt.definitions.rules.attributes import check_attribute
from snowmelt.definitions.rules.event_logs import check_agentic_decision, check_decision_references, check_event_log
from snowmelt.definitions.rules.groups import check_group
from snowmelt.definitions.rules.interventions import check_intervention, latest_with_attribute
from snowmelt.definitions.rules.keys import check_key
from snowmelt.definitions.rules.services import check_service, colliding_names

__all__ = [
    "check_agentic_decision",
    "check_attribute",
    "check_decision_references",
    "check_event_log",
    "check_group",
    "check_intervention",
    "check_key",
    "check_service",
    "colliding_names",
    "latest_with_attribute",
]
