"""Users' own words inside Markdown: shown as they are, and nothing but shown."""

import json
import re
from typing import Any

_TICKS = re.compile("`+")
_WORD = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", re.ASCII)


def code(text: object) -> str:
    """``text`` as a code span: no markup, link or HTML in it works, and it stays on its line."""
    plain = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in str(text)) or " "
    fence = "`" * (_longest(plain) + 1)
    # a space within each fence is taken away again, and keeps a backtick of the text apart from the fence
    pad = " " if plain[0] in "` " or plain[-1] in "` " else ""
    return f"{fence}{pad}{plain}{pad}{fence}"


def word(text: str) -> str:
    """A name of our own as it is; one that only an imported file can have brought as a code span."""
    return text if _WORD.fullmatch(text) else code(text)


def block(value: Any) -> str:
    """``value`` as a fenced block of JSON."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    plain = "".join(
        letter if letter.isprintable() or letter == "\n" else letter.encode("unicode-escape").decode()
        for letter in text
    )
    fence = "`" * max(3, _longest(plain) + 1)
    return f"{fence}json\n{plain}\n{fence}"


def _longest(text: str) -> int:
    return max((len(ticks) for ticks in _TICKS.findall(text)), default=0)
