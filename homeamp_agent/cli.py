"""`homeamp-agent`: the command line. Reads options, picks a command, turns errors into one line.

stdout is data, stderr is narration. Exit 0: done, 1: deviations found or an error reply, 2: it
could not be done. Only what a command needs is imported, so that `--help` is fast.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homeamp_agent import VERSION
from homeamp_agent.commands.ends import CommandError
from homeamp_agent.commands.output import printable
from homeamp_agent.heap import look_less_often

if TYPE_CHECKING:
    from homeamp_agent.settings import Effective

RULE_FORMS = ("markdown", "yaml", "xlsx")
SEVERITIES = ("critical", "high", "medium", "low", "info")
BROKEN_PIPE = 141
"""128 + SIGPIPE, what a shell reports of a program whose reader went away."""

INTERRUPTED = 130
CALL_TIMEOUT_S = 60.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    look_less_often()
    for stream in (sys.stdout, sys.stderr):
        # Real files hold text that a terminal of another encoding cannot show.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    options = _parser().parse_args(arguments)
    try:
        code: int = options.command(options)
        sys.stdout.flush()
    except CommandError as error:
        for line in error.lines:
            sys.stderr.write(f"homeamp-agent: {printable(line)}\n")
        return error.code
    except BrokenPipeError:
        # The interpreter flushes once more at its end, and would complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except KeyboardInterrupt:
        return INTERRUPTED
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="homeamp-agent",
        description="Finds drift in the config files of Minecraft instances under AMP.",
    )
    parser.add_argument("--version", action="version", version=f"homeamp-agent {VERSION}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_run(commands)
    _add_check(commands)
    _add_call(commands)
    _add_bridge(commands)
    _add_baselines(commands)
    _add_rules(commands)
    _add_changes(commands)
    _add_backups(commands)
    _add_audit(commands)
    _add_config(commands)
    return parser


def _add_run(commands: Any) -> None:
    parser = commands.add_parser("run", help="the daemon: watch, find drift, answer clients")
    _add_settings(parser)
    parser.set_defaults(command=_run)


def _add_check(commands: Any) -> None:
    parser = commands.add_parser(
        "check", help="one scan without a daemon; exit 1 if anything deviates"
    )
    _add_settings(parser)
    parser.add_argument("--json", action="store_true", help="print the whole report as JSON")
    parser.add_argument(
        "--xlsx", metavar="FILE", type=Path, help="write it as a workbook as well, a new file"
    )
    parser.add_argument(
        "--fail-on", choices=SEVERITIES, metavar="SEVERITY",
        help=f"exit 1 only from this severity up: {', '.join(SEVERITIES)}",
    )  # fmt: skip
    parser.set_defaults(command=_check)


def _add_call(commands: Any) -> None:
    parser = commands.add_parser("call", help="call a method of the agent, print its result")
    parser.add_argument("method", metavar="METHOD", help="for instance agent.status")
    parser.add_argument(
        "params", metavar="PARAMS", nargs="?", help="JSON object or array; - reads stdin"
    )
    parser.add_argument(
        "--follow", action="store_true", help="then print events, one a line, until interrupted"
    )
    _add_connection(parser)
    parser.set_defaults(command=_call)


def _add_bridge(commands: Any) -> None:
    parser = commands.add_parser("bridge", help="stdio to socket, for ssh")
    _add_socket(parser)
    parser.add_argument(
        "--hang-up", action="store_true", help="end with stdin, though events may still come"
    )
    parser.set_defaults(command=_bridge)


def _add_baselines(commands: Any) -> None:
    parser = commands.add_parser("baselines", help="look at a baseline directory")
    acts = parser.add_subparsers(metavar="ACT", required=True)
    check = acts.add_parser("check", help="read every baseline; exit 1 if one has errors")
    check.add_argument("directory", metavar="DIR", type=Path)
    check.add_argument("--json", action="store_true")
    check.set_defaults(command=_baselines_check)
    learn = acts.add_parser(
        "learn", help="propose a first rules.yaml from the instances as they stand"
    )
    _add_settings(learn)
    learn.add_argument(
        "--out", metavar="FILE", type=Path, help="a new file, as DIR/rules.yaml; default: stdout"
    )
    learn.set_defaults(command=_baselines_learn)


def _add_rules(commands: Any) -> None:
    parser = commands.add_parser("rules", help="the rules of a baseline directory")
    acts = parser.add_subparsers(metavar="ACT", required=True)
    export = acts.add_parser(
        "export", help="write them in another form; exit 1 if it has no place for some"
    )
    export.add_argument("directory", metavar="DIR", type=Path)
    export.add_argument(
        "--form", choices=RULE_FORMS, required=True, metavar="FORM",
        help=f"{', '.join(RULE_FORMS)}",
    )  # fmt: skip
    export.add_argument(
        "--out", metavar="FOLDER", type=Path, required=True, help="a new folder, or an empty one"
    )
    export.set_defaults(command=_rules_export)


def _add_changes(commands: Any) -> None:
    parser = commands.add_parser("changes", help="change requests: hand in, look, decide, apply")
    acts = parser.add_subparsers(metavar="ACT", required=True)
    submit = acts.add_parser("submit", help="hand a request in; nothing is written before approval")
    submit.add_argument("file", metavar="FILE", help="JSON or YAML; - reads stdin")
    submit.add_argument(
        "--dry-run", action="store_true", help="only print the exact diffs, and what would restart"
    )
    submit.add_argument(
        "--line-edits",
        action="store_true",
        help="change one line, unproven, where a file cannot be read and the key stands once",
    )
    listing = acts.add_parser("list", help="the newest requests and changes")
    listing.add_argument("--status", metavar="STATUS", help="for instance pending_approval")
    listing.add_argument("--instance", metavar="NAME")
    listing.add_argument("--limit", type=int, default=50, metavar="N")
    show = acts.add_parser("show", help="one with its diffs")
    approve = acts.add_parser("approve", help="say yes to exactly what was shown")
    approve.add_argument("--digest", metavar="SHA256", help="the plan that was looked at")
    reject = acts.add_parser("reject", help="say no")
    apply = acts.add_parser("apply", help="carry an approved one out now")
    apply.add_argument("--digest", metavar="SHA256", help="only if that plan was approved")
    cancel = acts.add_parser("cancel", help="withdraw before anything was written")
    rollback = acts.add_parser("rollback", help="bring the exact bytes back; several newest first")
    rollback.add_argument("ids", metavar="ID", nargs="*")
    rollback.add_argument(
        "--since", metavar="TIME", help="all carried out since 2026-08-16T12:00, or 2h, 3d ago"
    )
    rollback.add_argument("--deployment", metavar="ID", help="all of a deployment")
    rollback.add_argument(
        "--dry-run", action="store_true", help="only print the diffs and what stands in the way"
    )
    rollback.add_argument("--force", action="store_true", help="also over what others wrote since")
    for several in (approve, reject, cancel):
        several.add_argument("ids", metavar="ID", nargs="+")
    for one in (show, apply):
        one.add_argument("id", metavar="ID")
    for reasoned in (reject, cancel, rollback):
        reasoned.add_argument("--reason", default="", metavar="TEXT", help="for the audit log")
    for name, act in acts.choices.items():
        _add_connection(act)
        act.add_argument("--json", action="store_true", help="print what the agent answers")
        act.set_defaults(command=_changes, act=name)


def _add_backups(commands: Any) -> None:
    parser = commands.add_parser("backups", help="what files held before; needs no running agent")
    acts = parser.add_subparsers(metavar="ACT", required=True)
    listing = acts.add_parser("list", help="every backup, newest first")
    listing.add_argument("--instance", metavar="NAME")
    listing.add_argument("--file", metavar="PATH", help="below the game folder")
    show = acts.add_parser("show", help="one backup: whose bytes, when, for which change")
    show.add_argument("id", metavar="ID")
    restore = acts.add_parser("restore", help="write one back to where it came from, or to a file")
    restore.add_argument("id", metavar="ID")
    restore.add_argument("--to", metavar="FILE", type=Path, help="a new file, anywhere")
    restore.add_argument("--reason", default="", metavar="TEXT", help="for the audit log")
    verify = acts.add_parser("verify", help="read them all; exit 1 if one cannot be restored")
    for name, act in (("list", listing), ("show", show), ("restore", restore), ("verify", verify)):
        _add_state(act)
        act.add_argument("--json", action="store_true")
        act.set_defaults(command=_backups, act=name)


def _add_audit(commands: Any) -> None:
    parser = commands.add_parser("audit", help="the log of who changed what")
    acts = parser.add_subparsers(metavar="ACT", required=True)
    verify = acts.add_parser("verify", help="follow its chain; exit 1 if a line is not as written")
    _add_state(verify)
    verify.add_argument("--json", action="store_true")
    verify.set_defaults(command=_audit_verify)
    export = acts.add_parser("export", help="the log as a table, with what each act set")
    form = export.add_mutually_exclusive_group(required=True)
    for name in ("csv", "json", "xlsx"):
        form.add_argument(f"--{name}", metavar="FILE", help="a new file; - writes to stdout")
    for name in ("who", "instance", "plugin", "key", "action"):
        export.add_argument(f"--{name}", metavar="GLOB")
    export.add_argument("--outcome", metavar="WORD", help="done, failed, refused, ...")
    for name in ("since", "until"):
        export.add_argument(
            f"--{name}", metavar="TIME", help="2026-08-16, 2026-08-16T12:00, or 2h, 3d ago"
        )
    _add_state(export)
    export.set_defaults(command=_audit_export)


def _add_state(parser: Any) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", help="agent.yaml")
    parser.add_argument("--state", metavar="DIR", help="database, journal, backups")


def _add_config(commands: Any) -> None:
    parser = commands.add_parser("config", help="the agent's settings")
    acts = parser.add_subparsers(metavar="ACT", required=True)
    show = acts.add_parser("show", help="what is in force, and where each value came from")
    _add_settings(show)
    show.add_argument("--json", action="store_true")
    show.set_defaults(command=_config_show)
    init = acts.add_parser("init", help="a commented agent.yaml with every default")
    init.add_argument("file", metavar="FILE", nargs="?", type=Path, help="default: stdout")
    init.set_defaults(command=_config_init)


def _add_settings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="FILE", help="agent.yaml")
    parser.add_argument("--instances", metavar="DIR", help="AMP's folder of instances")
    parser.add_argument("--baselines", metavar="DIR", help="what settings should be")
    parser.add_argument("--state", metavar="DIR", help="database, journal, backups")
    _add_socket(parser)
    parser.add_argument("--host", metavar="NAME", help="this host's name in the fleet")


def _add_connection(parser: Any) -> None:
    where = parser.add_mutually_exclusive_group()
    _add_socket(where)
    where.add_argument(
        "--connect", metavar="URL", help="unix:PATH or ssh://[user@]host[:port][/socket]"
    )
    parser.add_argument("--timeout", type=float, default=CALL_TIMEOUT_S, metavar="SECONDS")


def _add_socket(parser: Any) -> None:
    parser.add_argument("--socket", metavar="PATH", help="the agent's socket")


def _settings(options: argparse.Namespace, *must_exist: str) -> Effective:
    from homeamp_agent.settings import SettingsError, load_settings  # noqa: PLC0415

    given = {
        name: getattr(options, name, None)
        for name in ("instances", "baselines", "state", "socket", "host")
    }
    try:
        return load_settings(options.config, given, must_exist=must_exist)
    except SettingsError as error:
        raise CommandError(*error.problems) from error


def _run(options: argparse.Namespace) -> int:
    settings = _settings(options, "instances", "baselines").settings
    from homeamp_agent.commands.daemon import run_daemon  # noqa: PLC0415

    return run_daemon(settings)


def _check(options: argparse.Namespace) -> int:
    settings = _settings(options, "instances", "baselines").settings
    from homeamp_agent.commands.check import run_check  # noqa: PLC0415

    return run_check(settings, as_json=options.json, xlsx=options.xlsx, fail_on=options.fail_on)


def _call(options: argparse.Namespace) -> int:
    from homeamp_agent.commands.call import call  # noqa: PLC0415

    return call(
        options.method, options.params, _url(options), follow=options.follow,
        timeout_s=options.timeout,
    )  # fmt: skip


def _changes(options: argparse.Namespace) -> int:
    from homeamp_agent.commands.changes import run_changes  # noqa: PLC0415

    return run_changes(options, _url(options))


def _url(options: argparse.Namespace) -> str:
    from homeamp_agent.rpc.place import default_socket  # noqa: PLC0415

    return options.connect or f"unix:{options.socket or default_socket()}"


def _bridge(options: argparse.Namespace) -> int:
    from homeamp_agent.commands.bridge import bridge  # noqa: PLC0415
    from homeamp_agent.rpc.place import default_socket  # noqa: PLC0415

    path = Path(options.socket) if options.socket else default_socket()
    return bridge(path, options.hang_up)


def _baselines_check(options: argparse.Namespace) -> int:
    from homeamp_agent.commands.baselines import run_baselines_check  # noqa: PLC0415

    return run_baselines_check(options.directory, as_json=options.json)


def _rules_export(options: argparse.Namespace) -> int:
    from homeamp_agent.commands.export import run_rules_export  # noqa: PLC0415

    return run_rules_export(options.directory, options.form, options.out)


def _baselines_learn(options: argparse.Namespace) -> int:
    settings = _settings(options, "instances").settings
    from homeamp_agent.commands.learn import run_learn  # noqa: PLC0415

    return run_learn(settings, options.out)


def _backups(options: argparse.Namespace) -> int:
    state = _settings(options).settings.state
    from homeamp_agent.commands.backups import run_backups  # noqa: PLC0415

    return run_backups(state, options)


def _audit_verify(options: argparse.Namespace) -> int:
    state = _settings(options).settings.state
    from homeamp_agent.commands.audit import verify_audit  # noqa: PLC0415

    return verify_audit(state, as_json=options.json)


def _audit_export(options: argparse.Namespace) -> int:
    settings = _settings(options).settings
    from homeamp_agent.commands.export_audit import export_audit  # noqa: PLC0415

    return export_audit(settings, options)


def _config_show(options: argparse.Namespace) -> int:
    from homeamp_agent.commands.config import show_config  # noqa: PLC0415

    return show_config(_settings(options), as_json=options.json)


def _config_init(options: argparse.Namespace) -> int:
    from homeamp_agent.commands.config import init_config  # noqa: PLC0415

    return init_config(options.file)


if __name__ == "__main__":
    sys.exit(main())
