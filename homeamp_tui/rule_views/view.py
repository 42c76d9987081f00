"""What a list of the rules screen is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from textual.content import Content

from homeamp_agent.model.expectation import Explanation
from homeamp_agent.model.setting import KeyPath, dotted
from homeamp_agent.rpc.protocol.messages import RulesExplainParams, RulesExplainResult
from homeamp_tui.links import Link
from homeamp_tui.screens.paned import Detail
from homeamp_tui.widgets.column_table import Cell, Column
from homeamp_tui.windows import Found

Item = TypeVar("Item")


class Place(Protocol):
    """A setting of an instance, as rows of several kinds name it."""

    @property
    def instance(self) -> str: ...
    @property
    def plugin(self) -> str | None: ...
    @property
    def file(self) -> str | None: ...
    @property
    def key(self) -> str | None: ...
    @property
    def path(self) -> KeyPath | None: ...


def dotted_key(key: str | None, path: KeyPath | None) -> str:
    """The key as it is written, or its path with dots; empty where it is about no key."""
    return key or (dotted(path) if path is not None else "")


async def explained(link: Link, place: Place) -> Explanation:
    """Why the setting should be what it should be; raises as `Link.call`."""
    params = RulesExplainParams(
        instance=place.instance, plugin=place.plugin, file=place.file, path=place.path,
        key=place.key if place.path is None else None,
    )  # fmt: skip
    return (await link.call("rules.explain", params, RulesExplainResult)).explanation


class View(ABC, Generic[Item]):
    """One list: its columns (a host's comes before them), its rows, the detail of one."""

    KEY: ClassVar[str]
    WORDS: ClassVar[str]
    COLUMNS: ClassVar[Sequence[Column]]

    @abstractmethod
    async def ask(self, link: Link, text: str, offset: int, limit: int) -> Found[Item]:
        """Some rows that match `text`, and how many do.

        Raises:
            NotConnected, RpcError: as `Link.call`.
        """

    @abstractmethod
    def identity(self, item: Item) -> tuple[Any, ...]:
        """What a row is known by on its agent."""

    @abstractmethod
    def cells(self, item: Item) -> Sequence[Cell]:
        """A row in its columns."""

    @abstractmethod
    async def detail(self, link: Link, item: Item, place: int) -> Detail:
        """A row in full; of a rule, its chain at one of its places, counted round.

        Raises:
            NotConnected, RpcError: as `Link.call`.
        """

    @abstractmethod
    def nothing(self) -> Content:
        """What stands here without rows."""

    def deviations_of(self, item: Item) -> str:
        """The filter of the deviations screen that shows what belongs to the row; empty: none."""
        del item
        return ""
