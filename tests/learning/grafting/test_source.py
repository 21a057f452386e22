"""What a stored model says of itself to a job that builds on it."""

from learning.grafting.source import network_of
from learning.networks.conv4 import Conv4
from tests.learning.image_toys import header


def test_a_child_whose_rows_are_normalised_together_is_trained_on_as_a_network_whose_rows_are_not():
    together = Conv4(filters=3, statistics="batch").model_dump(mode="json")
    assert network_of(header(network=together)) == Conv4(filters=3)
