"""Whatever a model file makes of its reader, the server is told of it in a sentence and goes on."""

import pytest

from app.models.examiner import examine
from learning.header import ModelHeader
from learning.model import ModelFileInvalid
from tests.learning.toys import listed_header, trained


def test_a_sound_file_is_told(tmp_path):
    trained(listed_header()).save(tmp_path / "m")

    told = examine(tmp_path / "m")

    assert (told["name"], told["kind"]) == ("toy", "multitask")
    assert [task["name"] for task in told["tasks"]] == ["price", "sold", "kind"]


def test_a_file_that_swells_ends_its_reader_alone(tmp_path):
    """20,000 tasks of one output with 2,000 classes: a small file, of which half a gigabyte would have to be told."""
    header = listed_header().model_dump(mode="json")
    classes = [f"class {number}" for number in range(2_000)]
    much = {"name": "much", "target": "much", "type": "multiclass", "slot": 3, "group": 0, "classes": classes}
    header["slots"].append(["multiclass", len(classes)])
    header["outputs"].append(much)
    header["tasks"] += [[f"t{number}", 3] for number in range(20_000)]
    trained(ModelHeader.model_validate(header)).save(tmp_path / "m")
    assert (tmp_path / "m").stat().st_size < 1 << 20

    with pytest.raises(ModelFileInvalid, match="that ends or outlasts its reader"):
        examine(tmp_path / "m")
