"""What stands on a screen while no agent answers: who was asked, why not, what to do."""

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
