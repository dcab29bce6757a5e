"""fastapi behind an HTTP API."""

from fastapi import FastAPI
from mangum import Mangum
from pydantic import BaseModel

app = FastAPI()


class Item(BaseModel):
    number: int
    name: str


@app.get("/items/{number}")
def item(number: int, name: str = "glow plug") -> Item:
    return Item(number=number, name=name)


@app.post("/items")
def store(item: Item) -> Item:
    return item


handler = Mangum(app, lifespan="off")
