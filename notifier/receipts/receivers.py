"""Who a callback address belongs to, remembered: receipts come one by one, and an account's row has
its secrets decrypted each time it is read."""

from dataclasses import dataclass

from django.db.models.signals import post_delete, post_save

from notifier.wechat.callback import CallbackKeys
from templates_app.memory import Memory
from templates_app.models import OfficialAccount


@dataclass(frozen=True, slots=True)
class Receiver:
    account_id: int
    keys: CallbackKeys


memory: Memory[Receiver] = Memory()
post_save.connect(memory.forget, sender=OfficialAccount)
post_delete.connect(memory.forget, sender=OfficialAccount)


def remembered(slug: str) -> Receiver | None:
    """With a callback token; perhaps as it was a moment ago, whoever changed it."""
    return memory.get(slug, _with_token)


def _with_token(slug: str) -> Receiver | None:
    found = fresh(slug)
    return found if found and found.keys.token else None


def fresh(slug: str) -> Receiver | None:
    row = OfficialAccount.objects.defer("app_secret").filter(slug=slug).first()
    if row is None:
        return None
    keys = CallbackKeys(
        token=row.callback_token,
        appid=row.appid,
        aes_keys=row.aes_keys,
        mode=row.callback_mode,
    )
    return Receiver(row.pk, keys)
