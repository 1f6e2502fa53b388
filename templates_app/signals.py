"""What others may want to know of templates and accounts, or can tell of them."""

from django.dispatch import Signal

template_released = Signal()
"""sender: MessageTemplate; `template`: the one that an operator has released."""

who_sends = Signal()
"""sender: MessageTemplate; `template`. Receivers return the names of those who send it."""

templates_synced = Signal()
"""sender: OfficialAccount; `account`, and `count`: how many templates WeChat lists."""

wechat_asked = Signal()
"""sender: OfficialAccount; `account`: its pk; `call`: its path; `phases`: where its time went. Of
each call but a message's."""

connection_checked = Signal()
"""sender: OfficialAccount; `account`, and `answer`: ok, or why not, as `notifier/wechat`
says it."""
