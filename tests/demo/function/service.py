"""The demo's handler: that of `app`, and one more event asks which rung the start used."""

from app import handler as order


def handler(event, context):
    if event == {"ask": "rung"}:
        import glowplug

        return glowplug.status()["rung"]
    return order(event, context)
