"""RQ's own pages: for those who may administer the queues, and not for all staff as django-rq has
it (one of its buttons empties a queue)."""

from django.utils.translation import gettext_lazy as _
from django_rq.urls import get_admin_urlpatterns, get_api_urlpatterns

from notifier.admin.through_redis import guarded

PERMISSION = "django_rq.admin"

_guarded = guarded(PERMISSION, _("Queues"))

figures = get_api_urlpatterns()
"""stats.json and metrics: django-rq shows them to all staff, and wraps them in nothing."""
for pattern in figures:
    pattern.callback = _guarded(pattern.callback)

queue_pages = [*figures, *get_admin_urlpatterns(view_wrapper=_guarded)]
