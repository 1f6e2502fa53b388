"""A slow call to WeChat is told in the log, with what led there and without who it was for."""

import pytest

from notifier.dispatch import settle


@pytest.fixture
def told_early(monkeypatch):
    monkeypatch.setattr(settle, "SLOW_CALL_SECONDS", 0.3)


def test_a_slow_call_is_told_with_its_phases(platform, work, caplog, told_early):
    platform.simulator.control("POST", "/latency", {"median_ms": 400, "sigma": 0})
    message = platform.message()
    work()
    (line,) = [one.getMessage() for one in caplog.records if "slow: template/send" in one.msg]
    assert message.id.hex in line
    assert "wait 0.4" in line
    assert message.openid not in line


def test_a_quick_one_is_not(platform, work, caplog, told_early):
    platform.message()
    work()
    assert "slow: template/send" not in caplog.text
