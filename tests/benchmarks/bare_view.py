"""A bare Django view that does one INSERT: no middleware, no DRF, no check. For comparison only."""

import uuid

from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from config.wsgi import application as _ready  # noqa: F401 - sets Django up
from notifier.models import ApiClient


@csrf_exempt
def insert(request: HttpRequest) -> JsonResponse:
    row = ApiClient.objects.create(name=uuid.uuid4().hex)
    response = JsonResponse({"id": row.pk}, status=202)
    response["Content-Length"] = len(response.content)
    return response


urlpatterns = [path("bare", insert)]


class Handler(WSGIHandler):
    """Django's own handler, with one module's address and no middleware."""

    urls = __name__

    def load_middleware(self, is_async: bool = False) -> None:
        from django.conf import settings

        settings.MIDDLEWARE = []
        settings.ROOT_URLCONF = self.urls
        super().load_middleware(is_async)


application = Handler()
