"""Where definitions are kept, and the rules of changing them."""

from snowmelt.stores.registry.api_keys import KEY_PREFIX, ROLES, NewApiKey, Role, StoredApiKey, digest_of, may
from snowmelt.stores.registry.drafts import Drafts, StoredDraft
from snowmelt.stores.registry.errors import (
    AlreadyExists,
    BuiltIn,
    InUse,
    InvalidDefinition,
    KeyConflict,
    NotFound,
    OnlyDraft,
    PublishedVersion,
    Refused,
    RegistryError,
    StillPublished,
    TooManyPublished,
    UnreadableRegistry,
    UnwritableRegistry,
)
from snowmelt.stores.registry.groups import GroupPlan, StoredGroup
from snowmelt.stores.registry.interventions import PublishedIntervention, StoredIntervention
from snowmelt.stores.registry.keys import StoredKey
from snowmelt.stores.registry.publishing import References
from snowmelt.stores.registry.read_model import ReadEventLog, ReadGroup, ReadModel
from snowmelt.stores.registry.registry import Registry
from snowmelt.stores.registry.services import StoredService

__all__ = [
    "KEY_PREFIX",
    "ROLES",
    "AlreadyExists",
    "BuiltIn",
    "Drafts",
    "GroupPlan",
    "InUse",
    "InvalidDefinition",
    "KeyConflict",
    "NewApiKey",
    "NotFound",
    "OnlyDraft",
    "PublishedIntervention",
    "PublishedVersion",
    "ReadEventLog",
    "ReadGroup",
    "ReadModel",
    "References",
    "Refused",
    "Registry",
    "RegistryError",
    "Role",
    "StillPublished",
    "StoredApiKey",
    "StoredDraft",
    "StoredGroup",
    "StoredIntervention",
    "StoredKey",
    "StoredService",
    "TooManyPublished",
    "UnreadableRegistry",
    "UnwritableRegistry",
    "digest_of",
    "may",
]
