from learning.transfer.linear_probe import LinearProbe


def test_the_head_alone_learns():
    names = ["trunk.embeddings.0.weight", "trunk.layers.0.bias", "heads.weight", "heads.bias"]
    assert LinearProbe().trainable(names) == {"heads.weight", "heads.bias"}
