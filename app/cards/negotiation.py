"""Which of several forms a client asks for (RFC 9110, section 12.5.1)."""

from collections.abc import Sequence


def preferred(accept: str | None, offers: Sequence[str]) -> str:
    """The offer that the ``Accept`` header likes best; the first of several, or where it likes none.

    A form that is named outright goes before one that only a wildcard allows.
    """
    ranges = [_range(part) for part in (accept or "*/*").split(",")]
    liked = [max((_liking(offer, *one) for one in ranges), key=lambda pair: pair[0]) for offer in offers]
    best = max(range(len(offers)), key=lambda at: (liked[at][1], liked[at][0] if liked[at][1] else 0, -at))
    return offers[best]


def _range(part: str) -> tuple[str, float]:
    """A media range and its weight; a weight that cannot be read is 0."""
    kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
    weights = [piece.removeprefix("q=") for piece in parameters if piece.startswith("q=")]
    try:
        weight = float(weights[0]) if weights else 1.0
    except ValueError:
        weight = 0.0
    return kind, weight if 0 <= weight <= 1 else 0.0


def _liking(offer: str, kind: str, weight: float) -> tuple[int, float]:
    """How closely the range names the offer (0 not at all, 3 outright), and its weight for it."""
    for closeness, name in ((3, offer), (2, f"{offer.partition('/')[0]}/*"), (1, "*/*")):
        if kind == name:
            return closeness, weight
    return 0, 0.0
