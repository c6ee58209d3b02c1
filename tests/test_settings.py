"""Flags above the environment above one TOML file above defaults; whatever is wrong is told with its place."""

import argparse
import json
import tomllib
from pathlib import Path

import pytest

from server.__main__ import _serve_parser, main
from server.config import as_toml, table
from server.settings import Secret, Settings, SettingsError

ROOT = Path(__file__).parents[1]


def small_parser():
    """One flag of each kind."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--name", default="nobody")
    parser.add_argument("--count", type=int, default=3)
    parser.add_argument("--share", type=float, default=0.5)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--kind", choices=("json", "text"))
    parser.add_argument("--site", action="append", default=["https://default.example"])
    parser.add_argument("--ports", type=int, nargs="+", default=[])
    parser.add_argument("--loud", action="store_true")
    parser.add_argument("--bright", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--no-cache", dest="cache", action="store_false")
    parser.add_argument("--store", help="address with a password")
    parser.add_argument("--pepper", type=Secret)
    return parser


@pytest.fixture
def file(tmp_path):
    return tmp_path / "spravka.toml"


def read(text=None, environment=None, arguments=(), *, file=None, make=small_parser):
    settings = Settings(make)
    if text is not None:
        file.write_text(text, encoding="utf-8")
        arguments = [*arguments, "--config", str(file)]
    return settings.read(settings.parser.parse_args(list(arguments)), environment or {})


def options(*arguments, **named):
    return read(*arguments, **named).options


def refused(*arguments, **named):
    with pytest.raises(SettingsError) as error:
        read(*arguments, **named)
    return str(error.value)


def origins(effective):
    return {setting.name: setting.origin for setting in effective.settings}


@pytest.mark.parametrize(
    ("text", "environment", "arguments", "count", "origin"),
    [
        ("", {}, [], 3, "default"),
        ("count = 4", {}, [], 4, "{file}:1"),
        ("count = 4", {"SPRAVKA_COUNT": "5"}, [], 5, "environment SPRAVKA_COUNT"),
        ("count = 4", {"SPRAVKA_COUNT": "5"}, ["--count", "6"], 6, "flag"),
        ("count = 4", {}, ["--count", "3"], 3, "flag"),  # the default, but said
    ],
)
def test_flags_stand_above_the_environment_above_the_file(file, text, environment, arguments, count, origin):
    effective = read(text, environment, arguments, file=file)
    assert effective.options.count == count
    assert origins(effective)["count"] == origin.format(file=file)


def test_every_flag_of_the_server_is_a_key_and_a_variable(file):
    flags = {each for action in _serve_parser()._actions for each in action.option_strings if each.startswith("--")}
    names = Settings(_serve_parser).actions
    assert {f"--{name.replace('_', '-')}" for name in names} == flags - {"--help"}
    for name in names:
        assert f"{file}:1: {name}: found a list" in refused(f"{name} = [[]]", file=file, make=_serve_parser)
        typed = {f"SPRAVKA_{name.upper()}X": "1"}
        assert f"did you mean SPRAVKA_{name.upper()}?" in refused(environment=typed, make=_serve_parser)


def test_values_of_the_file_have_the_types_of_the_flags(file):
    found = options(
        'name = "x"\ncount = 4\nshare = 1\nkind = "json"\nsite = ["a", "b"]\nports = [1, 2]\n'
        "loud = true\nbright = false\ncache = false\n",
        file=file,
    )
    assert (found.name, found.count, found.share, found.kind) == ("x", 4, 1.0, "json")
    assert (found.site, found.ports) == (["a", "b"], [1, 2])
    assert (found.loud, found.bright, found.cache) == (True, False, False)


def test_variables_have_the_types_of_the_flags():
    given = {"COUNT": "4", "SITE": "a, b,", "PORTS": "1,2", "LOUD": "true", "BRIGHT": "0", "CACHE": "False"}
    found = options(environment={f"SPRAVKA_{name}": text for name, text in given.items()} | {"OTHER": "x"})
    assert (found.count, found.site, found.ports) == (4, ["a", "b"], [1, 2])
    assert (found.loud, found.bright, found.cache) == (True, False, False)


def test_lists_are_replaced_not_lengthened_from_above(file):
    text = 'site = ["a"]'
    assert options(file=file).site == ["https://default.example"]
    assert options(text, {"SPRAVKA_SITE": "b"}, file=file).site == ["b"]
    assert options(text, {"SPRAVKA_SITE": ""}, file=file).site == []
    assert options(text, {"SPRAVKA_SITE": "b"}, ["--site", "c", "--site", "d"], file=file).site == ["c", "d"]


def test_switches_are_switched_back_by_a_flag_above(file):
    text = "loud = true\nbright = false\ncache = false"
    found = options(text, arguments=["--no-loud", "--bright", "--cache"], file=file)
    assert (found.loud, found.bright, found.cache) == (False, True, True)
    assert options("loud = true", {"SPRAVKA_LOUD": "false"}, file=file).loud is False


def test_paths_of_the_file_are_relative_to_it_and_others_to_the_working_folder(file, tmp_path):
    assert options('folder = "data"', file=file).folder == tmp_path / "data"
    assert options('folder = "/srv/data"', file=file).folder == Path("/srv/data")
    assert options(environment={"SPRAVKA_FOLDER": "data"}).folder == Path("data")


def test_variable_names_the_file_and_a_flag_another(file, tmp_path):
    file.write_text("count = 7", encoding="utf-8")
    (tmp_path / "other.toml").write_text("count = 8", encoding="utf-8")
    named = {"SPRAVKA_CONFIG": str(file)}
    assert options(environment=named).count == 7
    assert options(environment=named, arguments=["--config", str(tmp_path / "other.toml")]).count == 8


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n\ncuont = 4", ':3: unknown key cuont; expected the name of an option; did you mean count?'),
        ("no-cache = true", ":1: unknown key no-cache"),
        ("config = 'x'", ":1: unknown key config"),
        ("help = true", ":1: unknown key help"),
        ("[server]\ncount = 4", ":1: server is a table; expected name = value alone"),
        ("count = '4'", ':1: count: found "4", expected a number; write it without quotes'),
        ("count = true", ":1: count: found true, expected a number"),
        ("count = 1.5", ":1: count: invalid int value: '1.5'"),
        ("name = 5", ":1: name: found 5, expected a text; write it in quotes"),
        ("name = ''", ":1: name: it is empty; expected a value"),
        ("folder = false", ":1: folder: found false, expected a text; write it in quotes"),
        ("loud = 'yes'", ':1: loud: found "yes", expected true or false'),
        ("loud = 1", ":1: loud: found 1, expected true or false"),
        ("site = 'a'", ':1: site: found "a", expected a list such as'),
        ("site = [['a']]", ":1: site: found a list, expected a text; write it in quotes"),
        ("ports = [1, 'x']", ':1: ports: found "x", expected a number'),
        ("count = [4]", ":1: count: found a list, expected a number"),
        ("kind = 'xml'", ":1: kind: invalid choice: 'xml' (choose from"),
        ("count = ", ":1: Invalid value; expected TOML"),
        ("count = 4\ncount = 5", ":2: Cannot overwrite a value; expected TOML"),
    ],
)  # fmt: skip
def test_a_line_that_is_wrong_is_told_with_its_number_and_what_to_do(file, text, message):
    said = refused(text, file=file)
    assert f"{file}{message}" in said
    assert ";" in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize(
    ("variable", "text", "message"),
    [
        ("CUONT", "4", "SPRAVKA_CUONT: unknown variable; expected the name of an option; did you mean SPRAVKA_COUNT?"),
        ("count", "4", "SPRAVKA_count: unknown variable; expected the name of an option; did you mean SPRAVKA_COUNT?"),
        ("QQQ", "4", "SPRAVKA_QQQ: unknown variable; expected the name of an option; mend the name"),
        ("COUNT", "x", "SPRAVKA_COUNT: invalid int value: 'x'"),
        ("COUNT", "", "SPRAVKA_COUNT: it is empty; expected a value"),
        ("LOUD", "ja", 'SPRAVKA_LOUD: found "ja", expected true or false'),
        ("NAME_FILE", "", 'SPRAVKA_NAME_FILE: found "", expected the path of a file'),
        ("NAME_FILE", "/nowhere/x", "SPRAVKA_NAME_FILE: /nowhere/x: No such file or directory; expected a file"),
    ],
)
def test_a_variable_that_is_wrong_is_told_by_its_name(variable, text, message):
    assert refused(environment={f"SPRAVKA_{variable}": text}).startswith(message)


def test_all_that_is_wrong_is_told_at_once(file):
    said = refused("cuont = 4\nloud = 1\nname = 'x'", {"SPRAVKA_SHARE": "much"}, file=file).splitlines()
    assert [line.split(": ")[0] for line in said] == [f"{file}:1", f"{file}:2", "SPRAVKA_SHARE"]


def test_a_value_is_refused_in_the_words_of_the_flag(file, capsys):
    settings = Settings(_serve_parser)
    with pytest.raises(SystemExit):
        settings.parser.parse_args(["--allow-origin", "*.ru"])
    said = capsys.readouterr().err.partition("--allow-origin: ")[2].strip()
    assert said
    assert said in refused('allow_origin = ["*.ru"]', file=file, make=_serve_parser)
    assert said in refused(environment={"SPRAVKA_ALLOW_ORIGIN": "*.ru"}, make=_serve_parser)


def test_lines_are_counted_over_values_of_several_lines(file):
    text = '# count = 1\nsite = [\n  "a",  # count = 2\n]\nname = """\ncount = 3\n"""\r\n\n"count" = 4\n'
    found = origins(read(text, file=file))
    assert (found["site"], found["name"], found["count"]) == (f"{file}:2", f"{file}:5", f"{file}:9")


def test_a_file_that_cannot_be_read_is_told(file, tmp_path):
    named = ["--config", str(file)]
    assert refused(arguments=named).startswith(f"{file}: No such file or directory; expected a TOML file")
    file.write_bytes('name = "тест"'.encode("cp1251"))
    assert "is no UTF-8; expected" in refused(arguments=named)
    assert "directory" in refused(arguments=["--config", str(tmp_path)])


# Secrets


def test_a_value_may_stand_in_a_file_of_its_own_which_hides_it(file, tmp_path):
    (tmp_path / "password").write_text("redis://:pw@redis/0\n", encoding="utf-8")
    for effective in (
        read(environment={"SPRAVKA_STORE_FILE": str(tmp_path / "password")}),
        read('store_file = "password"', file=file),
    ):
        assert effective.options.store == "redis://:pw@redis/0"
        assert 'store = "***"' in "\n".join(as_toml(effective))


def test_a_value_given_twice_in_one_place_is_refused(file):
    (file.parent / "x").write_text("a", encoding="utf-8")
    said = refused('name = "b"\nname_file = "x"', file=file)
    assert said == f"{file}:2: name is given by {file}:1, too; leave one of them out"


def test_no_message_quotes_a_secret(file, tmp_path):
    (tmp_path / "x").write_text("hidden-thing", encoding="utf-8")
    for said in (
        refused('count_file = "x"', file=file),
        refused('kind = "redis://user:hidden-thing@host"', file=file),
        refused(environment={"SPRAVKA_COUNT": "http://user:hidden-thing@host"}),
    ):
        assert "hidden-thing" not in said
        assert "***" in said
    (tmp_path / "x").write_text("\n", encoding="utf-8")
    assert "x is empty; expected the value" in refused('name_file = "x"', file=file)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("redis://user:pw@host:6379/0", "redis://user:***@host:6379/0"),
        ("redis://:p@w/x@host", "redis://:***@host"),
        ("https://token@host/x", "https://***@host/x"),
        ("redis://host/0?password=pw&db=1", "redis://host/0?password=***&db=1"),
        ("https://help.example.ru", "https://help.example.ru"),
        ("name@example.ru", "name@example.ru"),
    ],
)
def test_passwords_within_addresses_are_hidden_where_settings_are_shown(value, shown):
    shown_list = "\n".join(as_toml(read(arguments=["--store", value, "--site", value])))
    assert f'store = "{shown}"  # flag' in shown_list
    assert f'site = ["{shown}"]  # flag' in shown_list


def test_a_flag_of_the_type_secret_is_hidden_wherever_it_comes_from(file):
    for effective in (
        read(arguments=["--pepper", "hidden-thing"]),
        read(environment={"SPRAVKA_PEPPER": "hidden-thing"}),
        read('pepper = "hidden-thing"', file=file),
    ):
        assert effective.options.pepper == "hidden-thing"
        assert "hidden-thing" not in "\n".join(as_toml(effective)) + repr(effective.options)


# The commands


@pytest.mark.parametrize(
    "text",
    [
        'index = "of «справка»"\nport = 81\nallow_origin = ["https://a.ru", "http://b.ru:80"]\nquery_log = true',
        'index = "x"\ndata = "a\\"b\\\\c\\u007f\\td"\nlog_format = "json"\nquery_log_days = 7\nmetrics_public = false',
    ],
)
def test_what_is_shown_is_toml_that_gives_the_same_settings(file, tmp_path, text):
    first = read(text, file=file, make=_serve_parser)
    again = tmp_path / "again.toml"
    second = read("\n".join(as_toml(first)), file=again, make=_serve_parser)
    assert [(each.name, each.value) for each in first.settings] == [(each.name, each.value) for each in second.settings]


def test_config_show_tells_the_origin_of_each(file, capsys, monkeypatch):
    file.write_text('port = 8001\nhost = "0.0.0.0"\n', encoding="utf-8")
    monkeypatch.setenv("SPRAVKA_WORKERS", "2")
    arguments = ["--config", str(file), "--host", "127.0.0.1"]
    assert main(["config", "show", *arguments]) == 0
    printed = capsys.readouterr().out
    for line in (
        f"port = 8001  # {file}:1",
        'host = "127.0.0.1"  # flag',
        "workers = 2  # environment SPRAVKA_WORKERS",
        "threads = 4  # default",
        "# data: not set  # default",
    ):
        assert line in printed.splitlines()
    assert tomllib.loads(printed)["port"] == 8001
    assert main(["config", "show", "--json", *arguments]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["file"] == str(file)
    assert told["settings"]["port"] == {"value": 8001, "origin": f"{file}:1"}
    assert told["settings"]["index"] == {"value": "index", "origin": "default"}
    assert told["settings"]["data"]["value"] is None


def test_config_check_exits_1_with_all_findings(file, capsys):
    file.write_text("port = 8001\n", encoding="utf-8")
    assert main(["config", "check", "--config", str(file)]) == 0
    assert capsys.readouterr().out == f"{file}: 1 settings given, all can be used\n"
    file.write_text("prot = 8001\nworkers = 'many'\n", encoding="utf-8")
    for what in ("check", "show"):
        assert main(["config", what, "--config", str(file)]) == 1
        printed = capsys.readouterr()
        assert (printed.out, len(printed.err.splitlines())) == ("", 2)
    file.write_text("query_log = true\n", encoding="utf-8")
    assert main(["config", "check", "--config", str(file)]) == 1
    assert "no folder to keep queries in" in capsys.readouterr().err


def test_server_refuses_settings_before_it_opens_the_index(file, capsys, monkeypatch):
    file.write_text(f'index = "{file.parent}/nowhere"\nprot = 8001\n', encoding="utf-8")
    monkeypatch.setenv("SPRAVKA_CONFIG", str(file))
    assert main([]) == 1
    said = capsys.readouterr().err
    assert f"{file}:2: unknown key prot" in said
    assert "no such index" not in said


def test_server_takes_its_index_from_the_file(file, capsys):
    file.write_text('index = "nowhere"\n', encoding="utf-8")
    assert main(["--config", str(file)]) == 1
    assert f"{file.parent}/nowhere: no such index" in capsys.readouterr().err


def test_table_of_settings_in_the_documentation_is_that_of_the_parser():
    """After a change of a flag: the lines that `python -m server config table` prints go there."""
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    begin, end = "<!-- table: python -m server config table -->\n", "<!-- end of table -->"
    assert text.partition(begin)[2].partition(end)[0].strip().splitlines() == list(table(Settings(_serve_parser)))
