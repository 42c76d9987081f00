"""HOCON text to a tree with places (the format of Lightbend's config library).

Objects that occur twice merge, as the library does. Substitutions and concatenations with them stay
the text they are; an include is a `Problem`, since it needs other files.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from homeamp_agent.configfiles import hocon_tokens as tokens
from homeamp_agent.configfiles.document import Limits, Problem, Value
from homeamp_agent.configfiles.scanner import Scanner
from homeamp_agent.configfiles.text import SourceText
from homeamp_agent.configfiles.tree import NOWHERE, Branch, Leaf, Node, Sequence, duplicate_key


class Block(Branch):
    """An object: what it means (`members`) and what stands between its own braces (`entries`).

    Attributes:
        entries: the members written between these braces, in file order.
        braced: False for a file without braces around it.
        more: further blocks of the same key, whose meaning is merged into this one.
    """

    __slots__ = ("braced", "entries", "more")

    def __init__(self, at: int, key_end: int, start: int, end: int, lead: int = NOWHERE) -> None:
        super().__init__(at, key_end, start, end, lead)
        self.entries: list[Node] = []
        self.more: list[Block] = []
        self.braced = True

    @property
    def written(self) -> list[Block]:
        """The blocks that the file writes braces for; none for a key that only dots imply."""
        return [block for block in (self, *self.more) if block.start != NOWHERE]


class ScatteredSequence(Sequence):
    """A list that `+=` lines build; it has no brackets of its own."""

    __slots__ = ()


class _Slot(NamedTuple):
    """Where a value goes: under a key of a block, or at the end of a list (key None)."""

    container: Block | Sequence
    key: str | None

    def put(self, child: Node) -> None:
        if self.key is not None and isinstance(self.container, Block):
            self.container.members[self.key] = child
        elif isinstance(self.container, Sequence):
            self.container.items.append(child)

    def replace(self, child: Node) -> None:
        if isinstance(self.container, Sequence):
            self.container.items.pop()
        self.put(child)


class _Frame(NamedTuple):
    """A container being read: what is written, what its keys mean, and where it stands itself."""

    node: Block | Sequence
    target: Block | None
    slot: _Slot | None
    depth: int


class HoconScanner(Scanner):
    """One pass over one file."""

    def __init__(self, source: SourceText, limits: Limits) -> None:
        super().__init__(source, limits)
        self.problems: list[Problem] = []
        self.blocks: list[Block] = []

    def scan(self) -> Block | Sequence:
        """The file's tree. A file without braces around it is a block from start to end."""
        pos = self._gap(0)
        opening = self._text[pos : pos + 1]
        if opening == "[":
            sequence = Sequence(pos, pos, pos, pos)
            end = self._fill(_Frame(sequence, None, None, 0), pos + 1)
            return self._ended(sequence, end)
        root = Block(pos, pos, pos, pos) if opening == "{" else Block(0, 0, 0, 0)
        root.braced = opening == "{"
        self.blocks.append(root)
        end = self._fill(_Frame(root, root, None, 0), pos + 1 if root.braced else pos)
        return self._ended(root, end)

    def _ended(self, root: Block | Sequence, end: int) -> Block | Sequence:
        # A file without braces around it is no setting of its own when it holds none.
        root.end = root.start if isinstance(root, Block) and not root.braced else end
        end = self._gap(end)
        if end < len(self._text):
            raise self._error(end, "text behind the end of the outermost bracket")
        return root

    def _fill(self, frame: _Frame, pos: int) -> int:
        """Read the members of the frame's container and all below; return the place behind."""
        frames: list[_Frame] = []
        lead = NOWHERE
        while True:
            pos = self._gap(pos)
            if self._closes(frame.node, pos):
                pos = min(pos + 1, len(self._text))
                frame.node.end = pos
                if not frames:
                    return pos
                closed, frame = frame, frames.pop()
                child, pos = self._concatenated(closed, frame, pos)
                pos, lead = self._separator(child, pos)
                continue
            include = tokens.INCLUDE.match(self._text, pos) if frame.target is not None else None
            if include:
                message = f"{include[0]} is not followed"
                line = self._source.line(pos)
                self.problems.append(Problem("unresolved_include", message, line))
                pos, lead = include.end(), NOWHERE
                continue
            child, opened, pos = self._member(frame, pos, lead)
            if opened is None:
                pos, lead = self._separator(child, pos)
                continue
            frames.append(frame)
            frame, lead = opened, NOWHERE

    def _closes(self, node: Block | Sequence, pos: int) -> bool:
        following = self._text[pos : pos + 1]
        outermost = isinstance(node, Block) and not node.braced
        if not following:
            if outermost:
                return True
            raise self._error(pos, "a bracket is not closed")
        return following == ("]" if isinstance(node, Sequence) else "}") and not outermost

    def _member(self, frame: _Frame, at: int, lead: int) -> tuple[Node, _Frame | None, int]:
        """The member at `at`, the frame of the container that it opens, the place behind."""
        if frame.target is None:
            return self._value(_Slot(frame.node, None), frame, 1, (at, at, at, lead))
        usual = tokens.USUAL_MEMBER.match(self._text, at)
        if usual:
            return self._usual(frame, usual, lead), None, usual.end()
        segments, key_end = self._key(at)
        pos = self._gap(key_end)
        separator = tokens.SEPARATOR.match(self._text, pos)
        if separator:
            pos = self._gap(separator.end())
        elif not self._text.startswith("{", pos):
            raise self._error(pos, "expected = or : or { behind the key")
        appends = separator is not None and separator[0] == "+="
        slot = self._slot(frame.target, segments, appends, at)
        return self._value(slot, frame, len(segments), (at, key_end, pos, lead))

    def _usual(self, frame: _Frame, usual: re.Match[str], lead: int) -> Leaf:
        """A member as nearly all are: a plain key, = or :, and one simple value on the line."""
        assert isinstance(frame.target, Block)  # noqa: S101  (the caller has looked)
        at, (start, end) = usual.start(), usual.span(3)
        self._count(start)
        self._check_depth(frame.depth + 1, start)
        value: Value
        if usual[4] is not None:
            value, style = usual[4], "double"
        else:
            value, style = tokens.unquoted(usual[3]), "plain"
        leaf = Leaf(self._source, value, style, at, usual.end(1), start, end, lead)
        slot = _Slot(frame.target, usual[1] if usual[2] is None else usual[2])
        self._warn_of_duplicate(slot, at)
        slot.put(leaf)
        if isinstance(frame.node, Block):
            frame.node.entries.append(leaf)
        return leaf

    def _key(self, at: int) -> tuple[list[str], int]:
        """The segments of the key at `at` and the place behind it."""
        simple = tokens.SIMPLE_KEY.match(self._text, at)
        if simple:
            return [simple[1] if simple[2] is None else simple[2]], simple.end()
        found = tokens.KEY.match(self._text, at)
        if found is None:
            raise self._error(at, "expected a key")
        text = found[0].rstrip()
        # Joined at the end: a key of 300,000 pieces must not be copied for each of them.
        pieces: list[list[str]] = [[]]
        for part in tokens.KEY_PART.finditer(text):
            if part.lastindex == 3:
                first, *others = part[0].split(".")
                pieces[-1] += [first] if first else []
                pieces += [[piece] if piece else [] for piece in others]
            else:
                pieces[-1].append(self._quoted(part[0], at + part.start()))
        if not all(pieces):
            raise self._error(at, "a key with nothing before, behind or between its dots")
        segments = ["".join(several) for several in pieces]
        if len(segments) >= self._limits.max_depth:
            self._check_depth(len(segments), at)
        return segments, at + len(text)

    def _warn_of_append(self, key: str, at: int) -> None:
        message = f"+= adds to {key!r}, which is no list here; only what it adds is known"
        self.problems.append(Problem("unresolved_include", message, self._source.line(at)))

    def _slot(self, block: Block, segments: list[str], appends: bool, at: int) -> _Slot:
        """Where the value of a dotted key goes; the blocks on the way are made."""
        for segment in segments[:-1]:
            below = block.members.get(segment)
            if not isinstance(below, Block):
                self._count(0)
                below = block.members[segment] = Block(NOWHERE, NOWHERE, NOWHERE, NOWHERE)
            block = below
        key = segments[-1]
        if not appends:
            return _Slot(block, key)
        present = block.members.get(key)
        if not isinstance(present, Sequence):
            if present is not None:
                self._warn_of_append(key, at)
            present = block.members[key] = ScatteredSequence(NOWHERE, NOWHERE, NOWHERE, NOWHERE)
        elif not isinstance(present, ScatteredSequence):
            scattered = ScatteredSequence(present.at, present.key_end, present.start, present.end)
            scattered.items = present.items
            present = block.members[key] = scattered
        return _Slot(present, None)

    def _value(
        self, slot: _Slot, frame: _Frame, levels: int, place: tuple[int, int, int, int]
    ) -> tuple[Node, _Frame | None, int]:
        at, key_end, start, lead = place
        depth = frame.depth + levels
        self._count(start)
        self._check_depth(depth, start)
        opening = self._text[start : start + 1]
        child: Node
        opened: _Frame | None = None
        end = start + 1
        if opening == "{":
            child = Block(at, key_end, start, start, lead)
            opened = _Frame(child, self._merged(slot, child), slot, depth)
        elif opening == "[":
            child = Sequence(at, key_end, start, start, lead)
            self._warn_of_duplicate(slot, at)
            slot.put(child)
            opened = _Frame(child, None, slot, depth)
        else:
            value, style, end = self._scalar(start)
            child = Leaf(self._source, value, style, at, key_end, start, end, lead)
            self._warn_of_duplicate(slot, at)
            slot.put(child)
        if isinstance(frame.node, Block):
            frame.node.entries.append(child)
        return child, opened, end

    def _merged(self, slot: _Slot, block: Block) -> Block:
        """The block that the keys of `block` go into: itself, or the one of its key so far."""
        self.blocks.append(block)
        present = None
        if slot.key is not None and isinstance(slot.container, Block):
            present = slot.container.members.get(slot.key)
        if isinstance(present, Block):
            present.more.append(block)
            return present
        slot.put(block)
        return block

    def _warn_of_duplicate(self, slot: _Slot, at: int) -> None:
        if slot.key is None or not isinstance(slot.container, Block):
            return
        if slot.key in slot.container.members:
            self.problems.append(duplicate_key(slot.key, self._source.line(at)))

    def _scalar(self, start: int) -> tuple[Value, str, int]:
        """Value, style and end of the scalar at `start`."""
        found = tokens.SCALAR.match(self._text, start)
        if found is None:
            raise self._error(start, "expected a value (some characters need quotes)")
        token, end = found[0], found.end()
        if tokens.VALUE_END.match(self._text, self._blanks(end)):
            if found.lastindex == 3:
                if tokens.is_plus_misplaced(token):
                    raise self._error(start, "a + outside of quotes")
                return tokens.unquoted(token), "plain", end
            if found.lastindex == 4:
                return token, "substitution", end
            return self._quoted(token, start), "triple" if found.lastindex == 1 else "double", end
        end = self._raw_end(start)
        text = self._text[start:end]
        joined = self._joined(text, start)
        return (text, "substitution", end) if joined is None else (joined, "concatenation", end)

    def _joined(self, text: str, start: int) -> str | None:
        """A concatenation of strings as one; None if it holds anything else."""
        pieces: list[str] = []
        pos = 0
        while pos < len(text):
            blanks = self._blanks_of(text, pos)
            pieces.append(text[pos:blanks])
            found = tokens.SCALAR.match(text, blanks)
            if found is None:
                if "${" in text:
                    return None
                raise self._error(start + blanks, "a character that needs quotes")
            if found.lastindex == 4:
                return None
            bare = found.lastindex == 3
            pieces.append(found[0] if bare else self._quoted(found[0], start + blanks))
            pos = found.end()
        return "".join(pieces)

    def _raw_end(self, start: int) -> int:
        """Where a value of several pieces ends, brackets balanced, trailing blanks left out."""
        depth, pos, end = 0, start, start
        while pos < len(self._text):
            if depth == 0 and tokens.VALUE_END.match(self._text, pos):
                break
            piece = tokens.RAW_PIECE.match(self._text, pos)
            if piece is None:
                raise self._error(pos, "a string is not closed")
            depth += (piece[0] in ("{", "[")) - (piece[0] in ("}", "]"))
            pos = end = piece.end()
        if depth:
            raise self._error(pos, "a bracket is not closed")
        return start + len(self._text[start:end].rstrip())

    def _concatenated(self, closed: _Frame, frame: _Frame, pos: int) -> tuple[Node, int]:
        """The container just closed, or, if more values follow it, all of them as one text."""
        behind = self._blanks(pos)
        if tokens.VALUE_END.match(self._text, behind):
            return closed.node, pos
        if self._text[behind] not in "{[$":
            raise self._error(behind, "expected a comma or a new line")
        node = closed.node
        end = self._raw_end(node.start)
        raw = self._text[node.start : end]
        leaf = Leaf(
            self._source, raw, "substitution", node.at, node.key_end, node.start, end, node.lead
        )
        if closed.slot is not None:
            closed.slot.replace(leaf)
        if isinstance(frame.node, Block):
            frame.node.entries[-1] = leaf
        return leaf, end

    def _separator(self, child: Node, pos: int) -> tuple[int, int]:
        """Behind the separator that follows `child`, and where its comma stands."""
        behind = self._gap(pos)
        following = self._text[behind : behind + 1]
        if following == ",":
            child.comma = behind
            return behind + 1, behind
        if following in ("", "}", "]") or "\n" in self._text[pos:behind]:
            return behind, NOWHERE
        raise self._error(behind, "expected a comma or a new line")

    def _quoted(self, token: str, start: int) -> str:
        try:
            return tokens.quoted(token)
        except ValueError as error:
            raise self._error(start, "an escape in a string that JSON does not know") from error

    def _gap(self, pos: int) -> int:
        found = tokens.GAP.match(self._text, pos)
        return found.end() if found else pos

    def _blanks(self, pos: int) -> int:
        return self._blanks_of(self._text, pos)

    @staticmethod
    def _blanks_of(text: str, pos: int) -> int:
        found = tokens.BLANKS.match(text, pos)
        return found.end() if found else pos
