"""One message as a job, in the usual ways. Imports nothing of Hongyan.

The environment says where: RIVAL_API (the simulator), RIVAL_REDIS (a unix socket's path),
RIVAL_APPID, RIVAL_SECRET, RIVAL_TEMPLATE.
"""

import os

import requests
from redis import Redis
from wechatpy import WeChatClient
from wechatpy.session.redisstorage import RedisStorage

API = os.environ["RIVAL_API"]
redis = Redis(unix_socket_path=os.environ["RIVAL_REDIS"], db=3)
DATA = {
    "character_string1": {"value": "20261124001"},
    "thing2": {"value": "云南白茶 500 克"},
    "time3": {"value": "2026-11-24 10:30"},
    "amount4": {"value": "¥128.00"},
    "thing5": {"value": "请在三日内确认收货"},
}


class Client(WeChatClient):
    API_BASE_URL = f"{API}/cgi-bin/"

    def fetch_access_token(self) -> object:
        """wechatpy's own, with the address of the simulator in place of WeChat's."""
        query = {"grant_type": "client_credential", "appid": self.appid, "secret": self.secret}
        return self._fetch_access_token(f"{API}/cgi-bin/token", query)


def wechatpy_send(openid: str) -> None:
    """As wechatpy's own documentation does it: a client with its Redis session."""
    session = RedisStorage(redis, prefix="wechatpy")
    client = Client(os.environ["RIVAL_APPID"], os.environ["RIVAL_SECRET"], session=session)
    client.message.send_template(openid, os.environ["RIVAL_TEMPLATE"], DATA)
    redis.incr("done")


def token() -> str:
    """The token lies in Redis, as most home-made senders have it."""
    known = redis.get("plain-token")
    if known:
        return known.decode()
    secret = {"appid": os.environ["RIVAL_APPID"], "secret": os.environ["RIVAL_SECRET"]}
    body = {"grant_type": "client_credential"} | secret
    fresh = requests.post(f"{API}/cgi-bin/stable_token", json=body, timeout=5).json()
    redis.set("plain-token", fresh["access_token"], ex=3600)
    return str(fresh["access_token"])


def requests_send(openid: str) -> None:
    """requests.post without a session: a connection for each message."""
    body = {"touser": openid, "template_id": os.environ["RIVAL_TEMPLATE"], "data": DATA}
    url = f"{API}/cgi-bin/message/template/send"
    answer = requests.post(url, params={"access_token": token()}, json=body, timeout=(3, 10))
    assert answer.json()["errcode"] == 0, answer.text
    redis.incr("done")
