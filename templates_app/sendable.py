"""What a service's `template` stands for now: the account and the published version."""

from dataclasses import dataclass

from django.db.models.signals import post_delete, post_save

from templates_app.memory import Memory
from templates_app.models import MessageTemplate, OfficialAccount


@dataclass(frozen=True, slots=True)
class Sendable:
    code: str
    template_id: int
    account_id: int
    account_is_active: bool
    version_id: int | None
    version_number: int | None
    held_because: str
    dedup_seconds: int
    daily_cap: int


memory: Memory[Sendable] = Memory()
for _model in (MessageTemplate, OfficialAccount):
    post_save.connect(memory.forget, sender=_model)
    post_delete.connect(memory.forget, sender=_model)


def sendable(code: str) -> Sendable | None:
    return memory.get(code, _load)


codes: Memory[str] = Memory()
for _model in (MessageTemplate, OfficialAccount):
    post_save.connect(codes.forget, sender=_model)
    post_delete.connect(codes.forget, sender=_model)


def code_of(account_id: int, wechat_template_id: str) -> str | None:
    """The template of the account whose published version is WeChat's template; of several the
    oldest."""

    def load(_key: str) -> str | None:
        rows = MessageTemplate.objects.filter(
            account_id=account_id, published__wechat_template_id=wechat_template_id
        )
        return rows.order_by("pk").values_list("code", flat=True).first()

    return codes.get(f"{account_id}:{wechat_template_id}", load)


def _load(code: str) -> Sendable | None:
    # Values, not models: an account's row would have its secrets decrypted.
    row = MessageTemplate.objects.filter(code=code).values_list(
        "code",
        "pk",
        "account_id",
        "account__is_active",
        "published_id",
        "published__number",
        "held_because",
        "dedup_seconds",
        "daily_cap",
    )
    return next((Sendable(*values) for values in row), None)
