"""What training did not see, as a warning that can be counted over many tables."""

from dataclasses import dataclass

from learning.errors import Notice


@dataclass(frozen=True, slots=True)
class Unseen(Notice):
    """``rows`` rows hold in ``column`` (the group_by columns of a group) what training did not see, ``example`` first."""

    rows: int = 0
    column: str = ""
    example: str = ""
