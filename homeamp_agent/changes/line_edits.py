"""Line edits: what can be done about a setting in a file that no reader can read.

Without settings there is no proof, so such an edit is refused; but where the line of its key is
found exactly once, the refusal shows that line as it is and as it would be. An edit that allows it
(`line_edit`) is planned so, and the plan says what it is and why.

Once a line edit makes the file readable, there is a proof after all: the setting must then have the
wanted value, at its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from homeamp_agent.changes.diff import (
    PICTURES,
    ShownFile,
    secret_literals,
    shown_file,
    unified_diff,
)
from homeamp_agent.changes.edit import ANY_VALUE, PlainEdit, agrees
from homeamp_agent.changes.places import locate
from homeamp_agent.configfiles import (
    ConfigFileError,
    Document,
    EditRefused,
    Limits,
    LineEdit,
    open_quotes,
    parse,
    propose_line_edit,
    setting_at,
    verify_line_edit,
)
from homeamp_agent.model.change import EditOperation, LineChange
from homeamp_agent.model.secret import Masker, is_masked, wire_value
from homeamp_agent.model.setting import KeyPath, Value, dotted, segment_text, text_of
from homeamp_agent.model.snapshot import MISSING

MOST_CHARACTERS = 600
"""Of each line that is shown; a real config file holds one of 572 KB."""

_STARTS = re.compile(r"that starts in line (\d{1,9})")

ALLOW_IT = "a line edit is possible: `line_edit: true` in the edit allows it"


@dataclass(frozen=True, slots=True)
class PlannedLine:
    """A line edit with what a plan shows of it; `edit` is where the setting stands, once it can
    be read."""

    line: LineEdit = field(repr=False)
    shown: LineChange
    edit: PlainEdit
    diff: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class LinePlanner:
    """Plans line edits of one file's `content`, which cannot be read for the reason `unread`."""

    content: bytes = field(repr=False)
    unread: ConfigFileError
    masker: Masker
    limits: Limits

    def why(self) -> str:
        """Why the file cannot be read, with the place; nothing that looks like a secret."""
        reason = self.masker.mask_line(self.unread.reason)
        if self.unread.line is None:
            return reason
        column = "" if self.unread.column is None else f", column {self.unread.column}"
        return f"{reason} (line {self.unread.line}{column})"

    def plan(self, edit: PlainEdit) -> PlannedLine:
        """The line edit that comes to `edit`.

        Raises:
            EditRefused: there is none, or it may not be shown whole, or it would do harm.
        """
        self._refuse_unfit(edit)
        old = None if edit.expected_old is ANY_VALUE else text_of(edit.expected_old)
        line = self._proposed(edit, old)
        self._refuse_secret(edit, line)
        if line.data == self.content:
            raise EditRefused(f"line {line.line} is already so")
        try:
            verify_line_edit(line, self.content, line.data, self.limits)
        except ConfigFileError as error:
            raise EditRefused(error.reason) from error
        document = readable(edit.file, line.data, self.limits)
        made = edit if document is None else replace(edit, path=self._kept(document, edit))
        shown = LineChange(
            line=line.line,
            old_line=_clipped(line.old_line),
            new_line=_clipped(line.new_line),
            unread=self.why(),
            unread_line=self.unread.line,
            unread_column=self.unread.column,
            readable_after=document is not None,
        )
        expected = line.old_text if old is None else edit.expected_old
        diff = self._diff(edit, line, document)
        return PlannedLine(line, shown, replace(made, expected_old=expected), diff)

    def mending(
        self, file: str, instance: str, plugin: str | None
    ) -> tuple[PlainEdit, LineChange] | None:
        """The edit that a person would try first, and what it comes to: the value where reading
        failed, put in quotes. Only where the file can be read after it."""
        try:
            for number in dict.fromkeys(self._suspects(file)):
                found = setting_at(file, self.content, number, self.limits)
                if found is None:
                    continue
                edit = PlainEdit(
                    instance, file, found.path, new=found.value, plugin=plugin, line_edit=True
                )
                offer = self.offer(edit)
                if offer is not None and offer.readable_after:
                    return edit, offer
        except ConfigFileError:
            return None
        return None

    def _suspects(self, file: str) -> Iterator[int]:
        """The line where reading failed, that where what was read then starts, those above whose
        quote is not closed, the one above."""
        if (line := self.unread.line) is not None:
            if started := _STARTS.search(self.unread.reason):
                yield int(started[1])
            yield from open_quotes(file, self.content, line, self.limits)
            yield line
            yield line - 1

    def _diff(self, edit: PlainEdit, line: LineEdit, document: Document | None) -> str:
        """With the lines around it only where it is known what in them is secret."""
        if document is not None:
            literals = secret_literals(document, self.masker, edit.plugin)
            after = shown_file(line.data, document, self.masker, edit.plugin, literals)
            before = shown_file(self.content, None, self.masker, edit.plugin)
            same = len(before.raw) == len(after.raw) >= line.line
            if same and before.raw[line.line - 1] != after.raw[line.line - 1]:
                masked = list(after.masked)
                masked[line.line - 1] = before.masked[line.line - 1]
                return unified_diff(edit.file, ShownFile(before.raw, masked), after)
        sides = (_clipped(line.old_line), _clipped(line.new_line))
        old, new = (each.translate(PICTURES) for each in sides)
        place = f"@@ -{line.line} +{line.line} @@"
        return f"--- a/{edit.file}\n+++ b/{edit.file}\n{place}\n-{old}\n+{new}\n"

    def offer(self, edit: PlainEdit) -> LineChange | None:
        """The same, to be shown beside the refusal; None where there is none."""
        try:
            return self.plan(edit).shown
        except EditRefused:
            return None

    def _refuse_unfit(self, edit: PlainEdit) -> None:
        if edit.operation is not EditOperation.SET:
            raise EditRefused(f"a line edit only sets a value; `{edit.operation.value}` is none")
        if not edit.path or not isinstance(edit.path[-1], str):
            raise EditRefused("a line edit needs a named key")
        values = [each for each in (edit.expected_old, edit.new) if each is not ANY_VALUE]
        if not all(map(_is_simple, values)):
            raise EditRefused("a line edit is for one text, number, true or false")

    def _refuse_secret(self, edit: PlainEdit, line: LineEdit) -> None:
        """What is approved unproven must be seen whole."""
        masked = any(
            is_masked(wire_value(self.masker.mask(edit.path, value, edit.plugin)))
            for value in (edit.expected_old, edit.new, line.old_text)
            if value is not ANY_VALUE
        )
        shown = (self.masker.mask_line(each.strip()) for each in (line.old_line, line.new_line))
        if masked or tuple(shown) != (line.old_line.strip(), line.new_line.strip()):
            raise EditRefused("the line holds a secret: a line edit must be seen whole")

    def _proposed(self, edit: PlainEdit, old: str | None) -> LineEdit:
        """Of the whole dotted key if a line begins with it, else of its last name."""
        refusal: EditRefused | None = None
        for key, parents in _keys(edit.path):
            try:
                return propose_line_edit(
                    edit.file,
                    self.content,
                    key,
                    old,
                    text_of(edit.new),
                    self.limits,
                    is_text=isinstance(edit.new, str),
                    parents=parents,
                )
            except EditRefused as error:
                refusal = error
            except ConfigFileError as error:
                raise EditRefused(error.reason) from error
        raise refusal or EditRefused("there is no key to look for")

    def _kept(self, document: Document, edit: PlainEdit) -> KeyPath:
        """Where the setting stands now that the file can be read."""
        for candidate in (edit.path, (dotted(edit.path),)):
            path, actual = locate(document, candidate)
            if actual is MISSING:
                continue
            if agrees(edit.new, actual, typed=document.typed, masker=self.masker):
                return path
            raise EditRefused("the file could be read then, but would hold another value there")
        raise EditRefused("the file could be read then, but the line is that of another setting")


def readable(file: str, content: bytes, limits: Limits) -> Document | None:
    """The file's settings, if it can be read."""
    try:
        return parse(file, content, limits)
    except ConfigFileError:
        return None


def _keys(path: KeyPath) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The names that a line may begin with, each with the keys that it would stand under."""
    texts = [segment_text(each) for each in path if type(each) is not int]
    if len(texts) > 1:
        yield ".".join(texts), ()
    yield texts[-1], tuple(texts[:-1])


def _is_simple(value: Value) -> bool:
    return value is not MISSING and isinstance(value, str | int | float)


def _clipped(line: str) -> str:
    return line if len(line) <= MOST_CHARACTERS else line[:MOST_CHARACTERS] + "…"
