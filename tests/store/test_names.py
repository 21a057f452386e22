"""What an alias may be called: readable, one spelling, and never to be taken for an id or a path."""

import unicodedata

import pytest

from store.errors import InvalidName
from store.ids import PREFIXES, new_id
from store.names import MAX_BYTES, alias_name


@pytest.mark.parametrize("name", ["wine-prod", "a", "Wein & Öl?", "नमस्\u200dते", "🍇", "mdl", "a_b.c", "a" * MAX_BYTES])
def test_a_readable_name_is_kept_in_its_composed_form(name):
    for form in ("NFC", "NFD"):
        assert alias_name(unicodedata.normalize(form, name)) == unicodedata.normalize("NFC", name)


@pytest.mark.parametrize(
    "name",
    ["", " a", "a ", "a/b", "a\\b", ".", "..", "a\nb", "a\0", "a\u202eb", "a\u2028b", "\ufffd", "a\ud800", "ö" * 101],
)
def test_what_cannot_be_read_or_is_a_path_is_no_name(name):
    with pytest.raises(InvalidName):
        alias_name(name)


@pytest.mark.parametrize("kind", sorted(PREFIXES))
def test_a_name_does_not_begin_like_an_id(kind):
    for name in (new_id(kind), new_id(kind).lower(), f"{PREFIXES[kind]}_wine"):
        with pytest.raises(InvalidName):
            alias_name(name)
