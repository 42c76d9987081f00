"""Methods as values: name, access, params, result, and the function that answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from pydantic import BaseModel, ValidationError

from homeamp_agent.rpc.access import Peer
from homeamp_agent.rpc.events import Subscription
from homeamp_agent.rpc.protocol.errors import InvalidParams, MethodNotFound, RpcError
from homeamp_agent.rpc.protocol.messages import Access, param_names

MAX_PROBLEMS = 20
"""Problems that an `invalid_params` reply lists: a list of 10,000 wrong ids needs no more."""

Rooms = TypeVar("Rooms")
Params = TypeVar("Params", bound=BaseModel)
Answer = TypeVar("Answer", bound=BaseModel)


class Line(Protocol):
    """What a method may do with the connection it was called over."""

    def follow(self, subscription: Subscription) -> None:
        """Send the events of `subscription` after the reply; ends an earlier one."""


@dataclass(frozen=True, slots=True)
class Call(Generic[Rooms]):
    """One call: the agent's rooms, who calls, and the line back."""

    rooms: Rooms
    peer: Peer
    access: Access
    line: Line


@dataclass(frozen=True, slots=True)
class Method(Generic[Rooms]):
    """A registered method. `mutates` methods run to their end though the caller hangs up."""

    name: str
    access: Access
    params: type[BaseModel]
    result: type[BaseModel]
    run: Callable[[Call[Rooms], Any], Awaitable[BaseModel]]
    errors: tuple[type[RpcError], ...] = ()

    @property
    def summary(self) -> str:
        """One line for a person."""
        return (self.run.__doc__ or self.name).strip().partition("\n")[0]

    @property
    def mutates(self) -> bool:
        """Whether it changes anything: such methods need `operate`."""
        return self.access is Access.OPERATE

    def read_params(self, params: Any) -> BaseModel:
        """The params, given by name or by position.

        Raises:
            InvalidParams: they do not fit; values are never repeated in the error.
        """
        if isinstance(params, list):
            params = self._by_name(params)
        try:
            return self.params.model_validate(params)
        except ValidationError as error:
            problems = [
                f"{'.'.join(map(str, each['loc'])) or 'params'}: {each['msg']}"
                for each in error.errors(
                    include_url=False, include_context=False, include_input=False
                )[:MAX_PROBLEMS]
            ]
            raise InvalidParams("; ".join(problems[:3]), problems=problems) from error
        except RecursionError as error:
            raise InvalidParams("params are nested too deeply") from error

    def _by_name(self, values: list[Any]) -> dict[str, Any]:
        names = param_names(self.params)
        if len(values) > len(names):
            raise InvalidParams(f"{self.name} takes at most {len(names)} params, not {len(values)}")
        return dict(zip(names, values, strict=False))


def method(
    name: str,
    *,
    access: Access,
    params: type[Params],
    result: type[Answer],
    errors: Iterable[type[RpcError]] = (),
) -> Callable[[Callable[[Call[Any], Params], Awaitable[Answer]]], Method[Any]]:
    """Make a method of a function; its docstring's first line is its summary in OpenRPC."""

    def register(function: Callable[[Call[Any], Params], Awaitable[Answer]]) -> Method[Any]:
        return Method(name, access, params, result, function, tuple(errors))

    return register


class Registry(Mapping[str, Method[Any]]):
    """Methods by name."""

    def __init__(self, methods: Iterable[Method[Any]]) -> None:
        self._methods: dict[str, Method[Any]] = {}
        for each in methods:
            if each.name in self._methods:
                raise ValueError(f"two methods are named {each.name}")
            self._methods[each.name] = each

    def __getitem__(self, name: str) -> Method[Any]:
        return self._methods[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._methods)

    def __len__(self) -> int:
        return len(self._methods)

    def find(self, name: str) -> Method[Any]:
        """The method of that name.

        Raises:
            MethodNotFound: there is none.
        """
        try:
            return self._methods[name]
        except KeyError as error:
            shown = name if len(name) <= 100 else name[:100] + "…"
            raise MethodNotFound(f"no method {shown}: rpc.discover lists all") from error
