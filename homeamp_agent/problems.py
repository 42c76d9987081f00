"""What is wrong with the agent now, as `agent.status` tells it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Problems:
    """What is wrong now, by part; each part replaces its own lines."""

    _lines: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def set(self, part: str, *lines: str) -> None:
        """These lines, and no others, are wrong with the part."""
        if lines:
            self._lines[part] = lines
        else:
            self._lines.pop(part, None)

    def all(self) -> tuple[str, ...]:
        """Every line, by part."""
        return tuple(line for part in sorted(self._lines) for line in self._lines[part])
