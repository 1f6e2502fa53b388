"""What can go wrong, as it happens: at WeChat by the simulator, here by hand. Which tick each turns
red stands in `test_faults`."""

from datetime import timedelta

from django.core.cache import cache
from django.db.models import F

from notifier.dispatch import gate
from notifier.dispatch.drain import drain_lane
from notifier.dispatch.gate import Limits, Report
from notifier.dispatch.holds import REFUSALS
from notifier.dispatch.sender import sender
from notifier.models import MessageCount, Priority
from notifier.models.counts import Span
from notifier.wechat.tokens import KEY
from templates_app.models import OfficialAccount
from tests import builders
from tests.conftest import Platform
from tests.doctor.conftest import CALLBACK
from tests.receipts.pushes import event, push
from tests.wechat.servers import free_address

IP = "203.0.113.7"


def change(healthy: Platform, **values: object) -> None:
    OfficialAccount.objects.filter(pk=healthy.account.pk).update(**values)
    healthy.account.refresh_from_db()


def no_token(healthy: Platform) -> None:
    """As after two hours: what asks WeChat must fetch one."""
    cache.delete(f"{KEY}:{healthy.account.appid}")


def tell(healthy: Platform, report: Report) -> None:
    account = healthy.account
    gate.tell(account.pk, report, Limits.of(account), builders.now())


def send(healthy: Platform, count: int, ago: timedelta = timedelta(minutes=10)) -> None:
    """Through the queue to the simulator; counted as if it had been some time ago."""
    builders.copies(healthy.message(), count - 1)
    drain_lane(healthy.account.pk, Priority.NORMAL)
    assert sender().finish(20)
    minutes = MessageCount.objects.filter(span=Span.MINUTE)
    minutes.update(begins=F("begins") - ago)


def wrong_secret(healthy: Platform) -> None:
    change(healthy, app_secret="0" * 32)


def frozen(healthy: Platform) -> None:
    """The AppSecret; the token that is there still works."""
    healthy.configure(callback_url=CALLBACK, frozen=True)


def no_more_tokens(healthy: Platform) -> None:
    """Of today; the one that is there still works."""
    fault = {"path": "/cgi-bin/stable_token", "errcode": 45009}
    healthy.simulator.control("POST", "/faults", fault)


def banned(healthy: Platform) -> None:
    healthy.configure(callback_url=CALLBACK, banned=True)


def missing_ip(healthy: Platform) -> None:
    healthy.configure(ip_not_whitelisted=IP)


def unauthorised(healthy: Platform) -> None:
    healthy.configure(callback_url=CALLBACK, api_unauthorized=True)


def template_missing(healthy: Platform) -> None:
    healthy.configure(callback_url=CALLBACK, templates=[])


def template_refused(healthy: Platform) -> None:
    """Again and again, so that it is held."""
    version = healthy.template.published
    assert version is not None
    listed = {"template_id": version.wechat_template_id, "title": "x", "content": version.content}
    healthy.configure(callback_url=CALLBACK, templates=[listed | {"errcode": 40037}])
    send(healthy, REFUSALS)


def no_receipts(healthy: Platform) -> None:
    healthy.simulator.control("POST", "/receipts", {"enabled": False})
    send(healthy, 5)


def callback_unreachable(healthy: Platform) -> None:
    """Pings are lost, and no push has come for two days."""
    from_before = builders.now() - timedelta(days=2)
    healthy.account.push_set.update(received_at=from_before, happened_at=from_before)
    healthy.configure(callback_url=CALLBACK, callback_unreachable=True)


def callback_unset(healthy: Platform) -> None:
    healthy.configure(callback_url="")


def wrong_callback_token(healthy: Platform) -> None:
    body = event("subscribe", builders.openid())
    assert push(healthy.account, body, signature="0" * 40).status_code == 403


def dead_token(healthy: Platform) -> None:
    appid = healthy.account.appid
    assert healthy.simulator.control("POST", "/kill-token", {"appid": appid})["killed"]


def quota_used_up(healthy: Platform) -> None:
    tell(healthy, Report(quota_is_used_up=True))


def quota_used_up_at_wechat(healthy: Platform) -> None:
    change(healthy, daily_quota=0)
    healthy.configure(callback_url=CALLBACK, send_quota=0)


def quota_spent_at_wechat(healthy: Platform) -> None:
    """It was one message."""
    send(healthy, 1)
    change(healthy, daily_quota=0)
    healthy.configure(callback_url=CALLBACK, send_quota=1)


def breaker_open(healthy: Platform) -> None:
    tell(healthy, Report(cause="errcode 50002: user limited"))


def address_is_dead(healthy: Platform) -> None:
    """The backup answers, so that everything else can be asked."""
    change(healthy, api_base_url=free_address(), backup_domains=healthy.simulator.url)
