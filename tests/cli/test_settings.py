"""Which source wins, and that every bad value is one sentence."""

import contextlib
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kansatsu.cli import values
from kansatsu.cli.settings import SETTINGS, Address, SettingError, load

BASE = {"XDG_STATE_HOME": "/nowhere/state"}


def test_defaults() -> None:
    effective = load(environ=BASE)
    assert effective.settings.data_dir == Path("/nowhere/state/kansatsu")
    assert effective.settings.listen == Address("127.0.0.1", 4566)
    assert effective.settings.account == "123456789012"
    assert effective.settings.session_duration == timedelta(hours=1)
    assert effective.settings.backend_of("s3") == "embedded"
    assert set(effective.sources.values()) == {"default"}


def test_a_relative_state_home_is_not_used() -> None:
    assert load(environ={"XDG_STATE_HOME": "state"}).settings.data_dir.is_relative_to(Path.home())


def test_each_layer_beats_the_one_before(tmp_path: Path) -> None:
    file = tmp_path / "kansatsu.toml"
    file.write_text('region = "eu-west-1"\naccount = "111111111111"\nlog-level = "debug"\n')
    environ = BASE | {
        "KANSATSU_DATA_DIR": str(tmp_path),
        "KANSATSU_ACCOUNT": "222222222222",
        "KANSATSU_LOG_LEVEL": "error",
    }
    effective = load({"log-level": ["warning"]}, environ=environ)
    assert (effective.settings.region, effective.sources["region"]) == ("eu-west-1", f"file {file}")
    assert (effective.settings.account, effective.sources["account"]) == (
        "222222222222",
        "environment KANSATSU_ACCOUNT",
    )
    assert (effective.settings.log_level, effective.sources["log-level"]) == ("warning", "flag --log-level")


def test_the_file_is_found_through_the_flag_for_the_directory(tmp_path: Path) -> None:
    (tmp_path / "kansatsu.toml").write_text("event-retention-days = 7\ntest-mode = true\n")
    settings = load({"data-dir": [str(tmp_path)]}, environ=BASE | {"KANSATSU_DATA_DIR": "/elsewhere"}).settings
    assert settings.event_retention_days == 7
    assert settings.test_mode


def test_a_named_file_may_set_the_directory_relative_to_itself(tmp_path: Path) -> None:
    file = tmp_path / "other.toml"
    file.write_text('data-dir = "state"\n')
    assert load(config=str(file), environ=BASE).settings.data_dir == tmp_path / "state"
    assert load(environ=BASE | {"KANSATSU_CONFIG": str(file)}).settings.data_dir == tmp_path / "state"


@pytest.mark.parametrize(
    ("toml", "expected"),
    [
        ('backend = "http://h:9000"', {"*": "http://h:9000"}),
        ('backend = ["s3=http://h:9000"]', {"*": "embedded", "s3": "http://h:9000"}),
        (
            '[backend]\ndefault = "http://h:1"\ndynamodb = "embedded"',
            {"*": "http://h:1", "dynamodb": "embedded"},
        ),
    ],
)
def test_backends_in_a_file(tmp_path: Path, toml: str, expected: dict[str, str]) -> None:
    (tmp_path / "kansatsu.toml").write_text(toml)
    assert dict(load({"data-dir": [str(tmp_path)]}, environ=BASE).settings.backend) == expected


def test_backends_in_the_environment_and_flags() -> None:
    given_env = load(environ=BASE | {"KANSATSU_BACKEND": "http://h:1/, s3=https://h:2"}).settings
    assert (given_env.backend_of("sqs"), given_env.backend_of("s3")) == ("http://h:1", "https://h:2")
    given_flags = load({"backend": ["s3=http://h:3", "dynamodb=http://h:4"]}, environ=BASE).settings
    assert [given_flags.backend_of(s) for s in ("s3", "dynamodb", "sns")] == ["http://h:3", "http://h:4", "embedded"]


BAD = [
    ("console", "off,a"),
    ("console-session", "13h"),
    ("listen", "4566"),
    ("listen", "127.0.0.1:65536"),
    ("listen", "::1:4566"),
    ("listen", "host:port"),
    ("backend-profile", "a b"),
    ("backend-profile", "nosuchservice=x"),
    ("upload-spool", "5GB"),
    ("upload-spool", "0MiB"),
    ("account", "12345678901"),
    ("account", "1234567890123"),
    ("account", "１２３４５６７８９０１２"),
    ("account", ""),
    ("region", "US-EAST-1"),
    ("region", "moon"),
    ("backend", "ftp://h"),
    ("backend", "s3=h:9000"),
    ("backend", "S3=http://h"),
    ("backend", "http://h/?x=1"),
    ("backend-connect-timeout", "2m"),
    ("backend-answer-timeout", "0s"),
    ("backend-idle-timeout", "1h"),
    ("backend-retries", "11"),
    ("backend-ca-bundle", ""),
    ("oidc-keys", "issuer.example=keys.json"),
    ("oidc-keys", "https://issuer.example"),
    ("quotas", "Roles=5"),
    ("token-issuer", "iam.example"),
    ("mode", "audit"),
    ("engine", "docker"),
    ("engine", "unix://relative"),
    *(("task-host-paths", text) for text in ("", "/", "srv", "/no/such", "/etc/../etc", "/usr,/usr/bin", "/proc/self")),
    ("task-pull", "prefer-cached"),
    ("test-mode", "perhaps"),
    ("revoke-on", "delete"),
    ("session-duration", "59m"),
    ("session-duration", "7h"),
    ("session-duration", "3600"),
    ("resource-ttl", "2h"),
    ("resource-ttl", "soon"),
    ("event-fsync-interval", "-1s"),
    ("event-fsync-interval", "2m"),
    ("event-retention-days", "0"),
    ("event-retention-days", "1.5"),
    ("trail", ""),
    ("trail", "bucket"),
    ("trail", "s3://No"),
    ("trail", "s3://logs/a b"),
    ("trail", "none,files"),
    ("trail-interval", "100ms"),
    ("trail-retention-days", "0"),
    ("log-level", "loud"),
    ("data-dir", ""),
    ("database-url", "mysql://user:PASSWORD@h/d"),
    ("database-url", "file:/nowhere/PASSWORD"),
]


@pytest.mark.parametrize(("name", "text"), BAD)
def test_a_bad_value_names_the_setting_and_its_source(name: str, text: str) -> None:
    with pytest.raises(SettingError, match=rf"^{name} \(flag --{name}\): .*\.$"):
        load({name: [text]}, environ=BASE)


@pytest.mark.parametrize("part", ["", "home", "home/data", "home/data/trail"])
def test_no_task_mounts_the_data_directory_nor_what_is_around_or_in_it(tmp_path: Path, part: str) -> None:
    """INVARIANT: whoever may run tasks does not read Kansatsu's keys."""
    (tmp_path / "home/data/trail").mkdir(parents=True)
    (tmp_path / "home/datastore").mkdir()
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "home/data")
    flags = {"data-dir": [str(link)], "task-host-paths": [str(tmp_path / part)]}
    with pytest.raises(SettingError, match=r"^task-host-paths \(flag --task-host-paths\): .* data directory .*\.$"):
        load(flags, environ=BASE)
    beside = str(tmp_path / "home/datastore")
    assert load(flags | {"task-host-paths": [beside]}, environ=BASE).settings.task_host_paths == (beside,)


def test_every_setting_has_a_bad_value() -> None:
    assert {name for name, _ in BAD} == {setting.name for setting in SETTINGS}


@pytest.mark.parametrize(
    ("toml", "sentence"),
    [
        ('regoin = "eu-west-1"', "regoin in .* is not a setting; did you mean region?"),
        ("region = 3.5", "region in .* has a value of the wrong type: 3.5."),
        ("region = [", "is not TOML"),
        ('data-dir = "x"', "data-dir cannot be set in .* which is found through it"),
        ("[backend]\ns3 = 9", "backend in .* has a value of the wrong type"),
        ('region = ["us-east-1"]', "wrong type"),
    ],
)
def test_a_bad_file(tmp_path: Path, toml: str, sentence: str) -> None:
    (tmp_path / "kansatsu.toml").write_text(toml)
    with pytest.raises(SettingError, match=sentence):
        load({"data-dir": [str(tmp_path)]}, environ=BASE)


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="does not exist"):
        load(config=str(tmp_path / "none.toml"), environ=BASE)


def test_an_unknown_variable_is_an_error_and_a_service_link_is_not() -> None:
    with pytest.raises(SettingError, match=r"KANSATSU_REGON is not a setting; did you mean KANSATSU_REGION\?"):
        load(environ=BASE | {"KANSATSU_REGON": "x"})
    load(environ=BASE | {"KANSATSU_PORT": "tcp://10.0.0.1:4566", "KANSATSU_SERVICE_HOST": "10.0.0.1"})


@given(st.timedeltas(timedelta(hours=1), timedelta(hours=6)))
def test_a_duration_that_is_shown_is_read_back(value: timedelta) -> None:
    value = timedelta(milliseconds=value // timedelta(milliseconds=1))
    assert values.duration(timedelta(0), timedelta(hours=6))(values.show_duration(value)) == value


@pytest.mark.parametrize("text", ["127.0.0.1:4566", "[::1]:80", "localhost:0"])
def test_an_address_that_is_shown_is_read_back(text: str) -> None:
    assert str(values.address(text)) == text


@given(st.text(), st.sampled_from([setting.name for setting in SETTINGS]))
def test_any_text_is_a_value_or_a_sentence(text: str, name: str) -> None:
    with contextlib.suppress(SettingError):
        assert load({name: [text]}, environ=BASE).sources[name] == f"flag --{name}"


@pytest.mark.parametrize(
    ("listen", "url"),
    [("0.0.0.0:80", "http://127.0.0.1:80"), ("[::]:80", "http://[::1]:80"), ("[fe80::1]:8", "http://[fe80::1]:8")],
)
def test_the_url_of_a_wildcard_is_loopback(listen: str, url: str) -> None:
    assert values.address(listen).url == url


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u@h/d", "postgresql://u@h/d"),
        ("postgresql://u:pw@h:1/d?sslmode=require", "postgresql://u:***@h:1/d?sslmode=require"),
        ("postgres://u:p/w@?@h/d", "postgres://u:***@h/d"),
        ("postgresql://h/d?user=u&password=pw&sslpassword=pw", "postgresql://h/d?user=u&password=***&sslpassword=***"),
    ],
)
def test_the_database_is_shown_without_its_password(tmp_path: Path, url: str, shown: str) -> None:
    (tmp_path / "url").write_text(url + "\n")
    for given_url in (url, f"file:{tmp_path / 'url'}"):
        effective = load(environ=BASE | {"KANSATSU_DATABASE_URL": given_url})
        assert effective.settings.database_url.value == url
        assert {name: value for name, value, _ in effective.shown()}["database-url"] == shown
        assert "pw" not in repr(effective)
