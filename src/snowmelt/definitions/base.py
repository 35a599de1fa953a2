"""What all definitions have in common: how they are read, written and owned."""

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

from snowmelt.definitions.names import Text255


class Definition(BaseModel):
    """The root of all definitions.

    Reading is tolerant: unknown members are ignored, so that older readers take newer definitions, and null
    means absent. Members that carry another name on the wire are read under both names.
    """

    # Validators are built at first use: most programs use few of them, and all would cost at import.
    model_config = ConfigDict(populate_by_name=True, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, data: Any) -> Any:
        if isinstance(data, dict) and any(value is None for value in data.values()):
            return {name: value for name, value in data.items() if value is not None}
        return data

    def to_wire(self) -> dict[str, Any]:
        """The definition as JSON-ready members, absent ones left out."""
        return self.model_dump(mode="json", exclude_none=True, by_alias=True)


_CONSTRUCTED: dict[str, Any] = {"constructed": True}


def _owner(value: str | None, info: ValidationInfo) -> str | None:
    if info.context is not _CONSTRUCTED:
        return value
    if value is None:
        raise PydanticCustomError("missing", "Field required: the e-mail address of the owner")
    # Imported here: reading definitions must not pay for the e-mail library.
    from pydantic import validate_email

    return validate_email(value)[1]


Owner: TypeAlias = Annotated[Text255 | None, AfterValidator(_owner)]
"""Who answers for a definition: an e-mail address in code, any text or nothing in JSON that is read."""


class OwnedDefinition(Definition):
    """A definition that somebody must answer for.

    Written in code (``Service(name=..., owner=...)``) it needs an owner with a valid e-mail address. Read
    from JSON (``Service.model_validate(...)``) it takes what the registry holds, which may be any text or
    nothing.
    """

    if not TYPE_CHECKING:

        def __init__(self, /, **data: Any) -> None:
            __tracebackhide__ = True
            self.__pydantic_validator__.validate_python(data, self_instance=self, context=_CONSTRUCTED)

        # Tells pydantic that reading need not go through this method; the same mark as on its own.
        __init__.__pydantic_base_init__ = True
