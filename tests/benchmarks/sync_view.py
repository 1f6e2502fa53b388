"""The article's starting point: a view that sends within the request, with a token and a kept
connection at hand, and then stores a row. Its call is to the address in SYNC_VIEW_SEND."""

from config.wsgi import application as _ready  # isort: skip  # noqa: F401 - sets Django up

import os

import requests
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from notifier.models import ApiClient
from tests.benchmarks.bare_view import Handler
from tests.benchmarks.bodies import body

session = requests.Session()
session.trust_env = False


@csrf_exempt
def send(request: HttpRequest) -> JsonResponse:
    key = request.headers["Idempotency-Key"]
    answer = session.post(os.environ["SYNC_VIEW_SEND"], data=body(1, key), timeout=10).json()
    assert answer["errcode"] == 0, answer
    ApiClient.objects.create(name=key)
    response = JsonResponse(answer, status=202)
    response["Content-Length"] = len(response.content)
    return response


urlpatterns = [path("sync", send)]


class OneSend(Handler):
    urls = __name__


application = OneSend()
