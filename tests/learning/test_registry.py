"""Methods are found by an explicit, sorted walk."""

import sys

import pytest
from pydantic import TypeAdapter, ValidationError

from learning.errors import LearningError
from learning.registry import discover, registry

SPEC = """from typing import Literal
from pydantic import BaseModel
class Spec(BaseModel):
    name: Literal["{name}"] = "{name}"
METHOD = Spec
"""


@pytest.fixture
def package(tmp_path, monkeypatch, request):
    """A package of the given modules; returns its dotted name."""
    name = "methods_of_" + request.node.name.split("[")[0]
    monkeypatch.syspath_prepend(tmp_path)

    def make(**modules):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("")
        for module, text in modules.items():
            (tmp_path / name / f"{module}.py").write_text(text)
        return name

    yield make
    for loaded in [loaded for loaded in sys.modules if loaded.split(".")[0] == name]:
        del sys.modules[loaded]


def test_a_method_is_one_module_with_METHOD_and_other_modules_are_passed_over(package):
    name = package(zebra=SPEC.format(name="zebra"), apple=SPEC.format(name="apple"), base="X = 1\n")
    assert discover({"network": name}).names("network") == ("apple", "zebra")


def test_two_methods_of_one_name_are_refused(package):
    name = package(a=SPEC.format(name="same"), b=SPEC.format(name="same"))
    with pytest.raises(LearningError, match="two"):
        discover({"network": name})


@pytest.mark.parametrize("text", ["METHOD = 3\n", SPEC.replace('Literal["{name}"] = "{name}"', "str")])
def test_a_METHOD_without_a_literal_name_is_refused(package, text):
    with pytest.raises(LearningError, match="invalid-method"):
        discover({"network": package(a=text)})


def test_an_unknown_name_answers_with_the_known_ones():
    with pytest.raises(LearningError, match="linear, mlp") as caught:
        registry().spec("network", "transformer")
    assert caught.value.code == "unknown-value"


def test_a_union_of_several_methods_is_told_apart_by_name(package):
    found = discover({"network": package(a=SPEC.format(name="a"), b=SPEC.format(name="b"))})
    assert type(TypeAdapter(found.union("network")).validate_python({"name": "b"})) is found.spec("network", "b")


def test_a_union_of_one_method_takes_that_method_only(package):
    union = TypeAdapter(discover({"network": package(a=SPEC.format(name="a"))}).union("network"))
    assert union.validate_python({"name": "a"}).name == "a"
    with pytest.raises(ValidationError):
        union.validate_python({"name": "b"})


def test_the_methods_of_this_release_are_known():
    assert {family: registry().names(family) for family in registry().families} == {
        "network": ("conv4", "linear", "mlp"),
        "sharing": ("hard", "mean_regularised", "soft"),
        "balancing": ("pcgrad", "static", "uncertainty"),
        "transfer": ("finetune", "l2_sp", "linear_probe"),
        "meta": ("maml", "protonet", "reptile"),
    }
