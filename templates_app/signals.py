"""What others may want to know of templates and accounts."""

from django.dispatch import Signal

template_released = Signal()
"""sender: MessageTemplate; `template`: the one that an operator has released."""

connection_checked = Signal()
"""sender: OfficialAccount; `account`, and `answer`: ok, or why not, as `notifier/wechat`
says it."""
