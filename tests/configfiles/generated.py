"""Strategies: files of every format, each with the tree of values that it must read as.

YAML has its own in test_yaml_generated.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from homeamp_agent.configfiles import Setting
from tests.configfiles import layouts

TRAPS = (
    *("yes", "1e3", "0123", "12:30", "null", "true", "-1", "&a", "%x", "a: b", " x ", "x #y", "="),
    *("l1\nl2\n", "-", "${x}", '"', "'", "'''", '"""', "\\", "\\u12", "//", "/*", "{", "é§"),
)
ANY_TEXT = st.text(
    st.characters(exclude_categories=("Cs", "Cn"), exclude_characters="\x00"), max_size=10
) | st.sampled_from(TRAPS)
LINE = ANY_TEXT.filter(lambda text: "\n" not in text and "\r" not in text)
TRIMMED = LINE.map(lambda text: text.strip())
WORDS = st.text("abcxyzXYZ", min_size=1, max_size=8).filter(lambda word: word.lower() not in "nan")
INTEGERS = st.integers(-(2**63), 2**63 - 1)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)


@dataclass(frozen=True)
class Kind:
    """A format's files.

    Attributes:
        file: a name that tells the format.
        layout: writes a tree; see `layouts`.
        trees: what such a file can hold.
        usual_trees: with only texts that are words, for edits that must be reversible to the byte.
        values: what a given setting must be able to take.
        keys: names for a new key.
        new_values: what a new key must be able to hold.
    """

    file: str
    layout: type[layouts.Layout]
    trees: SearchStrategy[dict[str, Any]]
    usual_trees: SearchStrategy[dict[str, Any]]
    values: Callable[[Setting], SearchStrategy[Any]]
    keys: SearchStrategy[str]
    new_values: SearchStrategy[Any]

    @property
    def new_items(self) -> SearchStrategy[Any]:
        """What a list must take that is empty, or holds lists and mappings."""
        return FORGE_ITEMS if self.layout is layouts.ForgeCfg else self.new_values

    @property
    def documents(self) -> SearchStrategy[tuple[bytes, dict[str, Any]]]:
        """Files with every spelling that the format has, and what they read as."""
        return st.builds(self._laid_out, self.trees, st.integers(0, 9_999), st.just(False))

    @property
    def usual_documents(self) -> SearchStrategy[tuple[bytes, dict[str, Any]]]:
        """Files whose values are written as an edit would write them."""
        return st.builds(self._laid_out, self.usual_trees, st.integers(0, 9_999), st.just(True))

    def _laid_out(
        self, tree: dict[str, Any], seed: int, usual: bool
    ) -> tuple[bytes, dict[str, Any]]:
        data: bytes = self.layout(seed, usual=usual).document(tree)  # type: ignore[attr-defined]
        return data, tree


def _nested(
    scalars: SearchStrategy[Any], keys: SearchStrategy[str], *, least: int = 0
) -> SearchStrategy[dict[str, Any]]:
    below = st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
        max_leaves=8,
    )
    return st.dictionaries(keys, below, min_size=least, max_size=5)


def _flat(values: SearchStrategy[str], keys: SearchStrategy[str]) -> SearchStrategy[dict[str, Any]]:
    return st.dictionaries(keys, values, min_size=1, max_size=6)


def _categories(texts: SearchStrategy[str], items: SearchStrategy[str]) -> SearchStrategy[Any]:
    numbers = (st.booleans(), INTEGERS, FLOATS)
    scalars = st.one_of(*numbers, texts)
    lists = st.one_of(*(st.lists(kind, max_size=3) for kind in (*numbers, items)))
    below = st.recursive(
        scalars | lists, lambda inner: st.dictionaries(FORGE_KEYS, inner, max_size=3), max_leaves=8
    )
    return st.dictionaries(FORGE_KEYS, below, min_size=1, max_size=4)


def _ini(texts: SearchStrategy[str]) -> SearchStrategy[dict[str, Any]]:
    return st.builds(
        lambda above, sections: {**above, **sections},
        st.dictionaries(INI_KEYS, texts, max_size=2),
        st.dictionaries(
            st.text("STU tu", min_size=1, max_size=5),
            st.dictionaries(INI_KEYS, texts, min_size=1, max_size=4),
            min_size=1,
            max_size=3,
        ),
    )


def _any_of(strategy: SearchStrategy[Any]) -> Callable[[Setting], SearchStrategy[Any]]:
    return lambda setting: strategy


def _of_its_letter(setting: Setting) -> SearchStrategy[Any]:
    """What a Forge property can take; an item can neither be empty nor look like the list's end."""
    by_letter: dict[str, SearchStrategy[Any]] = {
        "B": st.booleans(),
        "I": INTEGERS,
        "D": FLOATS,
    }
    return by_letter.get(setting.style, FORGE_ITEMS)


TREE_KEYS = st.text("abcXYZ.:=# é1\"'{\\-_", min_size=1, max_size=5) | WORDS
LINE_KEYS = st.text("abcXYZ.: é1-\\", min_size=1, max_size=6).filter(lambda key: key == key.strip())
FORGE_KEYS = st.text("abcXYZ. é1-:{=#", min_size=1, max_size=6) | WORDS
FORGE_ITEMS = TRIMMED.filter(lambda text: text and text[0] != ">" and text[-1] != "<")
INI_KEYS = st.text("abcXYZ. é1-", min_size=1, max_size=5).filter(lambda key: key == key.strip())

_JSON_SCALARS = st.none() | st.booleans() | st.integers() | FLOATS | ANY_TEXT
_HOCON_SCALARS = st.none() | st.booleans() | INTEGERS | FLOATS | ANY_TEXT
_TOML_SCALARS = st.booleans() | INTEGERS | st.floats() | ANY_TEXT
_USUAL = st.booleans() | st.integers(-(2**40), 2**40) | WORDS

KINDS = {
    "json": Kind(
        "f.json",
        layouts.Json,
        _nested(_JSON_SCALARS, TREE_KEYS),
        _nested(_USUAL, TREE_KEYS),
        _any_of(_JSON_SCALARS),
        TREE_KEYS,
        _JSON_SCALARS,
    ),
    "json5": Kind(
        "f.json5",
        layouts.Json5,
        _nested(_JSON_SCALARS, TREE_KEYS),
        _nested(_USUAL, TREE_KEYS),
        _any_of(_JSON_SCALARS),
        TREE_KEYS,
        _JSON_SCALARS,
    ),
    "toml": Kind(
        "f.toml",
        layouts.Toml,
        _nested(_TOML_SCALARS, TREE_KEYS),
        _nested(_USUAL, TREE_KEYS),
        _any_of(_TOML_SCALARS),
        TREE_KEYS,
        _TOML_SCALARS,
    ),
    "properties": Kind(
        "f.properties",
        layouts.Properties,
        _flat(ANY_TEXT, TREE_KEYS),
        _flat(WORDS, TREE_KEYS),
        _any_of(ANY_TEXT),
        TREE_KEYS,
        ANY_TEXT,
    ),
    "hocon": Kind(
        "f.hocon",
        layouts.Hocon,
        _nested(_HOCON_SCALARS, TREE_KEYS),
        _nested(_USUAL, TREE_KEYS),
        _any_of(_HOCON_SCALARS),
        TREE_KEYS,
        _HOCON_SCALARS,
    ),
    "forge_cfg": Kind(
        "forge.cfg",
        layouts.ForgeCfg,
        _categories(LINE, FORGE_ITEMS),
        _categories(WORDS, WORDS),
        _of_its_letter,
        FORGE_KEYS,
        st.booleans() | INTEGERS | FLOATS | LINE,
    ),
    "kvp": Kind(
        "f.kvp",
        layouts.Kvp,
        _flat(LINE, LINE_KEYS),
        _flat(WORDS, LINE_KEYS),
        _any_of(LINE),
        LINE_KEYS,
        LINE,
    ),
    "ini": Kind(
        "f.ini", layouts.Ini, _ini(TRIMMED), _ini(WORDS), _any_of(TRIMMED), INI_KEYS, TRIMMED
    ),
}
