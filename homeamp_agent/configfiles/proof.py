"""The proof behind every edit: read the new bytes again, and nothing but the one edit may differ.

Comparison is strict in type (`1` is not `1.0`, nor `True`, nor `"1"`), in the order of keys and
lists, and safe for NaN. It costs one parse and one walk over both trees.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import Enum
from typing import Final, Literal

from homeamp_agent.configfiles.document import Document, KeyPath, KeySegment, Value
from homeamp_agent.configfiles.errors import ConfigFileError, EditRefused
from homeamp_agent.configfiles.sniff import format_of


class _Absent(Enum):
    ABSENT = "absent"


ABSENT: Final = _Absent.ABSENT
"""No value: what `unset` leaves behind."""

_HARMLESS: Final = frozenset({"undecodable_bytes"})
"""Problems that a new value may bring along: here the value itself holds such bytes."""

Operation = Literal["set", "unset", "insert"]


def prove(
    before: Document,
    after: bytes,
    *,
    operation: Operation,
    path: KeyPath,
    value: Value = ABSENT,
) -> bytes:
    """Return `after` if it is `before` with exactly this one edit, as the same reader reads both.

    `path` names the setting with the segments as the file types them. `value` is what must be read
    back at `path` (in a text format: the text), and is left out for `unset`.

    Raises:
        EditRefused: the new bytes cannot be read, read back another value, change anything else,
            show a problem (`Document.problems`) that was not there, or look like a file of another
            format.
    """
    new = _read_again(before, after)
    _compare(before.value(()), new.value(()), path, 0, operation, value)
    _refuse_new_problems(before, new)
    return after


def prove_all(before: Document, after: bytes, values: Iterable[tuple[KeyPath, Value]]) -> bytes:
    """Return `after` if it is `before` with exactly these values set or inserted.

    Paths and values are as those of `prove`.

    Raises:
        EditRefused: as `prove` does; it does not tell which of the values is to blame.
    """
    new = _read_again(before, after)
    old_tree, new_tree = before.value(()), _copied(new.value(()))
    for path, value in values:
        new_tree = _taken_back(old_tree, new_tree, path, value)
    if not same(old_tree, new_tree):
        raise EditRefused("together the edits would change something else")
    _refuse_new_problems(before, new)
    return after


def _read_again(before: Document, after: bytes) -> Document:
    try:
        new = before.reread(after)
    except ConfigFileError as error:
        raise EditRefused(f"the file could not be read after the edit: {error}") from error
    _refuse_other_format(before, new)
    return new


def _refuse_new_problems(before: Document, new: Document) -> None:
    extra = Counter(problem.kind for problem in new.problems)
    extra.subtract(Counter(problem.kind for problem in before.problems))
    for problem in new.problems:
        if extra[problem.kind] > 0 and problem.kind not in _HARMLESS:
            raise EditRefused(f"the edit would cause a problem: {problem.message}")


def _copied(tree: Value) -> Value:
    """A copy in which what an alias shares stands at each of its places."""
    if isinstance(tree, dict):
        return {key: _copied(value) for key, value in tree.items()}
    return [_copied(item) for item in tree] if isinstance(tree, list) else tree


def _taken_back(old: Value, new: Value, path: KeyPath, value: Value) -> Value:
    """The new tree as it is without this one edit, which must be there."""
    if not path:
        if not same(new, value):
            raise EditRefused(_read_back(new, value))
        return old
    segment = path[0]
    if not _has(new, segment):
        raise EditRefused("an edit is not there afterwards")
    was = old[segment] if _has(old, segment) else ABSENT
    rest = _taken_back(was, new[segment], path[1:], value)
    if rest is not ABSENT:
        new[segment] = rest
    elif isinstance(new, dict):
        del new[segment]
        # A parent that was not there, or that held nothing, goes back to that.
        return new if new or isinstance(old, dict) else old
    else:
        raise EditRefused("items of lists are not inserted beside other edits")
    return new


def _refuse_other_format(before: Document, new: Document) -> None:
    """Where the content tells the format (`.conf`, `.cfg`), it must tell the same one as before."""
    if not before.format_told:
        before.format_told = _told_format(before.file, before.data) == before.format
    if not before.format_told or new.format_told:
        return  # if not told, whoever opened it knew better
    told = _told_format(before.file, new.data)
    new.format_told = told == before.format
    if not new.format_told:
        raise EditRefused(f"after the edit the file would look like {told or 'no known format'}")


def _told_format(file: str, data: bytes) -> str | None:
    try:
        return format_of(file, data)
    except ConfigFileError:
        return None


def same(left: Value, right: Value) -> bool:
    """Whether two values are equal in type, order and content; NaN equals NaN, 0.0 not -0.0."""
    kind = type(left)
    if kind is not type(right):
        return False
    if kind is dict:
        if len(left) != len(right):
            return False
        # A loop that settles texts itself: most of a proof's time goes by here.
        for (key, one), (other_key, other) in zip(left.items(), right.items(), strict=True):
            if key != other_key or type(key) is not type(other_key):
                return False
            texts = type(one) is str and type(other) is str
            if not (one == other if texts else same(one, other)):
                return False
        return True
    if kind is list:
        return len(left) == len(right) and all(map(same, left, right))
    if kind is float:
        return repr(left) == repr(right)
    return bool(left == right)


def _compare(
    old: Value, new: Value, path: KeyPath, depth: int, operation: Operation, value: Value
) -> None:
    """Walk down `path` in both trees; raise EditRefused at the first difference beside it."""
    if depth == len(path):
        if not same(new, value):
            raise EditRefused(_read_back(new, value))
        return
    segment = path[depth]
    old, new = _empty_as_mapping(old, depth, operation), _empty_as_mapping(new, depth, operation)
    if type(old) is not type(new):
        raise EditRefused(f"the edit would change what {_dotted(path[:depth])} is")
    if isinstance(old, dict):
        _compare_mapping(old, new, path, depth)
    elif isinstance(old, list) and type(segment) is int:
        _compare_list(old, new, path, depth, operation)
        if operation == "unset" and depth == len(path) - 1:
            return
    else:
        raise EditRefused(f"{_dotted(path[:depth])} holds no settings")
    if operation == "unset":
        _compare_removal(old, new, path, depth)
    elif not _has(new, segment):
        raise EditRefused(f"{_dotted(path)} is not there after the edit")
    elif _has(old, segment):
        _compare(old[segment], new[segment], path, depth + 1, operation, value)
    else:
        _compare_new(new[segment], path, depth + 1, value)


def _compare_removal(old: Value, new: Value, path: KeyPath, depth: int) -> None:
    segment = path[depth]
    last = depth == len(path) - 1
    if last and _has(new, segment):
        raise EditRefused(f"{_dotted(path)} is still there after the edit")
    if last:
        return
    if _has(new, segment):
        _compare(old[segment], new[segment], path, depth + 1, "unset", ABSENT)
    elif not _is_only_leaf(old[segment], path, depth + 1):
        raise EditRefused(f"the edit would remove {_dotted(path[: depth + 1])} as a whole")


def _compare_new(new: Value, path: KeyPath, depth: int, value: Value) -> None:
    """Below a parent that the insert made, only the new setting may stand."""
    for segment in path[depth:]:
        if not (isinstance(new, dict) and len(new) == 1 and _has(new, segment)):
            raise EditRefused(f"{_dotted(path)} is not there after the edit")
        new = new[segment]
    if not same(new, value):
        raise EditRefused(_read_back(new, value))


def _compare_mapping(
    old: dict[KeySegment, Value], new: dict[KeySegment, Value], path: KeyPath, depth: int
) -> None:
    segment = path[depth]
    olds = [key for key in old if key != segment or type(key) is not type(segment)]
    news = [key for key in new if key != segment or type(key) is not type(segment)]
    if olds != news or list(map(type, olds)) != list(map(type, news)):
        raise EditRefused(f"the edit would change other keys beside {_dotted(path[: depth + 1])}")
    for key in olds:
        if not same(old[key], new[key]):
            raise EditRefused(f"the edit would change {_dotted((*path[:depth], key))}")


def _compare_list(
    old: list[Value], new: list[Value], path: KeyPath, depth: int, operation: Operation
) -> None:
    index = path[depth]
    assert isinstance(index, int)  # noqa: S101  (narrows for mypy; the caller has looked)
    removed = operation == "unset" and depth == len(path) - 1
    rest = old[:index] + old[index + 1 :]
    news = new if removed else new[:index] + new[index + 1 :]
    if not same(rest, news):
        raise EditRefused(f"the edit would change other items of {_dotted(path[:depth])}")


def _empty_as_mapping(tree: Value, depth: int, operation: Operation) -> Value:
    """An empty file is a file without keys; so is a value that is missing where keys will go."""
    if tree is None and (depth == 0 or operation == "insert"):
        return {}
    return tree


def _has(tree: Value, segment: KeySegment) -> bool:
    if isinstance(tree, list):
        return type(segment) is int and 0 <= segment < len(tree)
    return isinstance(tree, dict) and any(
        key == segment and type(key) is type(segment) for key in tree
    )


def _is_only_leaf(tree: Value, path: KeyPath, depth: int) -> bool:
    for segment in path[depth:]:
        if not (isinstance(tree, dict) and len(tree) == 1 and _has(tree, segment)):
            return False
        tree = tree[segment]
    return True


def _dotted(path: KeyPath) -> str:
    return ".".join(map(str, path)) or "the file's top level"


def _read_back(new: Value, value: Value) -> str:
    """The kinds of two values, never their content: a refusal must not carry a secret to a log."""
    if _kind(new) == _kind(value):
        return f"{_kind(value)} was written, but does not read back the same"
    return f"{_kind(value)} was written, but reads back as {_kind(new)}"


def _kind(value: Value) -> str:
    if value is ABSENT:
        return "nothing"
    return {"NoneType": "null", "str": "text", "dict": "a mapping", "list": "a list"}.get(
        type(value).__name__, f"a value of type {type(value).__name__}"
    )
