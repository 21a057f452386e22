"""What an alias may be called. It stands where ids stand, in paths too, so it must be told from an id at sight."""

import unicodedata

from store.errors import InvalidName
from store.ids import PREFIXES

_BEGINNINGS = tuple(f"{prefix}_" for prefix in PREFIXES.values())
MAX_BYTES = 200
_SLASHES = frozenset("/\\")
_JOINERS = frozenset("\u200c\u200d")  # Persian, Hindi and many emoji are written with them
_LOST = "\N{REPLACEMENT CHARACTER}"  # what bytes that are no UTF-8 were read as: two names would become one


def alias_name(text: str) -> str:
    """The NFC form of an alias's name. Raises InvalidName, which never repeats the name."""
    name = unicodedata.normalize("NFC", text)
    if not 1 <= len(name.encode("utf-8", "surrogatepass")) <= MAX_BYTES or name != name.strip():
        raise InvalidName(f"expected a name of 1 to {MAX_BYTES} bytes with no space at the ends")
    if any(letter == _LOST or not (letter.isprintable() or letter in _JOINERS) for letter in name):
        raise InvalidName("expected a name without control or direction characters")
    if _SLASHES & set(name) or name in {".", ".."}:
        raise InvalidName("expected a name without / and \\ that is no relative path")
    if name.casefold().startswith(_BEGINNINGS):
        raise InvalidName(f"expected a name that does not begin like an id: {', '.join(_BEGINNINGS)}")
    return name
