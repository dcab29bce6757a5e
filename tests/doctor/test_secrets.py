"""Secrets in a file."""

import sys

import pytest
from examined import SCRIPTS

pytestmark = pytest.mark.no_wheel


@pytest.fixture
def scan(monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setattr(sys, "path", [str(SCRIPTS), *sys.path])
    from glowplug_image import secrets_scan

    return secrets_scan


def test_values_are_found_in_either_encoding(scan, tmp_path):
    file = tmp_path / "image"
    file.write_bytes(
        bytes(5000) + "grüße-an-alle".encode() + bytes(9) + "schlüssel-wort".encode("latin-1") + b"plain-secret"
    )
    values = {"UTF": "grüße-an-alle", "LATIN": "schlüssel-wort", "ASCII": "plain-secret", "ABSENT": "another-one"}
    assert scan.find_secrets(file, {name: value.encode() for name, value in values.items()}) == [
        "UTF",
        "LATIN",
        "ASCII",
    ]


def test_short_values_are_not_looked_for(scan, tmp_path):
    (tmp_path / "image").write_bytes(b"1234567 12345678")
    assert scan.find_secrets(tmp_path / "image", {"SHORT": b"1234567", "LONG": b"12345678"}) == ["LONG"]


def test_an_empty_file_has_none(scan, tmp_path):
    (tmp_path / "image").write_bytes(b"")
    assert scan.find_secrets(tmp_path / "image", {"KEY": b"12345678"}) == []


def test_likely_secrets_are_told_by_name_or_by_value(scan):
    environment = {
        "DB_PASSWORD": "a", "GITHUB_TOKEN": "b", "AWS_SESSION_TOKEN": "c", "apiKey_auth": "d", "URL": "https://u:p@host/x",
        "PWD": "/x", "PATH": "/bin", "SITE": "https://host:80/x", "MONKEY": "e",
    }  # fmt: skip
    found = scan.likely_secrets(environment)
    assert set(found) == {"DB_PASSWORD", "GITHUB_TOKEN", "AWS_SESSION_TOKEN", "apiKey_auth", "URL"}
    assert scan.likely_secrets(environment, given=("SITE",))["SITE"] == b"https://host:80/x"
