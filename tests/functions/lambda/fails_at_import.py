"""A function whose module cannot be imported."""


def connect():
    raise ConnectionError("no database")


connect()


def handler(event, context):
    return None
