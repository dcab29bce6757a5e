"""fastapi behind mangum, with pydantic models: one route of a JSON API."""

from fastapi import FastAPI
from mangum import Mangum
from pydantic import BaseModel, Field

app = FastAPI()


class Item(BaseModel):
    name: str = Field(min_length=2)
    price: float
    count: int = 1


class Order(BaseModel):
    id: str
    items: list[Item]


@app.post("/orders/{customer}")
def order(customer: str, order: Order) -> dict[str, str | float]:
    return {"customer": customer, "order": order.id, "total": sum(item.price * item.count for item in order.items)}


serve = Mangum(app, lifespan="off")


def handler(event, context):
    response = serve(event, context)
    return {"statusCode": response["statusCode"], "body": response["body"]}
