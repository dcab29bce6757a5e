"""Prepares a request and reads an answer, without a network."""

import io

import requests
from requests.adapters import BaseAdapter


class Echo(BaseAdapter):
    """Answers with what was asked."""

    def send(self, request, **_options):
        response = requests.Response()
        response.status_code = 200
        response.url = request.url
        response.headers["Content-Type"] = "application/json; charset=utf-8"
        response.raw = io.BytesIO(b'{"method": "%s"}' % request.method.encode())
        response.request = request
        return response

    def close(self):
        pass


def handler(event, context):
    session = requests.Session()
    session.mount("echo://", Echo())
    answer = session.get("echo://service/", params={"q": event["word"]})
    prepared = requests.Request("POST", "https://exämple.org/a b", json={"n": [1, None]}, auth=("a", "b")).prepare()
    return {
        "answer": answer.json(),
        "asked": answer.url,
        "url": prepared.url,
        "headers": dict(prepared.headers),
        "body": prepared.body.decode(),
    }
