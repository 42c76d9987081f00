"""YAML as the servers read it, edited by splices on the places that libyaml marks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from itertools import chain, islice
from typing import NamedTuple

from homeamp_agent.configfiles.document import (
    DEFAULT_LIMITS,
    Document,
    KeyPath,
    KeySegment,
    Limits,
    Problem,
    Setting,
    Value,
)
from homeamp_agent.configfiles.errors import EditRefused, TooLargeError
from homeamp_agent.configfiles.proof import ABSENT, Operation, prove, prove_all, same
from homeamp_agent.configfiles.text import SourceText, Splice
from homeamp_agent.configfiles.yaml_compose import compose
from homeamp_agent.configfiles.yaml_insert import insertions
from homeamp_agent.configfiles.yaml_nodes import (
    MappingNode,
    ScalarNode,
    SequenceNode,
    YamlNode,
    resolved,
    value_of,
)
from homeamp_agent.configfiles.yaml_place import Place, YamlText
from homeamp_agent.configfiles.yaml_set import changes
from homeamp_agent.configfiles.yaml_unset import removals
from homeamp_agent.configfiles.yaml_write import wanted


class YamlDocument(Document):
    """A YAML file; of several documents in it the first is the config."""

    format = "yaml"
    typed = True

    def __init__(self, file: str, data: bytes, limits: Limits = DEFAULT_LIMITS) -> None:
        self.file = file
        self.data = data
        self.limits = limits
        self.source = SourceText(file, data, limits)
        composed = compose(self.source, limits)
        self.root = composed.root
        self._composed = composed
        self.problems: tuple[Problem, ...] = (*self.source.problems(), *composed.problems)

    def _read(self, data: bytes) -> YamlDocument:
        return YamlDocument(self.file, data, self.limits)

    @cached_property
    def settings(self) -> Mapping[KeyPath, Setting]:
        found: dict[KeyPath, Setting] = {}
        if self.root is not None:
            _collect((), self.root, found)
        if len(found) > self.limits.max_settings:
            first = next(islice(found.values(), self.limits.max_settings, None))
            assert isinstance(first, YamlNode)  # noqa: S101  (what _collect finds)
            reason = f"more than {self.limits.max_settings:,} settings"
            raise TooLargeError(self.file, reason, *self.source.place(first.start))
        return found

    def value(self, path: KeyPath) -> Value:
        if self.root is None:
            if path:
                raise KeyError(path)
            return None
        return value_of(self._places(path)[-1].node)

    def set(self, path: KeyPath, value: Value) -> bytes:
        draft = self._set(path, value)
        return self.data if draft.made else self._first_proven(draft, "set")

    def unset(self, path: KeyPath) -> bytes:
        places = self._there(path)
        if not path:
            raise EditRefused("the whole file cannot be removed, only its keys")
        self._refuse_borrowed(places)
        draft = _Draft(places, _path_of(places), ABSENT, removals(self._text, places))
        return self._first_proven(draft, "unset")

    def insert(self, path: KeyPath, value: Value) -> bytes:
        known = self._known_part(path)
        if len(known) == len(path):
            raise EditRefused("the key is there already")
        return self._first_proven(self._insert(known, path, value), "insert")

    def put_all(self, values: Iterable[tuple[KeyPath, Value]]) -> bytes:
        splices: list[Splice] = []
        wished: list[tuple[KeyPath, Value]] = []
        for path, value in values:
            known = self._known_part(path)
            there = self.root is not None and len(known) == len(path)
            draft = self._set(path, value) if there else self._insert(known, path, value)
            splices += () if draft.made else next(draft.attempts, ())
            wished.append((draft.path, draft.value))
        return prove_all(self, self.source.spliced(splices), wished)

    def _set(self, path: KeyPath, value: Value) -> _Draft:
        places = self._there(path)
        value = wanted(value, value_of(places[-1].node))
        if same(value_of(places[-1].node), value):
            return _Draft(places, _path_of(places), value, iter(()), made=True)
        self._refuse_borrowed(places)
        return _Draft(places, _path_of(places), value, changes(self._text, places, value))

    def _insert(self, known: KeyPath, path: KeyPath, value: Value) -> _Draft:
        places = self._places(known) if self.root is not None else []
        self._refuse_borrowed(places)
        value = wanted(value, None)
        missing = path[len(known) :]
        attempts = chain(
            insertions(self._text, places, missing, value),
            insertions(self._text_without_blocks, places, missing, value),
        )
        return _Draft(places, (*_path_of(places), *missing), value, attempts)

    def _there(self, path: KeyPath) -> list[Place]:
        try:
            return self._places(path)
        except KeyError:
            raise EditRefused("there is no such key in the file") from None

    @cached_property
    def _text(self) -> YamlText:
        composed = self._composed
        return YamlText(self.source, self.root, composed.start, composed.end)

    @property
    def _text_without_blocks(self) -> YamlText:
        """For where `|` would swallow the blank lines that follow it."""
        composed = self._composed
        return YamlText(self.source, self.root, composed.start, composed.end, blocks=False)

    def _places(self, path: KeyPath) -> list[Place]:
        """The nodes from the root down `path`, each with how it was reached.

        Raises:
            KeyError: nothing is there.
        """
        if self.root is None:
            raise KeyError(path)
        places = [Place(self.root, None, None, 0, False)]
        for segment in path:
            places.append(places[-1].below(segment))
        return places

    def _known_part(self, path: KeyPath) -> KeyPath:
        """The longest beginning of `path` that is in the file."""
        if self.root is None:
            return ()
        place = Place(self.root, None, None, 0, False)
        for depth, segment in enumerate(path):
            try:
                place = place.below(segment)
            except KeyError:
                return path[:depth]
        return path

    def _refuse_borrowed(self, places: list[Place]) -> None:
        for place in places:
            if place.borrowed:
                raise EditRefused(
                    f"the value is shared: it is written in line {resolved(place.node).line} and "
                    "comes here through an alias or a merge key"
                )

    def _first_proven(self, draft: _Draft, operation: Operation) -> bytes:
        """The bytes of the first attempt that holds the proof; the first refusal if none does."""
        refusal: EditRefused | None = None
        for splices in draft.attempts:
            try:
                after = self.source.spliced(splices)
                return prove(self, after, operation=operation, path=draft.path, value=draft.value)
            except EditRefused as error:
                refusal = refusal or error
        if any(id(place.node) in self._composed.shared for place in draft.places):
            raise EditRefused(
                "the value is shared: other places of the file use it through its anchor"
            ) from refusal
        raise refusal or EditRefused("there is no way to write it that leaves all else alone")


class _Draft(NamedTuple):
    """An edit that is to be written and proven: the nodes down to where it is made, its path as the
    file types it, what is to be read back there, and whole attempts at it.

    `made`: the file says so already.
    """

    places: list[Place]
    path: KeyPath
    value: Value
    attempts: Iterator[list[Splice]]
    made: bool = False


def _path_of(places: list[Place]) -> KeyPath:
    return tuple(place.segment for place in places[1:])


def _collect(path: KeyPath, node: YamlNode, found: dict[KeyPath, Setting]) -> None:
    """Add every leaf below `node`, each under its path."""
    target = resolved(node)
    below: Iterable[tuple[KeySegment, YamlNode]]
    if type(target) is MappingNode and target.table:
        below = target.table.items()
    elif type(target) is SequenceNode and target.children:
        below = enumerate(target.children)
    else:
        found[path] = node
        return
    for segment, child in below:
        # Twice as fast as (*path, segment), and a scan makes one for each setting.
        deeper = path + (segment,)  # noqa: RUF005
        if child.__class__ is ScalarNode:
            found[deeper] = child
        else:
            _collect(deeper, child, found)
