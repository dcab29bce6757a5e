"""An application behind Mangum, which answers a request behind the snapshot point."""

import json

import glowplug
from fastapi import FastAPI
from mangum import Mangum
from pydantic import BaseModel

app = FastAPI()


class Order(BaseModel):
    fruit: str
    kilos: float


@app.post("/orders/{number}")
def order(number: int, body: Order):
    return {"number": number, "grams": body.kilos * 1000, "fruit": body.fruit}


def request(number):
    return {
        "version": "2.0",
        "rawPath": f"/orders/{number}",
        "rawQueryString": "",
        "headers": {"content-type": "application/json"},
        "requestContext": {
            "http": {"method": "POST", "path": f"/orders/{number}", "sourceIp": "192.0.2.1"},
            "stage": "$default",
        },
        "body": '{"fruit": "pear", "kilos": 1.5}',
        "isBase64Encoded": False,
    }


handler = Mangum(app, lifespan="off")
handler(request(1), None)
glowplug.snapshot_point()
answer = handler(request(42), None)
print(json.dumps({"rung": glowplug.status()["rung"], "answer": answer}))
