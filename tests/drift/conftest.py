"""A small network on disk, in AMP's layout, with real jars."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from homeamp_agent.drift import check
from homeamp_agent.model.deviation import Deviation

HOST = "alder"
KEY = bytes(range(32))


@dataclass
class Network:
    """`instances/` and `baselines/` of a host; tests fill them."""

    root: Path

    @property
    def instances(self) -> Path:
        return self.root / "instances"

    @property
    def baselines(self) -> Path:
        return self.root / "baselines"

    def game(self, instance: str) -> Path:
        return self.instances / instance / "Minecraft"

    def instance(self, name: str, files: dict[str, str | bytes] | None = None) -> Path:
        """A Paper instance; `files` by path below its game folder."""
        game = self.game(name)
        (game / "plugins").mkdir(parents=True, exist_ok=True)
        (self.instances / name / "AMPConfig.conf").write_text("Core.Name=x\n")
        (game / "bukkit.yml").touch()
        for path, content in (files or {}).items():
            self.write(name, path, content)
        return game

    def write(self, instance: str, path: str, content: str | bytes) -> Path:
        file = self.game(instance) / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file

    def plugin(
        self, instance: str, name: str, config: str | bytes | None = None, default: str = ""
    ) -> None:
        """A plugin with its jar; `config` is its config.yml, `default` the one inside the jar."""
        plugins = self.game(instance) / "plugins"
        plugins.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(plugins / f"{name}-1.0.jar", "w") as jar:
            jar.writestr("plugin.yml", f"name: {name}\nversion: '1.0'\nmain: x.Y\n")
            if default:
                jar.writestr("config.yml", default)
        if config is not None:
            self.write(instance, f"plugins/{name}/config.yml", config)

    def rules(self, *rules: dict[str, Any], **declared: Any) -> None:
        """rules.yaml."""
        self.baselines.mkdir(exist_ok=True)
        document = {"version": 1, **declared, "rules": list(rules)}
        (self.baselines / "rules.yaml").write_text(yaml.safe_dump(document, sort_keys=False))

    def check(self, **options: Any) -> tuple[Deviation, ...]:
        report = check(
            host=HOST,
            instances=self.instances,
            baselines=self.baselines,
            masker_key=KEY,
            workers=1,
            **options,
        )
        return report.deviations


@pytest.fixture
def network(tmp_path: Path) -> Network:
    network = Network(tmp_path)
    network.instances.mkdir()
    network.baselines.mkdir()
    return network
