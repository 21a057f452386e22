"""The wire shapes of methods."""

from typing import Any, Literal

from pydantic import Field

from app.pages import Closed


class Method(Closed):
    """Something that a job may name, with everything that can be set about it."""

    object: Literal["method"]
    family: str = Field(description="The field of a job that takes it: network, sharing or balancing.")
    name: str
    default: bool = Field(description="Whether a job that names none of the family has this one.")
    description: str
    papers: list[str] = Field(description="Where it is from; the first is the method's own.")
    parameters: dict[str, Any] = Field(description="JSON schema of the object that a job gives.")


class Methods(Closed):
    """Every method, by family and name; all in one answer."""

    object: Literal["list"]
    data: list[Method]
