"""What WeChat changed about a template that is sent, line by line, and whom it concerns."""

from typing import Any

from templates_app.models import ListedTemplate, MessageTemplate
from templates_app.signals import who_sends
from templates_app.sync import CHANGED, GONE, drift_of


def drift(template: MessageTemplate) -> dict[str, Any]:
    """For the template's page; empty while nothing is wrong."""
    version = template.published
    because = drift_of(version) if version else ""
    if version is None or not because:
        return {}
    known = ListedTemplate.objects.filter(account=template.account)
    listed = known.filter(wechat_template_id=version.wechat_template_id).first()
    ours, theirs = _lines(version.content), _lines(listed.content if listed else "")
    told: list[Any] = who_sends.send(MessageTemplate, template=template)
    senders = {name for _receiver, names in told for name in names}
    return {
        "drift_is_gone": because == GONE,
        "drift_is_change": because == CHANGED,
        "drift_since": listed and (listed.gone_since or listed.seen_at),
        "ours": [(line, line not in theirs) for line in ours],
        "theirs": [(line, line not in ours) for line in theirs],
        "senders": sorted(senders),
    }


def _lines(content: str) -> list[str]:
    return [line.strip() for line in content.splitlines() if line.strip()]
