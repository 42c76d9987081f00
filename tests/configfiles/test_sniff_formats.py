from __future__ import annotations

import pytest

from homeamp_agent.configfiles import ConfigFileError, parse
from homeamp_agent.configfiles.sniff import format_of

FORGE = b"# Configuration file\n\ngeneral {\n    B:enabled=true\n}\n"
HOCON = b'# LuckPerms\nserver = "global"\ndata {\n  address = localhost\n}\n'
AMP = b"# AMP\r\nLogin.UseAuthServer=False\r\nCore.X=1=2\r\n"
YAML = b"# dynmap\ndeftemplatesuffix: hires\nstorage:\n  type: filetree\n"
NGINX = b"server {\n  listen 80;\n  location / {\n    root /srv;\n  }\n}\n"


@pytest.mark.parametrize(
    ("file", "content", "expected"),
    [
        ("plugins/A/config.yml", YAML, "yaml"),
        ("plugins/A/config.yml", b'{"a": 1}', "yaml"),
        ("plugins/A/data.json", b"{}", "json"),
        ("velocity.toml", b"", "toml"),
        ("server.properties", b"a=1\n", "properties"),
        ("MinecraftModule.kvp", AMP, "kvp"),
        ("AMPConfig.conf", AMP, "kvp"),
        ("other.conf", AMP, "kvp"),
        ("luckperms.conf", HOCON, "hocon"),
        ("luckperms.conf", b"\xef\xbb\xbf" + HOCON, "hocon"),
        ("bluemap/core.conf", b'# x\naccept-download: true\ndata: "bluemap"\n', "hocon"),
        ("empty.conf", b"", "hocon"),
        ("comments.conf", b"# nothing\n\n", "hocon"),
        ("forge.conf", FORGE, "forge_cfg"),
        ("yaml.conf", YAML, "yaml"),
        ("mod.cfg", FORGE, "forge_cfg"),
        ("mod.cfg", b'client {\n    S:"a b" <\n     >\n}\n', "forge_cfg"),
        ("plain.cfg", b"[main]\nkey = value\n", "ini"),
        ("plain.cfg", b"key = value\n", "ini"),
        ("empty.cfg", b"", "ini"),
        ("json.cfg", b'{\n  "a": 1\n}\n', "json"),
        ("settings.ini", b"[a]\nb=c\n", "ini"),
        ("dynmap/configuration.txt", YAML, "yaml"),
    ],
)
def test_the_format_is_told_by_content_where_the_extension_lies(
    file: str, content: bytes, expected: str
) -> None:
    assert format_of(file, content) == expected


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("nginx.conf", NGINX, "web server"),
        ("httpd.conf", b"<VirtualHost *:80>\n  DocumentRoot /srv\n</VirtualHost>\n", "web server"),
        ("notes.conf", b"just some words\nand more of them\n", "no format"),
        ("notes.txt", b"just some words\nand more of them\n", "neither its name nor its content"),
        ("empty.txt", b"", "neither its name nor its content"),
    ],
)
def test_a_file_of_no_known_format_is_refused_with_the_reason(
    file: str, content: bytes, reason: str
) -> None:
    with pytest.raises(ConfigFileError, match=reason) as refused:
        parse(file, content)
    assert str(refused.value).startswith(file)


@pytest.mark.parametrize(
    "file", ["a.json", "a.toml", "a.properties", "a.conf", "a.cfg", "a.kvp", "a.ini"]
)
def test_a_file_of_zero_bytes_has_no_settings_and_is_no_error(file: str) -> None:
    assert dict(parse(file, b"").settings) == {}


@pytest.mark.parametrize("file", ["a.json", "a.toml", "a.properties", "a.conf", "a.kvp", "a.ini"])
def test_a_binary_file_is_one_error_with_its_place(file: str) -> None:
    with pytest.raises(ConfigFileError, match="binary") as refused:
        parse(file, b"a = 1\nb = \x00\x01\n")
    assert (refused.value.line, refused.value.column) == (2, 5)


@pytest.mark.parametrize(
    ("file", "opening"),
    [("a.json", b"["), ("a.toml", b"a = " + b"["), ("a.conf", b"a {"), ("a.cfg", b"a {\n")],
)
def test_nesting_beyond_the_bound_is_one_error_not_a_recursion(file: str, opening: bytes) -> None:
    start, nested = opening[:-1], opening[-1:]
    hostile = start + nested * 100_000 if file != "a.cfg" else opening * 100_000
    if file == "a.conf":
        hostile = opening * 100_000
    with pytest.raises(ConfigFileError, match="nested deeper than 200 levels"):
        parse(file, hostile)
