"""YAML text to a tree of nodes, from the events of libyaml's parser.

Events and not PyYAML's composer: that one recurses in C and takes the process down at a nesting of
100,000; this loop has a stack of its own, counts what it makes, and stops at the first bound.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple, NoReturn

import yaml
from yaml._yaml import CParser

from homeamp_agent.configfiles.document import KeySegment, Limits, Problem, Scalar
from homeamp_agent.configfiles.errors import ConfigFileError, TooLargeError
from homeamp_agent.configfiles.text import SourceText
from homeamp_agent.configfiles.yaml_halves import REFUSED, Halves
from homeamp_agent.configfiles.yaml_nodes import (
    AliasNode,
    CollectionNode,
    MappingNode,
    ScalarNode,
    SequenceNode,
    YamlNode,
    children_first,
    resolved,
)
from homeamp_agent.configfiles.yaml_scalars import NUMBER_SIGNS, TAG, WORDS, TaggedText

_PROPERTIES: Final = re.compile(
    r"(?:(?:&[0-9A-Za-z_-]*|![^\s,\[\]{}]*)(?:(?:[ \t]*(?:#.*)?(?:\r\n|\n|\r))+[ \t]*|[ \t]+)?)+"
)
_BREAK: Final = re.compile(r"[\r\n]")
_LAST_BREAK: Final = re.compile(r"(?:\r\n|\n|\r)[ \t]*\Z")
_BLOCK_HEADER_KEEPS: Final = re.compile(r"[|>][0-9]?\+")

_MERGE: Final = TAG + "merge"


_TOO_DEEP_FOR_LIBYAML = "exceeded maximum nesting depth"
_LIBYAML_MAX_DEPTH = 1000
"""libyaml 0.2.6 (in PyYAML 6.0.4) stops there by itself, and reads ahead of our own count."""


class Composed(NamedTuple):
    """A composed document.

    `shared` holds the ids of nodes that an alias stands for. `start` and `end` are the places
    between which the document's own text lies, its `---` and `...` left out.
    """

    root: YamlNode | None
    problems: tuple[Problem, ...]
    shared: frozenset[int]
    start: int
    end: int


def compose(source: SourceText, limits: Limits) -> Composed:
    """The first document of `source`.

    Raises:
        ConfigFileError: the text is not YAML.
        TooLargeError: it nests, or expands, beyond `limits`.
    """
    try:
        try:
            return _Composer(source, limits, CParser(source.text).get_event).compose()
        except yaml.MarkedYAMLError as error:
            halves = Halves.of(source.text) if error.problem == REFUSED else None
            if halves is None:
                raise
        get_event = halves.meant(CParser(halves.stand_in).get_event)
        return _Composer(source, limits, get_event).compose()
    except yaml.YAMLError as error:
        raise _as_config_file_error(source, error, limits) from None


class _Composer:
    def __init__(self, source: SourceText, limits: Limits, get_event: Callable[[], Any]) -> None:
        self.source = source
        self.limits = limits
        self.problems: list[Problem] = []
        self.anchors: dict[str, YamlNode] = {}
        self.anchored_scalars: list[tuple[str, ScalarNode]] = []
        self.shared: set[int] = set()
        self.open: list[CollectionNode] = []
        self.merged_keys = 0
        self.get_event = get_event

    def compose(self) -> Composed:
        self.get_event()
        event = self.get_event()
        if event.__class__ is yaml.StreamEndEvent:
            return Composed(None, (), frozenset(), len(self.source.text), len(self.source.text))
        start = event.end_mark.index
        top, end = self._read_nodes()
        root = top[0]
        self._look_beyond()
        if self.shared:
            self._measure_expansion(root)
        for _, node in self.anchored_scalars:
            if id(node) not in self.shared:
                self._report_suspicious(node)
        return Composed(root, tuple(self.problems), frozenset(self.shared), start, end)

    def _read_nodes(self) -> tuple[list[YamlNode], int]:
        """The loop over events: one bound method call, one node and one append for each scalar."""
        source, get_event, open_nodes = self.source, self.get_event, self.open
        # A setting in a mapping is two nodes, in a list one: room is counted in halves.
        deepest, room, halves = self.limits.max_depth, 2 * self.limits.max_settings, 2
        top: list[YamlNode] = []
        siblings = top
        scalar_event, mapping_start, sequence_start = (
            yaml.ScalarEvent,
            yaml.MappingStartEvent,
            yaml.SequenceStartEvent,
        )
        node: Any
        new, blocks = object.__new__, frozenset("|>")
        while True:
            event = get_event()
            kind = event.__class__
            if kind is scalar_event:
                mark = event.style
                # Not by a call of the class: that call takes a tenth of the reading.
                node = new(ScalarNode)
                node.source = source
                node.text = event.value
                node.mark = mark
                node.tag = None
                node.start = node.properties = event.start_mark.index
                node.end = event.end_mark.index
                if event.tag is not None or event.anchor is not None or mark in blocks:
                    self._finish_scalar(node, event)
                siblings.append(node)
                room -= halves
                if room < 0:
                    self._refuse_settings(event.start_mark.index)
            elif kind is mapping_start or kind is sequence_start:
                node = (MappingNode if kind is mapping_start else SequenceNode)(
                    source,
                    event.tag,
                    event.start_mark.index,
                    event.end_mark.index,
                    event.flow_style,
                )
                if event.tag is not None or event.anchor is not None:
                    self._skip_properties(node)
                if event.anchor is not None:
                    self.anchors[event.anchor] = node
                siblings.append(node)
                open_nodes.append(node)
                siblings = node.children
                room -= halves
                halves = 1 if kind is mapping_start else 2
                if len(open_nodes) > deepest:
                    self._refuse_depth(node)
                if room < 0:
                    self._refuse_settings(event.start_mark.index)
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                node = open_nodes.pop()
                if node.flow:
                    node.end = event.end_mark.index
                elif node.children:
                    node.end = node.children[-1].end
                if node.__class__ is MappingNode:
                    self._make_table(node)
                siblings = open_nodes[-1].children if open_nodes else top
                halves = 1 if open_nodes and open_nodes[-1].__class__ is MappingNode else 2
            elif kind is yaml.AliasEvent:
                siblings.append(self._alias(event))
                room -= halves
                if room < 0:
                    self._refuse_settings(event.start_mark.index)
            else:
                return top, event.start_mark.index

    def _look_beyond(self) -> None:
        """Note further documents; what stands in them is none of the config's business."""
        try:
            event = self.get_event()
        except yaml.YAMLError as error:
            event = error
        if event.__class__ is not yaml.StreamEndEvent:
            mark = getattr(event, "start_mark", None)
            line = self.source.line(mark.index) if mark else None
            message = "more than one document; only the first is the config"
            self.problems.append(Problem("extra_documents", message, line))

    def _finish_scalar(self, node: ScalarNode, event: Any) -> None:
        tag = event.tag
        if tag is not None and not (tag == "!" and event.implicit[0]):
            node.tag = TAG + "str" if tag == "!" else tag
        if tag is not None or event.anchor is not None:
            self._skip_properties(node)
        if node.mark in ("|", ">"):
            node.end = _block_scalar_end(self.source.text, node)
        if event.anchor is not None:
            self.anchors[event.anchor] = node
            self.anchored_scalars.append((event.anchor, node))

    def _skip_properties(self, node: YamlNode) -> None:
        """Let `start` be where the token itself stands: libyaml marks where its anchor does."""
        properties = _PROPERTIES.match(self.source.text, node.start)
        if properties is None:
            return
        node.properties = node.start
        implied = isinstance(node, ScalarNode) and node.implied
        node.start = node.end if implied else properties.end()

    def _alias(self, event: Any) -> AliasNode:
        start = event.start_mark.index
        target = self.anchors.get(event.anchor)
        if target is None:
            # Its name may be a secret that begins with `*`: no message repeats it.
            self._fail("an alias stands for nothing: text that begins with * needs quotes", start)
        if any(target is node for node in self.open):
            self._fail("an alias stands inside of what it stands for", start)
        self.shared.add(id(target))
        return AliasNode(self.source, event.anchor, target, start, event.end_mark.index)

    def _make_table(self, node: MappingNode) -> None:
        keys, values = node.children[::2], node.children[1::2]
        segments = [
            key.text
            if key.__class__ is ScalarNode
            and key.tag is None
            and (key.mark or ((text := key.text) not in WORDS and text[0] not in NUMBER_SIGNS))
            else segment_of(key)
            for key in keys
        ]
        node.table = node.own = dict(zip(segments, values, strict=True))
        if len(node.own) != len(segments):
            self._settle_collisions(node, keys, segments)
        if "<<" in node.own:
            self._merge(node, keys, segments)

    def _settle_collisions(
        self, node: MappingNode, keys: list[YamlNode], segments: list[KeySegment]
    ) -> None:
        """Tell true duplicates from keys that only Python takes for equal (`1` and `true`)."""
        own: dict[KeySegment, YamlNode] = {}
        first_line: dict[tuple[type, KeySegment], int] = {}
        integers = {segment for segment in segments if type(segment) is int}
        for key, raw, value in zip(keys, segments, node.children[1::2], strict=True):
            segment = raw
            if type(raw) is bool and int(raw) in integers:
                segment = self.source.text[key.start : key.end]
            identity = (type(segment), segment)
            if identity in first_line:
                message = f"{_shown(key)} is set again; line {first_line[identity]} has no effect"
                self.problems.append(Problem("duplicate_key", message, key.line))
            first_line[identity] = key.line
            own[segment] = value
        node.table = node.own = own

    def _merge(self, node: MappingNode, keys: list[YamlNode], segments: list[KeySegment]) -> None:
        """Resolve `<<`; a quoted `"<<"` is an ordinary key."""
        merge = keys[segments.index("<<")]
        if not (
            isinstance(merge, ScalarNode) and not merge.mark and merge.tag in (None, TAG + "merge")
        ):
            return
        own = {segment: child for segment, child in node.own.items() if segment != "<<"}
        merged: dict[KeySegment, YamlNode] = {}
        written = node.own["<<"]
        sources = resolved(written)
        several = sources.children if isinstance(sources, SequenceNode) else [sources]
        for one in reversed(several):
            mapping = resolved(one)
            if not isinstance(mapping, MappingNode):
                self._fail("a merge key (<<) needs a mapping or a list of mappings", merge.start)
            self.merged_keys += 1 + len(mapping.table)
            if self.merged_keys > self.limits.max_alias_expansion:
                self._refuse_expansion(merge)
            merged.update(mapping.table)
        node.own = own
        node.table = {**merged, **own}

    def _measure_expansion(self, root: YamlNode) -> None:
        """Raise TooLargeError if following aliases passes a bound (the "billion laughs").

        A node closes before an alias to it opens, so sizes come from the leaves up.
        """
        order = children_first(root)
        most = len(order) + self.limits.max_alias_expansion
        sizes: dict[int, tuple[int, int]] = {}
        for node in order:
            leaves, depth = 1, 0
            if isinstance(node, AliasNode):
                leaves, depth = sizes[id(node.target)]
            elif isinstance(node, CollectionNode):
                below = node.table.values() if isinstance(node, MappingNode) else node.children
                measured = [sizes[id(child)] for child in below]
                leaves = max(1, sum(size for size, _ in measured))
                depth = 1 + max((deep for _, deep in measured), default=0)
            if leaves > most:
                self._refuse_expansion(node)
            if depth > self.limits.max_depth:
                self._refuse_depth(node)
            sizes[id(node)] = leaves, depth

    def _report_suspicious(self, node: ScalarNode) -> None:
        """A colour code without quotes (`prefix: &aFoo`) reads as an anchor, and is lost."""
        message = (
            "without quotes what begins with & is an anchor that nothing uses, not text; "
            f"the value is read as {'null' if node.implied else 'what follows it'}"
        )
        line = self.source.line(node.properties)
        self.problems.append(Problem("suspicious_anchor", message, line))
        if node.implied:
            # What the person meant as the value is the anchor: a new value takes its place.
            node.start = node.properties

    def _refuse_depth(self, node: YamlNode) -> NoReturn:
        line, column = self.source.place(node.start)
        reason = f"nested deeper than {self.limits.max_depth} levels"
        raise TooLargeError(self.source.file, reason, line, column)

    def _refuse_expansion(self, node: YamlNode) -> NoReturn:
        reason = f"its aliases stand for more than {self.limits.max_alias_expansion:,} settings"
        raise TooLargeError(self.source.file, reason, *self.source.place(node.start))

    def _refuse_settings(self, index: int) -> NoReturn:
        reason = f"more than {self.limits.max_settings:,} settings"
        raise TooLargeError(self.source.file, reason, *self.source.place(index))

    def _fail(self, reason: str, index: int) -> NoReturn:
        raise ConfigFileError(self.source.file, reason, *self.source.place(index))


def segment_of(key: YamlNode) -> KeySegment:
    """A key as a path's segment: text, integers, booleans and null typed, all else as source text.

    A mapping or list as a key (`{{NAME}}` without quotes) is its source text too: Bukkit turns
    every key into text.
    """
    if isinstance(key, AliasNode):
        return segment_of(key.target)
    if isinstance(key, ScalarNode):
        value: Scalar = key.value
        if value is None or (isinstance(value, str | int) and not isinstance(value, TaggedText)):
            return value
        return key.text
    return key.source.text[key.start : key.end]


def _shown(key: YamlNode) -> str:
    return str(segment_of(key))


def _block_scalar_end(text: str, node: ScalarNode) -> int:
    """Where the last line of a block scalar ends: libyaml's mark lies behind the blank lines.

    With the `+` of its header those blank lines belong to the value, all but the last break.
    """
    written = text[node.start : node.end]
    keeps = _BLOCK_HEADER_KEEPS.match(written) is not None
    if keeps:
        trailing = _LAST_BREAK.search(written)
    else:
        # Not one pattern for all blank lines: CRLF would match in two ways, each line anew.
        trailing = _BREAK.search(written, len(written.rstrip(" \t\r\n")))
    if trailing is None:
        return node.end
    if not keeps and node.text.rstrip("\n").endswith((" ", "\t")):
        trailing = _LAST_BREAK.search(written) or trailing
    return node.start + trailing.start()


def _as_config_file_error(
    source: SourceText, error: yaml.YAMLError, limits: Limits
) -> ConfigFileError:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        index = min(error.problem_mark.index, len(source.text))
        if error.problem == _TOO_DEEP_FOR_LIBYAML:
            levels = min(limits.max_depth, _LIBYAML_MAX_DEPTH)
            return TooLargeError(
                source.file, f"nested deeper than {levels} levels", *source.place(index)
            )
        reason = error.problem or "not YAML"
        if error.context and error.context_mark is not None:
            context_line = source.line(min(error.context_mark.index, len(source.text)))
            reason += f" ({error.context} that starts in line {context_line})"
        return ConfigFileError(source.file, f"not YAML: {reason}", *source.place(index))
    if isinstance(error, yaml.reader.ReaderError):
        before = source.text.encode("utf-8")[: error.position].decode("utf-8", "ignore")
        character = (
            f"U+{error.character:04X}" if isinstance(error.character, int) else "a character"
        )
        reason = f"not YAML: {character} is not allowed"
        return ConfigFileError(source.file, reason, *source.place(len(before)))
    return ConfigFileError(source.file, f"not YAML: {error}")
