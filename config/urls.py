"""Every address of the platform."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from django.views.i18n import set_language

from notifier.admin.profiles import profile_pages
from notifier.admin.queues import queue_pages
from notifier.admin.second_factor import second_factor
from notifier.api.contract.pages import page, schema
from notifier.api.errors import bad_request, not_found, server_error
from notifier.books.book import GUIDE, RUNBOOKS, addresses
from notifier.gateway.views import gateway
from notifier.observability.exposition import metrics
from notifier.observability.health import healthz, readyz
from notifier.receipts.views import callback

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("metrics", metrics, name="metrics"),
    path("api/v1/", include("notifier.api.urls")),
    path("api/schema/", schema, name="schema"),
    path("api/docs/", page, {"name": "swagger"}, name="api-docs"),
    path("api/redoc/", page, {"name": "redoc"}, name="api-redoc"),
    path("api/guide/", include(addresses(GUIDE))),
    path("runbooks/", include(addresses(RUNBOOKS))),
    path("wechat/<slug:account>/callback", callback, name="wechat-callback"),
    path("gateway/<path:path>", gateway, name="gateway"),
    path("admin/rq/", include((queue_pages, "django_rq"))),
    path("admin/profiles/", include(profile_pages)),
    path("admin/language/", set_language, name="set_language"),
    path("admin/second-factor/", admin.site.admin_view(second_factor), name="second-factor"),
    path("admin/", admin.site.urls),
]

handler400 = bad_request
handler404 = not_found
handler500 = server_error
