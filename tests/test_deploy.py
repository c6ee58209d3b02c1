"""deploy/: what stands there fits the server as it is, and keeps its bars up."""

import json
import os
import re
import shlex
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from serving import served

from server.__main__ import _serve_parser, main, parser_of
from server.app import create_app
from server.schema import MAXIMUM_BATCH_BODY
from server.settings import Settings

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
EXAMPLE = DEPLOY / "spravka.toml"
IN_PLACE = "/etc/spravka/spravka.toml"  # where the example goes


def effective(environment=None):
    """The options of the server with the example and these variables; refused where one is unknown."""
    settings = Settings(_serve_parser)
    return settings.read(settings.parser.parse_args(["--config", str(EXAMPLE)]), environment or {}).options


def server_options(command):
    """The options of a command `…python -m server …`, with the example where it goes."""
    python, *arguments = [str(EXAMPLE) if part == IN_PLACE else part for part in shlex.split(command)]
    assert (Path(python).name, arguments[:2]) == ("python", ["-m", "server"])
    parser, rest = parser_of(arguments[2:])
    return parser.parse_args(rest)


# The example


def test_every_setting_of_the_example_is_known(capsys):
    assert main(["config", "check", "--config", str(EXAMPLE)]) == 0
    assert "all can be used" in capsys.readouterr().out


def test_example_changes_nothing_but_what_an_installation_has_to():
    defaults, found = vars(Settings(_serve_parser).defaults()), vars(effective())
    assert {name for name, value in defaults.items() if found[name] != value} == {
        "index",
        "data",
        "workers",
        "log_format",
    }


DOCUMENTS = [ROOT / "docs" / name for name in ("configuration.md", "deployment.md")]
COMMANDS = [
    command
    for document in DOCUMENTS
    for block in re.findall(r"```sh\n(.*?)```", document.read_text(encoding="utf-8"), re.DOTALL)
    for command in re.findall(r"python -m server[^#\n]*", block)
]


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_of_the_documents_exist(command):
    parser, rest = parser_of(shlex.split(command)[3:])
    parser.parse_args(rest)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_files_that_the_documents_point_to_are_there(document):
    text = document.read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", text)
    assert links
    assert all((document.parent / link).exists() for link in links)
    if document.name == "deployment.md":
        assert all(f"`{path.name}`" in text for path in DEPLOY.iterdir())


# The image


def instructions():
    text = re.sub(r"^\s*#.*\n", "", (DEPLOY / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = re.sub(r"\\\n", " ", text).splitlines()
    return [(line.partition(" ")[0], line.partition(" ")[2].strip()) for line in lines if line.strip()]


def last_stage():
    found = instructions()
    start = max(place for place, (name, _) in enumerate(found) if name == "FROM")
    return found[start:]


def variables():
    told = " ".join(text for name, text in last_stage() if name == "ENV")
    return dict(part.split("=", 1) for part in shlex.split(told))


def test_image_runs_as_nobody_in_particular():
    users = [text for name, text in last_stage() if name == "USER"]
    assert [re.fullmatch(r"[1-9]\d*:[1-9]\d*", user) is not None for user in users] == [True]
    after = last_stage()[[name for name, _ in last_stage()].index("USER") :]
    assert {"RUN", "COPY"}.isdisjoint(name for name, _ in after)


def test_image_takes_nothing_from_addresses_and_names_what_it_starts_from():
    assert "ADD" not in [name for name, _ in instructions()]
    assert "://" not in (DEPLOY / "Dockerfile").read_text().replace("http://127.0.0.1", "")
    bases = {text.split()[0] for name, text in instructions() if name == "FROM"}
    assert len(bases) == 1  # else the environment of the one would not fit the other
    assert re.fullmatch(r"python:3\.\d+-slim-\w+", bases.pop())


def test_every_installation_in_the_image_is_held_to_the_releases_that_are_tested():
    for name, text in instructions():
        for command in re.split(r"&&|;", text) if name == "RUN" else ():
            if re.search(r"\bpip\b.*\binstall\b", command):
                assert "-c constraints.txt" in command or "--no-deps" in command, command


def test_image_that_runs_installs_nothing_and_takes_what_was_made():
    assert not any("pip" in text for name, text in last_stage() if name == "RUN")
    copied = [text.split() for name, text in last_stage() if name == "COPY"]
    assert [parts[0] for parts in copied] == ["--from=build"] * 2
    assert all(source == target for _, source, target in copied)  # an environment works in its own place alone


def test_all_that_the_image_copies_is_there_and_reaches_the_builder():
    lines = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    kept = {line[1:] for line in lines if line.startswith("!")}
    copied = {
        source
        for name, text in instructions()
        if name == "COPY" and not text.startswith("--from")
        for source in text.split()[:-1]
    }
    assert copied == kept
    assert "*" in lines
    assert all((ROOT / source).exists() for source in copied)


def test_variables_and_command_of_the_image_are_the_servers(monkeypatch):
    own = {name: value for name, value in variables().items() if name.startswith("SPRAVKA_")}
    found = effective(own)
    assert (str(found.index), found.host, found.port) == ("/srv/spravka/index", "0.0.0.0", 8000)
    (command,) = (json.loads(text) for name, text in last_stage() if name == "ENTRYPOINT")
    server_options(shlex.join(command))
    assert ("EXPOSE", str(found.port)) in last_stage()


@pytest.mark.parametrize("is_up", [True, False])
def test_image_asks_whether_the_server_is_ready(built_index, encoder, is_up):
    (check,) = (text for name, text in last_stage() if name == "HEALTHCHECK")
    python, *arguments = json.loads(check.partition("CMD ")[2])
    assert python == "python"

    def asked(port):
        environment = {**os.environ, "SPRAVKA_PORT": str(port)}
        return subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, timeout=60).returncode

    if is_up:
        with served(create_app(built_index, encoder)) as address:
            assert asked(address.rpartition(":")[2]) == 0
    else:
        with socket.socket() as taken:  # bound, and nobody listens
            taken.bind(("127.0.0.1", 0))
            assert asked(taken.getsockname()[1]) != 0


# Containers


@pytest.fixture
def compose():
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


@pytest.mark.parametrize("name", ["spravka", "nginx"])
def test_containers_can_write_and_do_little(compose, name):
    service = compose["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert not service.get("privileged")
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"mem_limit", "pids_limit", "restart"} <= service.keys()
    assert all({"noexec", "nosuid", "nodev"} <= set(re.split("[:,]", each)) for each in service["tmpfs"])
    assert re.search(r":(?!latest)\S+$", service["image"])
    assert all(mount.startswith("data:") or mount.endswith(":ro") for mount in service["volumes"])


def test_server_of_the_containers_reaches_nothing_outside(compose):
    assert compose["services"]["spravka"]["networks"] == ["inside"]
    assert compose["networks"]["inside"] == {"internal": True}
    assert "ports" not in compose["services"]["spravka"]
    direct = yaml.safe_load((DEPLOY / "compose.direct.yaml").read_text())
    published = compose["services"]["nginx"]["ports"] + direct["services"]["spravka"]["ports"]
    assert all(each.startswith("127.0.0.1:") for each in published)


def test_settings_of_the_containers_are_the_servers(compose):
    service = compose["services"]["spravka"]
    assert service["environment"].pop("SPRAVKA_CONFIG") == IN_PLACE
    found = effective(service["environment"])
    assert found.host == "0.0.0.0"
    assert f"./spravka.toml:{IN_PLACE}:ro" in service["volumes"]
    assert f"data:{found.data}" in service["volumes"]
    assert "data" in compose["volumes"]
    assert ("USER", service["user"]) in last_stage()
    assert any(
        f"-m 0700 {found.data}" in text for name, text in last_stage() if name == "RUN"
    )  # its owner's, as the image has it


# systemd


@pytest.fixture
def unit():
    found = {}
    for line in (DEPLOY / "spravka.service").read_text().splitlines():
        name, separator, value = line.partition("=")
        if separator and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def test_commands_of_the_unit_are_the_servers(unit, capsys):
    (start,), (before,) = unit["ExecStart"], unit["ExecStartPre"]
    assert server_options(start).config == EXAMPLE
    options = server_options(before)
    assert options.run(options) == 0


def test_unit_can_write_to_the_data_alone(unit):
    assert unit["ProtectSystem"] == ["strict"]
    assert [str(effective().data)] == [f"/var/lib/{name}" for name in unit["StateDirectory"]]
    assert "ReadWritePaths" not in unit
    assert unit["DynamicUser"] == ["yes"]
    assert "User" not in unit


def test_unit_keeps_its_bars_up(unit):
    for name in (
        "NoNewPrivileges", "ProtectHome", "PrivateTmp", "PrivateDevices", "ProtectKernelTunables",
        "ProtectKernelModules", "ProtectControlGroups", "RestrictNamespaces", "RestrictSUIDSGID", "LockPersonality",
        "MemoryDenyWriteExecute",
    ):  # fmt: skip
        assert unit[name] == ["yes"], name
    assert unit["CapabilityBoundingSet"] == [""]
    assert unit["IPAddressDeny"] == ["any"]
    assert unit["SystemCallFilter"] == ["@system-service", "~@privileged"]
    assert {"MemoryMax", "TasksMax"} <= unit.keys()


# nginx


def nginx(name):
    text = re.sub(r"^\s*#.*$", "", (DEPLOY / "nginx.conf").read_text(), flags=re.MULTILINE)
    return [" ".join(value.split()) for value in re.findall(rf"(?<![\w$]){name}\s+((?:'[^']*'|[^;{{'])+)[;{{]", text)]


def test_proxy_logs_nothing_of_what_was_asked():
    (form,) = nginx("log_format")
    assert re.findall(r"\$(\w+)", form)
    assert not {"request", "args", "query_string", "request_uri", "http_referer"} & set(re.findall(r"\$(\w+)", form))
    assert all(place.endswith(" spravka") for place in nginx("access_log"))
    assert all(place.endswith(" crit") for place in nginx("error_log"))


def test_proxy_names_the_visitor_itself_and_keeps_to_itself_what_is_for_this_machine():
    headers = dict(value.split(" ", 1) for value in nginx("proxy_set_header"))
    assert headers["X-Forwarded-For"] == "$remote_addr"
    assert headers["Host"] == "$http_host"
    assert {"/admin/", "= /metrics"} <= set(nginx("location"))


def test_proxy_bounds_bodies_and_times():
    (size,) = nginx("client_max_body_size")
    assert int(size.removesuffix("m")) * 2**20 >= MAXIMUM_BATCH_BODY
    for name in (
        "client_header_timeout",
        "client_body_timeout",
        "send_timeout",
        "proxy_connect_timeout",
        "proxy_read_timeout",
    ):
        (time,) = nginx(name)
        assert 0 < int(time.removesuffix("s")) <= 30, name
    assert nginx("proxy_request_buffering") == nginx("proxy_buffering") == ["on"]
