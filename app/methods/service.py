"""What the registry says of the methods there are."""

import re
from functools import cache

from pydantic import BaseModel

from app.methods.schemas import Method, Methods
from learning.registry import registry
from learning.specs.job import DEFAULT_METHODS
from learning.specs.meta import DEFAULT_META
from learning.specs.transfer import DEFAULT_TRANSFER

_DEFAULTS = {**DEFAULT_METHODS, "meta": DEFAULT_META, "transfer": DEFAULT_TRANSFER}
_ADDRESS = re.compile(r"https://[^\s)]+")


@cache
def methods() -> Methods:
    """Every method of this release: they cannot change while the process lives."""
    families = registry().families
    every = [show(family, name, spec) for family, specs in families.items() for name, spec in specs.items()]
    return Methods(object="list", data=every)


def show(family: str, name: str, spec: type[BaseModel]) -> Method:
    """A method as its one file describes it."""
    parameters = spec.model_json_schema()
    description = parameters["description"].partition("\n\nExample:")[0]  # the rest is for readers of Python
    return Method(
        object="method",
        family=family,
        name=name,
        default=_DEFAULTS.get(family) == name,
        description=description,
        papers=_ADDRESS.findall(description),
        parameters={**parameters, "description": description},
    )
