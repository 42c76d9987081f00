"""agent.yaml, environment and options: what counts, where it came from, all that is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from homeamp_agent.settings import SettingsError, load_settings
from homeamp_agent.settings.load import leaves
from homeamp_agent.settings.sections import Settings
from homeamp_agent.settings.template import template
from tests import forked


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, str]:
    """Options that name folders which are there."""
    for name in ("instances", "baselines"):
        (tmp_path / name).mkdir()
    return {name: str(tmp_path / name) for name in ("instances", "baselines")}


def written(folder: Path, text: str, name: str = "agent.yaml", mode: int = 0o600) -> Path:
    file = folder / name
    file.write_text(text, "utf-8")
    file.chmod(mode)
    return file


def problems_of(*arguments: Any, **more: Any) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as wrong:
        load_settings(*arguments, **more)
    return wrong.value.problems


def test_options_win_over_the_environment_and_that_over_the_file(
    tmp_path: Path, folders: dict[str, str]
) -> None:
    file = written(tmp_path, "host: from-file\nscan: {sweep_s: 5, rescan_s: 50, workers: 1}\n")
    environment = {"HOMEAMP_SCAN__SWEEP_S": "6", "HOMEAMP_HOST": "from-environment"}
    effective = load_settings(file, {**folders, "host": "from-option"}, environment)
    assert effective.settings.host == "from-option"
    assert effective.settings.scan.sweep_s == 6
    assert effective.settings.scan.rescan_s == 50
    assert effective.origins["host"] == "--host"
    assert effective.origins["scan.sweep_s"] == "environment HOMEAMP_SCAN__SWEEP_S"
    assert effective.origins["scan.rescan_s"] == f"agent.yaml {file}"


def test_lists_come_from_the_environment_by_comma(folders: dict[str, str], tmp_path: Path) -> None:
    file = written(tmp_path, "")
    environment = {"HOMEAMP_ACCESS__READ_USERS": "alice, bob", "HOMEAMP_ACCESS__READ_GROUPS": ""}
    access = load_settings(file, folders, environment).settings.access
    assert access.read_users == ("alice", "bob")
    assert access.read_groups == ()


def test_everything_that_is_wrong_is_told_at_once_with_its_origin(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        "hots: typo\nscan:\n  sweep_s: often\n  workers: 0\nbaselines: /no/such/folder\n"
        f"instances: {tmp_path}\naccess: {{members: everybody}}\n",
    )
    environment = {"HOMEAMP_SCAN__RESCAN": "1"}
    problems = problems_of(file, {}, environment)
    assert len(problems) == 6
    told = "\n".join(problems)
    for part in (
        f"agent.yaml {file}: hots: is no setting; did you mean host?",
        "scan.sweep_s: input should be a valid integer",
        "scan.workers: input should be greater than or equal to 1",
        "access.members: input should be 'none', 'read' or 'operate'",
        f"agent.yaml {file}: baselines: /no/such/folder does not exist",
        "environment HOMEAMP_SCAN__RESCAN: scan.rescan: is no setting; did you mean scan.rescan_s?",
    ):
        assert part in told


def test_folders_that_are_not_there_are_told_with_the_rest(
    tmp_path: Path, folders: dict[str, str]
) -> None:
    (tmp_path / "file").write_text("")
    given = {**folders, "instances": "/no/such", "baselines": str(tmp_path / "file")}
    assert problems_of(written(tmp_path, ""), given, {}) == (
        "--instances: instances: /no/such does not exist",
        f"--baselines: baselines: {tmp_path}/file is no folder",
    )


def test_an_inbox_among_the_instances_is_told(tmp_path: Path, folders: dict[str, str]) -> None:
    inbox = f"{folders['instances']}/../{Path(folders['instances']).name}/A/inbox"
    file = written(tmp_path, f"changes: {{inbox: {inbox}}}\n")
    (problem,) = problems_of(file, folders, {})
    assert problem == f"agent.yaml {file}: changes.inbox: {inbox} is among the instances"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a: [1\n", "is no YAML"),
        (b"\xff\xfe\x00", "is no UTF-8"),
        (b"- a\n", "holds no keys"),
        (b"just text", "holds no keys"),
        (b"scan: 5\n", "scan: input should be a valid dictionary"),
        (b"x" * (1024 * 1024 + 1), "is larger than"),
        (b"a: " + b"[" * 5000, "is no YAML"),
    ],
)
def test_a_file_that_is_no_agent_yaml_is_one_line(
    tmp_path: Path, folders: dict[str, str], content: bytes, said: str
) -> None:
    file = tmp_path / "agent.yaml"
    file.write_bytes(content)
    problems = problems_of(file, folders, {})
    assert len(problems) == 1
    assert said in problems[0]
    assert "agent.yaml" in problems[0]
    assert "\n" not in problems[0]


@pytest.mark.parametrize(
    "content", [b"", b"# only a comment\n", b"scan:\naccess:\n", b"\xef\xbb\xbf"]
)
def test_an_empty_file_or_section_means_the_defaults(
    tmp_path: Path, folders: dict[str, str], content: bytes
) -> None:
    file = tmp_path / "agent.yaml"
    file.write_bytes(content)
    assert load_settings(file, folders, {}).settings.scan.sweep_s == 60


def test_a_file_that_was_asked_for_and_is_not_there_is_told(tmp_path: Path) -> None:
    assert "No such file" in problems_of(tmp_path / "none.yaml", {}, {})[0]


def test_secrets_come_from_a_file_of_their_own(tmp_path: Path, folders: dict[str, str]) -> None:
    secrets = written(tmp_path, "amp: {password: hunter2}\n", "secrets.yaml")
    file = written(tmp_path, f"secrets_file: {secrets}\namp: {{user: agent}}\n")
    effective = load_settings(file, folders, {})
    assert effective.settings.amp.password is not None
    assert effective.settings.amp.password.get_secret_value() == "hunter2"
    shown = {key: (str(value), origin) for key, value, origin in effective.rows()}
    assert shown["amp.password"] == ("set (secret)", f"secrets_file {secrets}")
    assert "hunter2" not in repr(effective)


@pytest.mark.parametrize(
    ("text", "mode", "said"),
    [
        ("amp: {password: hunter2}\n", 0o644, "chmod 600"),
        ("amp: {user: agent}\n", 0o600, "amp.user is no secret"),
        ("amp: {pasword: hunter2}\n", 0o600, "amp.pasword is no setting"),
        ("amp: {password: [hunter2]}\n", 0o600, "amp.password: input should be a valid string"),
    ],
)
def test_a_secrets_file_that_is_open_or_holds_something_else_is_refused(
    tmp_path: Path, folders: dict[str, str], text: str, mode: int, said: str
) -> None:
    secrets = written(tmp_path, text, "secrets.yaml", mode)
    file = written(tmp_path, f"secrets_file: {secrets}\n")
    problems = problems_of(file, folders, {})
    assert said in "\n".join(problems)
    assert "hunter2" not in "\n".join(problems)


def test_a_secret_in_agent_yaml_is_refused(tmp_path: Path, folders: dict[str, str]) -> None:
    file = written(tmp_path, "amp: {password: hunter2}\n")
    problems = problems_of(file, folders, {})
    assert problems == (f"agent.yaml {file}: amp.password: belongs into secrets_file",)


def test_variables_of_other_programs_of_the_house_are_left_alone(
    tmp_path: Path, folders: dict[str, str]
) -> None:
    environment = {"HOMEAMP_SSH_COMMAND": "ssh -v", "HOMEAMP_THEME": "dark"}
    assert load_settings(written(tmp_path, ""), folders, environment).settings.host


def test_the_template_is_valid_names_every_setting_and_changes_nothing(
    tmp_path: Path, folders: dict[str, str]
) -> None:
    text = template()
    file = written(tmp_path, text)
    assert load_settings(file, folders, {}).settings.scan == Settings().scan
    for key, _, _ in leaves(Settings()):
        assert f"# {key.rpartition('.')[2]}:" in text
    assert max(map(len, text.splitlines())) <= 100


def test_the_template_s_defaults_are_the_defaults(tmp_path: Path, folders: dict[str, str]) -> None:
    lines = []
    for line in template().splitlines():
        bare = line.lstrip().removeprefix("# ")
        key, colon, value = bare.partition(": ")
        if line.lstrip().startswith("# ") and colon and key.isidentifier() and value:
            lines.append(line[: len(line) - len(line.lstrip())] + bare)
        elif line and not line.lstrip().startswith("#"):
            lines.append(line)
    shown = yaml.safe_load("\n".join(lines))
    assert shown["scan"]["sweep_s"] == Settings().scan.sweep_s
    settings = load_settings(written(tmp_path, yaml.safe_dump(shown)), folders, {}).settings
    assert settings.model_dump(exclude={"instances", "baselines"}) == Settings().model_dump(
        exclude={"instances", "baselines"}
    )


def test_config_show_tells_each_value_with_its_origin(tmp_path: Path) -> None:
    file = written(tmp_path, "host: alder\n")
    done = forked.command(
        "config", "show", "--json", "--config", str(file), "--state", "/srv/state"
    )
    shown = json.loads(done.stdout)
    assert shown["host"] == {"value": "alder", "origin": f"agent.yaml {file}"}
    assert shown["state"] == {"value": "/srv/state", "origin": "--state"}
    assert shown["scan.sweep_s"] == {"value": 60, "origin": "default"}


def test_config_init_writes_what_config_show_reads_and_never_over_a_file(tmp_path: Path) -> None:
    file = tmp_path / "agent.yaml"
    assert forked.command("config", "init", str(file)).returncode == 0
    assert forked.command("config", "show", "--config", str(file)).returncode == 0
    again = forked.command("config", "init", str(file))
    assert again.returncode == 2
    assert again.stderr == f"homeamp-agent: {file}: is there already; it is not overwritten\n"


def test_wrong_settings_end_every_command_with_2_and_a_line_each(tmp_path: Path) -> None:
    folders = f"instances: {tmp_path}\nbaselines: {tmp_path}\n"
    file = written(tmp_path, f"{folders}hots: a\nscan: {{workers: 0}}\n")
    for command in ("run", "check"):
        done = forked.command(command, "--config", str(file))
        assert done.returncode == 2
        assert done.stdout == ""
        assert len(done.stderr.splitlines()) == 2
        assert all(
            line.startswith("homeamp-agent: agent.yaml") for line in done.stderr.splitlines()
        )


def test_windows_and_time_zones_that_are_none_are_told_each_at_its_key(tmp_path: Path) -> None:
    text = "restarts: {time_zone: Berlin, windows: {night: 3-5}, window: nigth}\n"
    file = written(tmp_path, f"instances: {tmp_path}\nbaselines: {tmp_path}\n{text}")
    told = forked.command("run", "--config", str(file)).stderr.splitlines()
    keys = [line.partition("agent.yaml: ")[2].partition(":")[0] for line in told]
    assert keys == ["restarts.time_zone", "restarts.windows", "restarts.window"]


def test_an_account_in_the_url_of_amp_is_refused_without_repeating_it(tmp_path: Path) -> None:
    text = "amp: {url: 'http://op:hunter2@127.0.0.1:8080'}\n"
    file = written(tmp_path, f"instances: {tmp_path}\nbaselines: {tmp_path}\n{text}")
    (line,) = forked.command("run", "--config", str(file)).stderr.splitlines()
    assert "amp.url: holds an account" in line
    assert "hunter2" not in line


def test_the_example_of_the_deployments_document_is_valid(
    tmp_path: Path, folders: dict[str, str]
) -> None:
    text = (Path(__file__).parents[2] / "docs/deployments.md").read_text("utf-8")
    example = text.partition("```yaml\n")[2].partition("```")[0]
    section = load_settings(written(tmp_path, example), folders, {}).settings.deployments
    assert (section.approval, section.soak_s, section.dev_instances) == ("other", 600, ("DEV01",))
    assert (section.hooks[0].name, section.hooks[0].where) == ("smoke", "both")
