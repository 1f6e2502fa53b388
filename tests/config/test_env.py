"""The readers of the environment: what they take, and errors that name the variable only."""

import itertools
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config import env

WRONG = "5ecret!"
_numbers = itertools.count(1)


@pytest.fixture
def name():
    """A new one for each test: what was read from a file is remembered."""
    return f"HONGYAN_TEST_{next(_numbers)}"


@pytest.fixture
def given(monkeypatch, name):
    def give(value, suffix=""):
        monkeypatch.setenv(name + suffix, value)

    return give


@pytest.mark.parametrize(
    ("read", "raw", "value"),
    [
        (env.text, " a b ", "a b"),
        (env.text, "$HOME", "$HOME"),
        (env.text, "p$a$$s=w#rd\"'", "p$a$$s=w#rd\"'"),
        (env.flag, "1", True),
        (env.flag, "On", True),
        (env.flag, "FALSE", False),
        (env.flag, "0", False),
        (lambda name: env.integer(name, 5), "12", 12),
        (lambda name: env.integer(name, 5, maximum=12), "12", 12),
        (lambda name: env.seconds(name, 5), "0.5", 0.5),
        (env.names, " a, b,,c ", ["a", "b", "c"]),
    ],
)
def test_a_value_is_read(name, given, read, raw, value):
    given(raw)
    assert read(name) == value


@pytest.mark.parametrize("raw", ["", "  "])
def test_an_empty_variable_is_as_good_as_none(name, given, raw):
    given(raw)
    assert env.text(name, "default") == "default"
    assert env.integer(name, 7) == 7
    assert env.flag(name, True) is True
    assert env.names(name, ("a",)) == ["a"]


@pytest.mark.parametrize(
    "read",
    [
        env.flag,
        lambda name: env.integer(name, 5),
        lambda name: env.seconds(name, 5),
        lambda name: env.database(name, ""),
    ],
)
def test_a_wrong_value_is_refused_by_its_variables_name_alone(name, given, read):
    given(WRONG)
    with pytest.raises(ImproperlyConfigured) as refused:
        read(name)
    assert name in str(refused.value)
    assert WRONG not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


@pytest.mark.parametrize(
    ("read", "raw"),
    [
        (lambda name: env.integer(name, 5, minimum=1), "0"),
        (lambda name: env.integer(name, 5), "-1"),
        (lambda name: env.integer(name, 5), "1.5"),
        (lambda name: env.integer(name, 5, maximum=65535), "65536"),
        (lambda name: env.seconds(name, 5), "0"),
        (lambda name: env.seconds(name, 5), "-3"),
        (lambda name: env.seconds(name, 5), "nan"),
        (lambda name: env.seconds(name, 5), "inf"),
        (env.flag, "2"),
    ],
)
def test_a_value_out_of_range_is_refused(name, given, read, raw):
    given(raw)
    with pytest.raises(ImproperlyConfigured, match=name):
        read(name)


def test_a_secret_may_lie_in_a_file(name, given, tmp_path):
    file = tmp_path / "secret"
    file.write_text("from the file\n")
    given(str(file), "_FILE")
    assert env.text(name) == "from the file"


def test_a_missing_file_is_named(name, given, tmp_path):
    given(str(tmp_path / "none"), "_FILE")
    with pytest.raises(ImproperlyConfigured, match=f"{name}_FILE"):
        env.text(name)


def test_what_is_required_is_asked_for_with_a_hint(name, monkeypatch):
    monkeypatch.delenv(name, raising=False)
    with pytest.raises(ImproperlyConfigured, match=f"{name} is not set. Do this."):
        env.required(name, "Do this.", None, env.new_secret_key)


def test_the_demo_makes_a_secret_once_and_keeps_it_for_its_owner(name, tmp_path):
    file = tmp_path / "home" / "keys.json"
    made = env.required(name, "", file, env.new_secret_key)
    assert env.required(name, "", file, env.new_secret_key) == made
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert len(made) >= 50


def test_two_secrets_of_the_demo_are_kept_together(name, tmp_path):
    file = tmp_path / "keys.json"
    first = env.required(name, "", file, env.new_secret_key)
    env.required(f"{name}_2", "", file, env.new_encryption_key)
    assert env.required(name, "", file, env.new_secret_key) == first


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:////var/lib/h.sqlite3", {"NAME": "/var/lib/h.sqlite3"}),
        (
            "postgresql://u:p@db.example:5433/hongyan",
            {"USER": "u", "PASSWORD": "p", "HOST": "db.example", "PORT": 5433, "NAME": "hongyan"},
        ),
        ("postgres://u:p%40%2F%23s%24@h/n", {"PASSWORD": "p@/#s$", "HOST": "h", "NAME": "n"}),
        ("postgresql://u@/n?host=/run/pg", {"HOST": "", "OPTIONS": {"host": "/run/pg"}}),
        ("postgresql://u:p@h/n?sslmode=require", {"OPTIONS": {"sslmode": "require"}}),
        ("postgresql://u:p@[::1]:5432/n", {"HOST": "::1", "PORT": 5432}),
    ],
)
def test_a_database_url_is_understood(name, given, url, expected):
    given(url)
    config = env.database(name, "")
    assert expected.items() <= config.items()
    kind = "sqlite3" if url.startswith("sqlite") else "postgresql"
    assert config["ENGINE"] == f"django.db.backends.{kind}"


@pytest.mark.parametrize(
    "url", [WRONG, "oracle7://u:5ecret!@h/n", "postgresql://u:5ecret!@h:port/n", "://", "/path"]
)
def test_a_wrong_database_url_is_not_repeated(name, given, url):
    given(url)
    with pytest.raises(ImproperlyConfigured) as refused:
        env.database(name, "")
    assert name in str(refused.value)
    assert WRONG not in str(refused.value)


def test_a_folder_is_absolute(name, given):
    given("~/somewhere/../data")
    assert env.directory(name, Path("/x")) == Path.home() / "data"
