"""What the pool and the zygote agree on: the word for "loaded", and the form of a request for a decoder."""

import struct

READY = b"ready"
WALL = struct.Struct("!d")  # seconds that the decoder may take; the requester's socket travels beside it
