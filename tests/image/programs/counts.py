"""A function that counts its invocations."""

invocations = []


def handler(event, context):
    invocations.append(event["name"])
    return invocations
