"""The callers of a storm: they ask until they are told 202, as a sane service does, and note it."""

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import requests
from django.db import Error, close_old_connections, connection

from notifier.intake.accept import Origin, SendRequest, accept
from notifier.intake.errors import InProgress
from notifier.models import Priority, Recipient
from notifier.recipients.directory import Address
from templates_app.models import MessageTemplate, OfficialAccount
from tests import builders
from tests.chaos.stage import Stage

FOLLOWERS = 500
BURST_SECONDS = 2.0
"""What a campaign has for so long arrives at one moment; so the workers hold rows that wait."""
PAUSE_SECONDS = 0.3
URGENT, NORMAL = 0.1, 0.55
SAID = builders.DATA | {"product": "云南白茶，只有收件人知道"}


@dataclass
class Ledger:
    """What the callers were promised."""

    accepted: dict[str, str] = field(default_factory=dict)
    """Idempotency key -> message id, as the 202 named it."""
    not_accepted: dict[str, str] = field(default_factory=dict)
    """Idempotency key -> the last answer, when a caller gave up or was refused."""
    repeated: int = 0
    """Requests that had to be made again."""


@dataclass(frozen=True)
class Wish:
    """One message that somebody wants sent."""

    key: str
    template: str
    openid: str
    priority: Priority

    @property
    def data(self) -> dict[str, str]:
        return SAID | {"order_no": self.key}


class Callers:
    """`http` of the messages through the API, the rest through intake in this process."""

    def __init__(self, stage: Stage, seed: int, messages: int, http: int) -> None:
        self.ledger = Ledger()
        self._stage = stage
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._client = builders.make_client()
        self.key = self._client.make_key()
        self.templates = self._cast()
        self._openids = {
            template.code: list(
                Recipient.objects.filter(account=template.account).values_list("openid", flat=True)
            )
            for template in self.templates
        }
        dice = random.Random(f"{seed}/wishes")
        self._http = [self._wish(f"http-{number}", dice) for number in range(http)]
        self._direct = [self._wish(f"direct-{number}", dice) for number in range(messages - http)]

    @property
    def openids(self) -> list[str]:
        return [one for them in self._openids.values() for one in them]

    @property
    def accounts(self) -> list[OfficialAccount]:
        return [template.account for template in self.templates]

    def run(self, seconds: float, patience: float) -> None:
        """Spreads the messages over the seconds; returns when each is accepted, or given up."""
        started = time.monotonic()
        deadline = started + seconds + patience
        with ThreadPoolExecutor(8) as services, ThreadPoolExecutor(4) as campaigns:
            waiting: list[Future[None]] = []
            burst = max(1, round(len(self._direct) * BURST_SECONDS / seconds))
            asked = [(*one, services, self._ask) for one in _paced(self._http, seconds, 1)]
            asked += [
                (*one, campaigns, self._accept) for one in _paced(self._direct, seconds, burst)
            ]
            queue = sorted(asked, key=lambda item: item[0])
            for at, wish, pool, way in queue:
                if self._stopped.wait(max(0.0, started + at - time.monotonic())):
                    break
                waiting.append(pool.submit(way, wish, deadline))
            for one in waiting:
                one.result()

    def stop(self) -> None:
        """What was not accepted yet is given up."""
        self._stopped.set()

    def _cast(self) -> list[MessageTemplate]:
        """Two accounts, one with encrypted callbacks, each with a template and followers."""
        templates = []
        for mode in ("safe", "plain"):
            account = builders.make_account(encoding_aes_key="k" * 43, callback_mode=mode)
            templates.append(builders.make_template(account))
            Recipient.objects.bulk_create(
                Recipient(account=account, openid=builders.openid()) for _ in range(FOLLOWERS)
            )
        return templates

    def _wish(self, key: str, dice: random.Random) -> Wish:
        template = dice.choice(self.templates)
        roll = dice.random()
        bulk_or_normal = Priority.NORMAL if roll < NORMAL else Priority.BULK
        priority = Priority.URGENT if roll < URGENT else bulk_or_normal
        return Wish(key, template.code, dice.choice(self._openids[template.code]), priority)

    def _ask(self, wish: Wish, deadline: float) -> None:
        """Through the API. On 409, 503 and a broken connection: again, with the same key. Any other
        answer is a fault of ours: outages are answered by 503."""
        body = {
            "template": wish.template,
            "to": {"openid": wish.openid},
            "data": wish.data,
            "priority": wish.priority.word,
        }
        headers = {"Authorization": f"Bearer {self.key}", "Idempotency-Key": wish.key}
        last = ""
        while not self._stopped.is_set() and time.monotonic() < deadline:
            try:
                response = self._stage.session().post(
                    f"{self._stage.web_url}/api/v1/messages", json=body, headers=headers, timeout=10
                )
                last = f"{response.status_code} {response.text}"
                if response.status_code == 202:
                    return self._note(wish, response.json()["id"])
                if response.status_code not in (409, 503):
                    break
            except requests.RequestException as error:
                last = type(error).__name__
            self._again()
        self._give_up(wish, last)

    def _accept(self, wish: Wish, deadline: float) -> None:
        """Through intake itself, as the admin and campaigns do; again when the database is away."""
        to = Address(openid=wish.openid)
        request = SendRequest(wish.template, to, wish.data, priority=wish.priority)
        origin = Origin(self._client, wish.key, request_digest=wish.key)
        last = ""
        while not self._stopped.is_set() and time.monotonic() < deadline:
            try:
                close_old_connections()
                return self._note(wish, accept(request, origin).message.id.hex)
            except InProgress:
                last = "in progress"
            except Error as error:
                last = type(error).__name__
                connection.close()
            self._again()
        self._give_up(wish, last)

    def _note(self, wish: Wish, message_id: str) -> None:
        with self._lock:
            self.ledger.accepted[wish.key] = UUID(message_id).hex

    def _again(self) -> None:
        with self._lock:
            self.ledger.repeated += 1
        self._stopped.wait(PAUSE_SECONDS)

    def _give_up(self, wish: Wish, last: str) -> None:
        with self._lock:
            self.ledger.not_accepted[wish.key] = last


def _paced(wishes: list[Wish], seconds: float, burst: int) -> Iterator[tuple[float, Wish]]:
    """Each with the second at which it is made."""
    for number, wish in enumerate(wishes):
        yield number // burst * burst / len(wishes) * seconds, wish


def known_to_the_simulator(template: MessageTemplate, callback: str, **values: Any) -> Any:
    """The account as the simulated WeChat must know it."""
    account, version = template.account, template.published
    assert version is not None
    return {
        "appid": account.appid,
        "secret": account.app_secret,
        "original_id": account.original_id,
        "name": account.name,
        "callback_url": f"{callback}/wechat/{account.slug}/callback",
        "callback_token": account.callback_token,
        "encoding_aes_key": account.encoding_aes_key,
        "callback_mode": account.callback_mode,
        "any_openid": True,
        "send_quota": 100_000_000,
        "templates": [
            {
                "template_id": version.wechat_template_id,
                "title": version.title,
                "content": version.content,
            }
        ],
    } | values
