"""A training done again by the real worker gives the model that is stored."""

from taskgraft import Taskgraft
from tests.journeys.lifecycle import short, upload


def test_a_training_comes_out_again_bit_for_bit(service):
    with Taskgraft(*service) as client:
        first = client.result(client.submit(short(upload(client)))["id"])

        again = client.wait(client.replay(first["id"])["id"])

        assert (again["status"], again["model"], again["dataset"]) == ("succeeded", None, None)
        assert (again["result"]["reproduced"], again["result"]["max_abs_difference"]) == (True, 0.0)
        assert again["result"]["warnings"] == []
        assert set(again["result"]) == {"reproduced", "max_abs_difference", "warnings", "seconds"}
        assert again["environment"] == first["environment"]
