"""Forces cold starts of the deployed functions and fetches their logs: `cold_starts.py STACK [--runs N]`.

A changed configuration makes Lambda start new environments, so each round sets a variable and invokes the functions,
cold and then warm, in random order. The logs are saved for `glowplug bench ingest`, whose command is printed. Needs
boto3 and credentials; costs are those of a few hundred short invocations.
"""

import argparse
import json
import random
import time
from pathlib import Path

VARIANTS = {"Plain": "plain", "Glowplug": "code+extension"}
INGESTION_SECONDS = 30


def outputs(cloudformation, stack):
    """The stack's outputs by name."""
    (found,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in found["Outputs"]}


def renew(client, function, number):
    """Makes the next invocation of a function a cold start."""
    settings = client.get_function_configuration(FunctionName=function)
    variables = settings.get("Environment", {}).get("Variables", {})
    client.update_function_configuration(
        FunctionName=function, Environment={"Variables": {**variables, "COLD_START_NUMBER": str(number)}}
    )
    client.get_waiter("function_updated_v2").wait(FunctionName=function)


def invoke(client, function, event):
    """One invocation; a failed one ends the measurement, since it would count as a fast one."""
    answer = client.invoke(FunctionName=function, Payload=event)
    response = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise SystemExit(f"{function} failed: {response}")
    return response


def measure(client, functions, event, runs):
    """All rounds; every function has to answer what the others do."""
    for number in range(runs):
        order = list(functions)
        random.shuffle(order)
        for function in order:
            renew(client, function, number)
        answers = [invoke(client, function, event) for function in order for _ in range(2)]
        if any(answer != answers[0] for answer in answers):
            raise SystemExit(f"the functions answer differently: {answers}")
        print(f"round {number + 1} of {runs}", flush=True)


def fetch(logs, group, since):
    """The events of a log group since a time in milliseconds."""
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=since)
    return {"events": [{"message": event["message"]} for page in pages for event in page["events"]]}


def main():
    import boto3

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("stack")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--event", type=Path, default=Path(__file__).with_name("out") / "event.json")
    parser.add_argument("--output", type=Path, default=Path("logs"))
    options = parser.parse_args()
    found = outputs(boto3.client("cloudformation"), options.stack)
    since = int(time.time() * 1000)
    functions = [found[f"{name}Function"] for name in VARIANTS]
    measure(boto3.client("lambda"), functions, options.event.read_bytes(), options.runs)
    # Reports reach the logs some seconds after the response.
    time.sleep(INGESTION_SECONDS)
    options.output.mkdir(parents=True, exist_ok=True)
    words = []
    for name, variant in VARIANTS.items():
        file = options.output / f"{variant}.json"
        file.write_text(json.dumps(fetch(boto3.client("logs"), found[f"{name}LogGroup"], since)))
        words.append(f"{options.stack}:{variant}={file}")
    print("glowplug bench ingest", *words)


if __name__ == "__main__":
    main()
