"""Starting and stopping games."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from homeamp_agent.amp import Lifecycle, LifecycleError, NoAmp
from homeamp_agent.model.game import GameState

ACTS: dict[str, Callable[[Lifecycle], Awaitable[object]]] = {
    "start": lambda it: it.start("SURV01"),
    "stop": lambda it: it.stop("SURV01"),
    "restart": lambda it: it.restart("SURV01"),
    "wait_ready": lambda it: it.wait_ready("SURV01", 1),
    "wait_empty": lambda it: it.wait_empty("SURV01", 1),
    "announce": lambda it: it.announce("SURV01", "hello"),
    "back_up": lambda it: it.back_up("SURV01", "before"),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
async def test_without_amp_every_act_is_refused_in_one_line(
    act: Callable[[Lifecycle], Awaitable[object]],
) -> None:
    with pytest.raises(LifecycleError, match=r"^SURV01: no AMP is configured") as told:
        await act(NoAmp())
    assert "\n" not in str(told.value)


async def test_without_amp_the_state_is_unknown_and_says_why() -> None:
    lifecycle: Lifecycle = NoAmp()
    state = await lifecycle.state("SURV01")
    assert (state.state, lifecycle.available) == (GameState.UNKNOWN, False)
    assert "no AMP is configured" in state.message
