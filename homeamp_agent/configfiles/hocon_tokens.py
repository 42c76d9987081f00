"""HOCON's tokens: where they end and what they read as, by the rules of Lightbend's reader."""

from __future__ import annotations

import json
import re
from typing import Final

from homeamp_agent.configfiles.document import Value
from homeamp_agent.configfiles.escapes import without_lone_surrogates

_WS = r" \t\r\f\v\x1c-\x1f\ufeff\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_FORBIDDEN = r"$\"{}\[\]:=,+#`^?!@*&\\\\"
_TRIPLE = r'"""(?:[^"]++|"(?!""))*+"""+'
_QUOTED = r'"[^"\\\n]*+(?:\\.[^"\\\n]*+)*+"'
_WORD = rf"(?:[^{_FORBIDDEN}{_WS}\n/]++|/(?!/))++"
_NUMBER = r"-?[0-9][0-9eE+.-]*+"
_COMMENT = r"(?:#|//)[^\n]*+"
# Stops at another `${`, so that a line full of unclosed ones is not scanned to its end each time.
_SUBSTITUTION = r'\$\{(?:"[^"\n]*+"|[^"${}\n])*+\}'

COMMENT: Final = re.compile(_COMMENT)
BLANKS: Final = re.compile(rf"[{_WS}]*+")
GAP: Final = re.compile(rf"(?:[{_WS}\n]++|{_COMMENT})*+")
KEY: Final = re.compile(rf'(?:{_TRIPLE}|{_QUOTED}|(?:[{_WS}]*+{_WORD})++|[{_WS}]++(?=["]))++')
KEY_PART: Final = re.compile(rf"({_TRIPLE})|({_QUOTED})|([^\"]+)")
_SIMPLE_KEY = r"([A-Za-z0-9_-]++|\"([^\"\\\n]*+)\"(?!\"))"
SIMPLE_KEY: Final = re.compile(_SIMPLE_KEY + r"(?=[ \t]*+[={:])")
USUAL_MEMBER: Final = re.compile(
    _SIMPLE_KEY + r"[ \t]*+[=:][ \t]*+(\"([^\"\\\n]*+)\"|[A-Za-z0-9_.-]++)(?=[ \t]*+[\r\n,}])"
)
SEPARATOR: Final = re.compile(r"\+=|[:=]")
INCLUDE: Final = re.compile(
    r'include[ \t]+(?:"[^"\n]*"|(?:required|file|url|classpath)[ \t]*\([^\n]*\))'
)
SCALAR: Final = re.compile(
    rf"({_TRIPLE})|({_QUOTED})|((?:{_NUMBER}|{_WORD})(?:[{_WS}]*+(?:{_NUMBER}|{_WORD}))*+)"
    rf"|({_SUBSTITUTION})"
)
VALUE_END: Final = re.compile(r"[,\n}\]#]|//|\Z")
RAW_PIECE: Final = re.compile(
    rf"{_TRIPLE}|{_QUOTED}|{_SUBSTITUTION}|{_COMMENT}|[{{}}\[\],\n]|[^{{}}\[\],\n\"$#/]++|[$/]"
)

_INTEGER = re.compile(r"-?[0-9]{1,19}\Z")
_DECIMAL = re.compile(r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\Z")
_WORDS: Final[dict[str, Value]] = {"true": True, "false": False, "null": None}
_LONG_RANGE = range(-(2**63), 2**63)
_scan_strict = json.JSONDecoder(strict=False).raw_decode


def unquoted(token: str) -> Value:
    """What an unquoted value reads as: a word, a Java long or double, else text."""
    if token in _WORDS:
        return _WORDS[token]
    if _INTEGER.match(token) and int(token) in _LONG_RANGE:
        return int(token)
    if _DECIMAL.match(token) and not token.lstrip("-").isdigit():
        return float(token)
    return token


def is_plus_misplaced(token: str) -> bool:
    """Whether an unquoted token holds a `+` that no number excuses (Lightbend: reserved)."""
    return "+" in token and not _DECIMAL.match(token)


def quoted(token: str) -> str:
    """What a quoted token reads as.

    Raises:
        ValueError: an escape that JSON does not know.
    """
    if token.startswith('"""'):
        return token[3:-3]
    if "\\" not in token:
        return token[1:-1]
    return without_lone_surrogates(str(_scan_strict(token)[0]))


def is_safe_unquoted(text: str) -> bool:
    """Whether `text` written without quotes reads back as the same text."""
    found = SCALAR.match(text)
    if found is None or found.end() != len(text) or found.lastindex != 3 or "+" in text:
        return False
    return unquoted(text) == text and text == text.strip()
