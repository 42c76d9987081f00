"""What stands on a screen that has nothing to list: no agent answers, or nothing is found."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from homeamp_tui.links import Link, LinkState
from homeamp_tui.words import plain


def nobody_answers(links: Sequence[Link]) -> Content:
    """Every agent that does not answer, and the way on."""
    lines = [Content.styled("No agent answers", "bold $warning"), Content("")]
    for link in links:
        lines.append(Content.styled(plain(link.host), "bold"))
        if link.state is LinkState.LOST:
            lines.append(Content.styled(plain(link.why), "$muted"))
        else:
            lines.append(Content.styled("connecting…", "$muted"))
    lines += [
        Content(""),
        Content.styled("It is tried again all the time. Meanwhile:", "$muted"),
        Content.styled("homeamp-agent run       starts an agent on this host", "$muted"),
        Content.styled("homeamp-tui --demo      shows made-up hosts      ", "$muted"),
    ]
    return Content("\n").join(lines)


def nothing_found(*, narrowed: bool) -> Content:
    """No deviation is listed; `narrowed`: there may be some that are not looked at."""
    if narrowed:
        return Content.assemble(
            ("Nothing matches.\n\n", "bold"), ("esc widens the view again", "$muted")
        )
    return Content.assemble(
        ("✓ Everything is as it should be\n\n", "bold $success"),
        (
            "t shows what was approved or fixed, r scans again;\n"
            "1 tells how many rules and instances that is said of",
            "$muted",
        ),
    )
