"""The stock way of accepting: DRF's nested serializers, the usual middleware, a job a message."""

from typing import Any

from config.wsgi import application as _ready  # isort: skip  # noqa: F401 - sets Django up

import django_rq
from django.core.handlers.wsgi import WSGIHandler
from django.urls import path
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from notifier.models import ApiClient, Message, Recipient
from notifier.models.keys import digest_of
from templates_app.models import MessageTemplate


class ToSerializer(serializers.Serializer[Any]):
    openid = serializers.CharField(max_length=64)


class SendSerializer(serializers.ModelSerializer[Message]):
    template = serializers.SlugRelatedField(
        slug_field="code", queryset=MessageTemplate.objects.all()
    )
    to = ToSerializer()
    data = serializers.DictField(child=serializers.CharField(max_length=200))

    class Meta:
        model = Message
        fields = ("template", "to", "data")


def send(message_id: str) -> None:
    """Never run here: the benchmark accepts only."""


class Send(APIView):
    renderer_classes = [JSONRenderer]

    def post(self, request: Request) -> Response:
        key = request.headers["Authorization"].partition(" ")[2]
        client = ApiClient.objects.get(keys__digest=digest_of(key))
        serializer = SendSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        given = serializer.validated_data
        template = given["template"]
        recipient = Recipient.objects.get(account=template.account, openid=given["to"]["openid"])
        message = Message.objects.create(
            account=template.account,
            version=template.published,
            recipient=recipient,
            client=client,
            openid=recipient.openid,
            payload=str(given["data"]),
            idempotency_key=request.headers["Idempotency-Key"],
            created_at=recipient.created_at,
            due_at=recipient.created_at,
            expires_at=recipient.created_at,
        )
        django_rq.enqueue(send, message.id.hex)
        return Response({"id": message.id.hex, "status": "queued"}, status=202)


urlpatterns = [path("stock", Send.as_view(authentication_classes=[], permission_classes=[]))]


class Handler(WSGIHandler):
    def load_middleware(self, is_async: bool = False) -> None:
        from django.conf import settings

        settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if name.startswith("django.")]
        settings.ROOT_URLCONF = "tests.benchmarks.stock_view"
        settings.RQ_QUEUES["default"] = settings.RQ_QUEUES["normal"]
        super().load_middleware(is_async)


application = Handler()
