"""An ASGI application behind an API Gateway HTTP API."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, FastAPI, Header
from mangum import Mangum
from pydantic import BaseModel, Field

app = FastAPI()


class Basket(BaseModel):
    fruit: str = Field(min_length=3)
    kilos: list[float]


@dataclass
class Customer:
    name: str


def customer(x_customer: Annotated[str, Header()] = "nobody"):
    return Customer(x_customer)


@app.post("/baskets/{number}")
def weigh(number: int, basket: Basket, customer: Annotated[Customer, Depends(customer)]):
    return {"number": number, "fruit": basket.fruit, "total": sum(basket.kilos), "customer": customer.name}


serve = Mangum(app, lifespan="off")


def handler(event, context):
    good = serve(event, context)
    bad = serve({**event, "body": '{"fruit": "ap", "kilos": [1]}'}, context)
    schema = serve({**event, "rawPath": "/openapi.json", "requestContext": get(event), "body": ""}, context)
    return {"good": good, "bad": bad, "schema": schema}


def get(event):
    """The event's request context, as that of a GET."""
    context = event["requestContext"]
    return {**context, "http": {**context["http"], "method": "GET", "path": "/openapi.json"}}
