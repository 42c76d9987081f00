"""The check that every edit of every format has to pass."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from homeamp_agent.configfiles import Document, KeyPath, Value, parse
from homeamp_agent.configfiles.proof import same

SetInPlace = Callable[[Document, KeyPath, Value], bytes]


@pytest.fixture(scope="session")
def set_in_place() -> SetInPlace:
    """Set a scalar, and hold the result to what the door promises.

    Only the bytes of the value's token change, the value reads back, every other setting stays, and
    the old value set again gives a file that reads as the first one did.
    """

    def check(document: Document, path: KeyPath, value: Value) -> bytes:
        before = document.data
        span = document.settings[path].span
        after = document.set(path, value)
        assert after[: span.start] == before[: span.start]
        assert after[span.start :].endswith(before[span.end :])
        new = parse(document.file, after)
        assert same(new.value(path), value)
        others = {p: s.value for p, s in document.settings.items() if p != path}
        assert {p: s.value for p, s in new.settings.items() if p != path} == others
        back = parse(document.file, new.set(path, document.value(path)))
        assert same(back.value(()), document.value(()))
        return after

    return check
