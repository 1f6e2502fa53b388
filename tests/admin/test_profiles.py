"""The pages of profiles: this process answers, as a web process does."""

import json
import os
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from redis import Redis

from notifier.dispatch.lanes import redis
from notifier.models import AuditEntry
from notifier.profiling import asking, channel
from notifier.profiling.channel import Process
from notifier.profiling.listener import listen
from templates_app.access import limit
from templates_app.models import OfficialAccount
from tests.admin.browsing import address, html, text
from tests.admin.conftest import StaffMaker
from tests.chaos.processes import everything_in_redis, until
from tests.profiling.burning import SECRETS, burn, grow

PERMISSION = "notifier.profile_process"


@pytest.fixture
def here() -> Process:
    """This process, once it answers: another test has emptied Redis."""
    own = listen("web", "here").id
    until(lambda: any(one.id == own and not one.busy_until for one in asking.processes()))
    (found,) = [one for one in asking.processes() if one.id == own]
    return found


@pytest.fixture
def busy() -> Iterator[None]:
    """Somebody works, with secrets, and somebody hoards."""
    work = [threading.Thread(target=one, args=(2,), name=one.__name__) for one in (burn, grow)]
    for one in work:
        one.start()
    yield
    for one in work:
        one.join()


def asked(client: Client, process: Process, what: str, seconds: int = 1, **headers: str) -> Any:
    values = {"process": process.id, "what": what, "seconds": seconds}
    return client.post(reverse("profiles"), values, follow=True, headers=headers)


def made(client: Client, process: Process, what: str, language: str = "en") -> Any:
    """The page of a profile, once it is over."""
    answer = asked(client, process, what)
    where = answer.redirect_chain[-1][0]
    assert where.startswith(reverse("profiles"))
    assert where != reverse("profiles"), text(answer)
    until(lambda: "every 1s" not in html(client.get(where)))
    return client.get(where, headers={"accept-language": language})


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page offers no single second."""
    monkeypatch.setattr("notifier.admin.profiles.SECONDS", (1, 5, 10, 30, 60))


def test_the_page_lists_the_processes_that_answer(root: Client, here: Process) -> None:
    channel.note(gone())
    shown = text(root.get(reverse("profiles")))
    for part in ("web", f"pid {os.getpid()}", "here", "does not answer", "worker-9"):
        assert part in shown
    assert html(root.get(reverse("profiles"))).count("<form method=") >= 1


def gone() -> Process:
    return Process(
        id="9" * 16,
        name="worker-9",
        kind="worker",
        detail="bulk",
        pid=99_999,
        host="far",
        started=time.time(),
        rss=1,
        threads=1,
    )


def test_a_flame_and_its_file(root: Client, here: Process, busy: None) -> None:
    page = made(root, here, "cpu")
    shown = html(page)
    assert 'data-thread="burn"' in shown
    assert "hot_function tests/profiling/burning.py:" in shown
    assert "% in all" not in shown
    assert "in all" in shown
    where = page.wsgi_request.path
    file = root.get(f"{where}speedscope/")
    assert file.status_code == 200
    name = f'filename="{here.name}-{os.getpid()}-'
    assert file.headers["Content-Disposition"].startswith(f"attachment; {name}")
    assert file.headers["Content-Disposition"].endswith('.speedscope.json"')
    names = {one["name"] for one in json.loads(file.content)["shared"]["frames"]}
    assert "hot_function" in names
    wall = json.loads(root.get(f"{where}speedscope/?time=wall").content)
    assert len(wall["profiles"]) >= len(json.loads(file.content)["profiles"])
    zoomed = html(root.get(f"{where}?thread=0&at=0.0&time=wall"))
    assert "All threads" in zoomed
    for bad in ("?thread=999", "?thread=x&at=9.9", "?time=never", "?thread=0&at=%00"):
        assert root.get(where + bad).status_code == 200


def test_memory_line_by_line(root: Client, here: Process, busy: None) -> None:
    shown = text(made(root, here, "memory"))
    assert "tests/profiling/burning.py:" in shown
    assert "Lines whose memory grew" in shown


def test_threads_at_once_and_in_chinese(root: Client, here: Process, busy: None) -> None:
    shown = text(made(root, here, "threads", "zh-hans"))
    for part in ("线程", "等待中", "MainThread", "hot_function"):
        assert part in shown
    assert "waits" not in shown


def test_nothing_but_places_is_shown(root: Client, here: Process, busy: None) -> None:
    pages = [made(root, here, what) for what in ("cpu", "threads")]
    file = root.get(f"{pages[0].wsgi_request.path}speedscope/").content
    for secret in SECRETS:
        for told in (*(page.content for page in pages), file, everything_in_redis()):
            assert secret.encode() not in told


def test_each_is_in_the_audit_trail(root: Client, here: Process) -> None:
    made(root, here, "cpu")
    entry = AuditEntry.objects.get(action="profile")
    assert (entry.actor_kind, entry.object_id) == ("user", here.id)
    assert json.loads(entry.after) == {"profile": "cpu", "seconds": 1}
    shown = text(root.get(address("notifier_auditentry", "change", entry.pk)))
    for part in ("Asked for a profile", str(here), "seconds"):
        assert part in shown


def test_a_second_one_is_refused_in_words(root: Client, here: Process) -> None:
    asked(root, here, "cpu")
    answer = asked(root, here, "memory")
    assert f"{here} is being profiled already." in text(answer)
    assert "is being profiled until" in text(answer)
    chinese = asked(root, here, "memory", **{"accept-language": "zh-hans"})
    assert "正在剖析中" in text(chinese)
    until(lambda: not listen("web").facts().busy_until)


def test_one_that_is_gone_does_not_answer(root: Client) -> None:
    channel.note(gone())
    answer = asked(root, gone(), "threads")
    assert "worker-9 99999@far does not answer" in text(answer)
    assert "There is no such process any more." in text(
        root.post(reverse("profiles"), {"process": "x"}, follow=True)
    )


@pytest.mark.parametrize(
    ("what", "seconds"), [("cpu", 3), ("cpu", 100_000), ("who", 5), ("", 5), ("locals", 5)]
)
def test_what_is_not_offered_is_refused(
    root: Client, here: Process, what: str, seconds: int
) -> None:
    assert "Choose what to look at" in text(asked(root, here, what, seconds))
    assert not AuditEntry.objects.filter(action="profile").exists()


def test_redis_that_is_away_is_told(root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = Redis(host="127.0.0.1", port=9, socket_connect_timeout=1)
    monkeypatch.setattr(asking, "redis", lambda: nowhere)
    for where in (reverse("profiles"), reverse("profile", args=["0" * 16])):
        answer = root.get(where)
        assert answer.status_code == 503
        assert "Redis does not answer" in text(answer)


def test_a_profile_that_there_is_not(root: Client) -> None:
    for view in ("profile", "profile-file"):
        assert root.get(reverse(view, args=["0" * 16])).status_code == 404


def test_only_a_cpu_profile_is_a_file(root: Client, here: Process) -> None:
    page = made(root, here, "threads")
    assert root.get(f"{page.wsgi_request.path}speedscope/").status_code == 404


def test_it_is_for_who_has_the_permission(staff: StaffMaker, here: Process) -> None:
    engineer = staff(PERMISSION)
    run = made(engineer, here, "threads").wsgi_request.path
    assert "Profiles" in text(engineer.get("/admin/"))
    operator = staff("notifier.view_message", "notifier.run_campaign", "django_rq.admin")
    assert "Profiles" not in text(operator.get("/admin/"))
    for where in (reverse("profiles"), run, f"{run}speedscope/"):
        assert operator.get(where).status_code == 403
        assert operator.post(where, {"process": here.id, "what": "threads"}).status_code == 403
    assert AuditEntry.objects.filter(action="profile").count() == 1


def test_who_is_limited_to_accounts_has_it_not(account: OfficialAccount) -> None:
    user = User.objects.create_user("limited", is_staff=True)
    user.user_permissions.set(Permission.objects.all())
    limit(user, OfficialAccount.objects.filter(pk=account.pk))
    client = Client()
    client.force_login(user)
    assert client.get(reverse("profiles")).status_code == 403


def test_the_list_of_the_latest(root: Client, here: Process) -> None:
    page = made(root, here, "threads")
    shown = html(root.get(reverse("profiles")))
    assert page.wsgi_request.path in shown
    redis().delete(channel.LATEST)
    assert "None in the last hour." in text(root.get(reverse("profiles")))
