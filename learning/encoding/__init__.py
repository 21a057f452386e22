"""From table cells to the numbers a trunk reads."""

from learning.encoding.absent import Absent, absent_cells
from learning.encoding.columns import CLIP, moments
from learning.encoding.encoding import Encoded, Encoding, fit

__all__ = ["CLIP", "Absent", "Encoded", "Encoding", "absent_cells", "fit", "moments"]
