"""A wrong setting is refused with its name, its value and the way to mend it."""

import os
from pathlib import Path

import pytest

from adapters.settings import Address, Settings, SettingsInvalid, private_directory


def test_without_options_and_variables_the_defaults_hold():
    settings = Settings.load({}, {})
    assert settings.data_dir == Path.cwd() / ".shipbook"
    assert (str(settings.http), str(settings.edge)) == ("127.0.0.1:8080", "127.0.0.1:8000")


def test_an_option_wins_over_its_variable():
    settings = Settings.load(
        {"http": "127.0.0.1:1", "edge": None}, {"SHIPBOOK_HTTP": "[::1]:2", "SHIPBOOK_EDGE": "[::1]:3"}
    )
    assert (settings.http, settings.edge) == (Address("127.0.0.1", 1), Address("::1", 3))


def test_another_process_loads_the_same_settings_from_the_environment(tmp_path):
    options = {"data_dir": tmp_path, "http": "[::1]:81", "allow_local_repositories": True, "registration": "closed"}
    settings = Settings.load(
        options | {"database_url": "postgresql://u:p@h/d", "log_format": "json", "metrics": "[::1]:82"}, {}
    )
    assert Settings.load({}, settings.environ()) == settings


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("SHIPBOOK_HTTP", "8080", "127.0.0.1:8080"),
        ("SHIPBOOK_EDGE", "127.0.0.1:70000", "127.0.0.1:8000"),
        ("SHIPBOOK_BUILD_MEMORY_MB", "lots", "at least 64"),
        ("SHIPBOOK_BUILD_MEMORY_MB", "1", "at least 64"),
        ("SHIPBOOK_BUILD_MEMORY_MB", "1.5", "a whole number"),
        ("SHIPBOOK_BUILD_TIMEOUT_SECONDS", "100000", "at most 86400"),
        ("SHIPBOOK_REGISTRATION", "maybe", "open or invite-only or closed"),
        ("SHIPBOOK_ALLOW_PRIVATE_NETWORKS", "perhaps", "true or false"),
        ("SHIPBOOK_ADMIN_EMAIL", "nobody", "ops@example.com"),
        ("SHIPBOOK_APPS_DOMAIN", "../etc", "apps.example.com"),
        ("SHIPBOOK_DATA_DIR", "", "/var/lib/shipbook"),
        ("SHIPBOOK_METRICS", "9464", "127.0.0.1:9464"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_expected(name, value, expected):
    option = name.removeprefix("SHIPBOOK_").lower()
    for origin, options, environ in ((name, {}, {name: value}), (f"--{option.replace('_', '-')}", {option: value}, {})):
        with pytest.raises(SettingsInvalid) as refusal:
            Settings.load(options, environ)
        for part in (origin, repr(value), expected):
            assert part in str(refusal.value)


def test_an_unknown_variable_is_refused_with_the_nearest_name():
    with pytest.raises(
        SettingsInvalid, match=r"SHIPBOOK_DATBASE_URL is no setting.*Did you mean SHIPBOOK_DATABASE_URL\?"
    ):
        Settings.load({}, {"SHIPBOOK_DATBASE_URL": "x"})
    with pytest.raises(SettingsInvalid, match="The known ones are SHIPBOOK_ACME_CA_ROOT, "):
        Settings.load({}, {"SHIPBOOK_QQQ": "x"})
    Settings.load({}, {"SHIPBOOK_TOKEN": "x", "PATH": "y"}, others={"SHIPBOOK_TOKEN"})


def test_the_api_and_the_edge_cannot_share_an_address():
    with pytest.raises(SettingsInvalid, match="--http and --edge are both"):
        Settings.load({"http": "127.0.0.1:8000"}, {})


def test_a_password_in_a_url_is_never_shown():
    for url in ("postgresql://user:hunter2@host/db", "hunter2"):
        for name in ("SHIPBOOK_DATABASE_URL", "SHIPBOOK_NATS_URL"):
            try:
                shown = repr(Settings.load({}, {name: url}))
            except SettingsInvalid as refusal:
                shown = str(refusal)
            assert "hunter2" not in shown


def test_sockets_lie_in_a_short_private_place_when_the_data_directory_is_deep(tmp_path):
    deep = Settings(data_dir=Path("/srv") / ("deep" * 40))
    assert len(os.fsencode(deep.sockets_dir / ("s" * 40))) <= 107
    assert deep.sockets_dir != Settings(data_dir=Path("/srv") / ("deep" * 41)).sockets_dir
    assert Settings(data_dir=Path("/srv/shipbook")).sockets_dir == Path("/srv/shipbook/run/sockets")


def test_a_private_directory_is_made_closed_and_an_empty_one_is_closed(tmp_path):
    (tmp_path / "open").mkdir(mode=0o755)
    for name in ("open", "deep/er"):
        assert private_directory(tmp_path / name).stat().st_mode & 0o777 == 0o700


def test_a_directory_in_which_others_may_see_files_is_refused_not_closed(tmp_path):
    tmp_path.chmod(0o755)
    (tmp_path / "theirs").touch()
    with pytest.raises(SettingsInvalid, match="chmod 700"):
        private_directory(tmp_path)
    assert tmp_path.stat().st_mode & 0o777 == 0o755


def test_a_link_or_a_file_is_no_private_directory(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path)
    for name in ("file", "link"):
        with pytest.raises(SettingsInvalid, match=name):
            private_directory(tmp_path / name)
