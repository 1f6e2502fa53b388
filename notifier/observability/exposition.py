"""/metrics: the sums of all processes, for those who know the token."""

import hmac

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from django_prometheus.exports import ExportToDjangoView
from prometheus_client import CollectorRegistry, generate_latest

from notifier.metrics import later
from notifier.observability.gauges import Gauges

_standing = CollectorRegistry()
_standing.register(Gauges())


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """`Authorization: Bearer <METRICS_TOKEN>`. Without a token set there is no such page, but in
    the demo."""
    expected = f"Bearer {settings.METRICS_TOKEN}"
    given = request.headers.get("Authorization", "")
    is_known = settings.METRICS_TOKEN and hmac.compare_digest(expected.encode(), given.encode())
    if not (is_known or (settings.HONGYAN_DEMO and not settings.METRICS_TOKEN)):
        raise Http404
    later.tell()
    response: HttpResponse = ExportToDjangoView(request)
    response.write(generate_latest(_standing))
    return response
