import pytest
from django.db import connections


@pytest.fixture
def no_database(db, monkeypatch):
    """A file in a folder that is not there, or a host where nothing listens."""
    broken = connections["default"].copy()
    gone = {"NAME": "/nonexistent/x.sqlite3", "HOST": "/nonexistent", "OPTIONS": {}}
    monkeypatch.setattr(broken, "settings_dict", broken.settings_dict | gone)
    mine = connections["default"]
    connections["default"] = broken
    yield
    connections["default"] = mine
