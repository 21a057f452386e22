"""Which methods exist: one explicit, sorted walk over the method packages."""

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, reduce
from operator import or_
from typing import Annotated, Any, get_args

from pydantic import BaseModel, Field

from learning.errors import LearningError

# The family is the name of the job's field (``method`` for those of a kind of job); each module of the package that has
# METHOD is one method.
PACKAGES: Mapping[str, str] = {
    "network": "learning.networks",
    "sharing": "learning.multitask.sharing",
    "balancing": "learning.multitask.balancing",
    "transfer": "learning.transfer",
    "meta": "learning.meta",
}


@dataclass(frozen=True, slots=True)
class Registry:
    """The methods of every family by name, in sorted order."""

    families: Mapping[str, Mapping[str, type[BaseModel]]]

    def names(self, family: str) -> tuple[str, ...]:
        return tuple(self.families[family])

    def spec(self, family: str, name: str) -> type[BaseModel]:
        """The spec class of a method.

        Raises:
            LearningError: ``unknown-value``, with the list of known names.
        """
        known = self.families[family]
        if name not in known:
            raise LearningError("unknown-value", f"expected a {family} among {', '.join(known)}; found {name[:64]!r}")
        return known[name]

    def union(self, family: str) -> Any:
        """The annotation of a field that holds any method of the family, told apart by ``name``."""
        specs = tuple(self.families[family].values())
        # pydantic refuses a discriminator on a union of one.
        return specs[0] if len(specs) == 1 else Annotated[reduce(or_, specs), Field(discriminator="name")]


@cache
def registry() -> Registry:
    """Every method there is, found once per process."""
    return discover(PACKAGES)


def discover(packages: Mapping[str, str]) -> Registry:
    """Import every public module of the packages, in sorted order, and keep those with METHOD.

    Raises:
        LearningError: two methods of one name, or a METHOD without a literal ``name``.
    """
    return Registry({family: _methods(package) for family, package in packages.items()})


def _methods(package: str) -> Mapping[str, type[BaseModel]]:
    found: dict[str, type[BaseModel]] = {}
    root = importlib.import_module(package)
    for module_name in sorted(info.name for info in pkgutil.iter_modules(root.__path__, package + ".")):
        method = getattr(importlib.import_module(module_name), "METHOD", None)
        if method is None:
            continue
        name = _literal_name(method, module_name)
        if name in found:
            raise LearningError("duplicate-method", f"expected one method {name!r} in {package}, found two")
        found[name] = method
    return dict(sorted(found.items()))


def _literal_name(method: Any, module_name: str) -> str:
    if isinstance(method, type) and issubclass(method, BaseModel) and "name" in method.model_fields:
        names = get_args(method.model_fields["name"].annotation)
        if len(names) == 1 and isinstance(names[0], str):
            return names[0]
    raise LearningError("invalid-method", f'expected METHOD of {module_name} to be a spec with name: Literal["…"]')
