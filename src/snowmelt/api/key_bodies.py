"""What travels about API keys, and about tokens for subscribers."""

from datetime import datetime
from typing import Final, Self

from pydantic import AwareDatetime, BaseModel, Field

from snowmelt.definitions.identifiers import Identifiers
from snowmelt.stores.registry import NewApiKey, Role, StoredApiKey

LONGEST_SECONDS: Final = 24 * 60 * 60


class AccessToken(BaseModel):
    """What an API key is exchanged for."""

    accessToken: str = Field(description="A JWT, to be sent as bearer token until its `exp`.")


class ApiKeyRequest(BaseModel):
    """What a new key is to be."""

    role: Role = Field(description="What it may do.")
    name: str = Field(default="", description="What it is for, for people.")
    expires_at: AwareDatetime | None = Field(default=None, description="From when on it is refused.")


class ApiKeyOutput(BaseModel):
    """An API key without its secret."""

    id: str = Field(description="Its public id.")
    name: str = Field(description="What it is for.")
    role: Role = Field(description="What it may do.")
    created_at: datetime = Field(description="When it was made.")
    expires_at: datetime | None = Field(description="From when on it is refused; null: never.")
    revoked_at: datetime | None = Field(description="Since when it is refused; null if it is not revoked.")
    last_used_at: datetime | None = Field(description="Its last use, within ten minutes; null: never.")

    @classmethod
    def of(cls, key: StoredApiKey) -> Self:
        """A key as everybody may see it who may see keys."""
        return cls.model_validate(key, from_attributes=True)


class NewApiKeyOutput(ApiKeyOutput):
    """A key that was just made; nobody can read `key` a second time."""

    key: str = Field(description="The secret.")
    organization_id: str = Field(description="The organization, a part of the credentials endpoint's path.")

    @classmethod
    def made(cls, new: NewApiKey, organization: str) -> Self:
        """The one answer that has the secret."""
        stored = ApiKeyOutput.of(new.stored).model_dump()
        return cls(**stored, key=new.key, organization_id=organization)


class SubscriptionTokenRequest(BaseModel):
    """Asks for a token."""

    attribute_keys: Identifiers = Field(description="Whose interventions it lets read.")
    expires_in: int = Field(default=300, ge=1, le=LONGEST_SECONDS, description="Seconds.")


class SubscriptionToken(BaseModel):
    """A token."""

    token: str = Field(description="Goes into the query of the stream, as `token`.")
    expires_at: str = Field(description="From when on no stream can be opened with it.")
