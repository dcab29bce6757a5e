//! Requests: what API Gateway, load balancers and function URLs send, each with short names of its fields.

use serde_json::{Value, json};

use crate::event::fields::{Field, Fields};

pub const HTTP: Fields = &[
    ("path", Field::At(&["rawPath", "requestContext.http.path"])),
    ("method", Field::At(&["requestContext.http.method"])),
    ("body", Field::At(&["body"])),
    ("query", Field::Query(Some("rawQueryString"), &[("queryStringParameters", false)])),
    ("route", Field::At(&["routeKey", "requestContext.routeKey"])),
    ("stage", Field::At(&["requestContext.stage"])),
];

pub fn apigw_v2() -> Value {
    json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/",
        "rawQueryString": "",
        "headers": {
            "accept": "application/json",
            "content-type": "application/json",
            "host": "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com",
            "user-agent": "curl/8.5.0",
            "x-amzn-trace-id": "Root=1-65e5a3f1-4c1d2e3f4a5b6c7d8e9f0a1b",
            "x-forwarded-for": "203.0.113.7",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https"
        },
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "a1b2c3d4e5",
            "domainName": "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com",
            "domainPrefix": "a1b2c3d4e5",
            "http": {
                "method": "GET",
                "path": "/",
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.7",
                "userAgent": "curl/8.5.0"
            },
            "requestId": "JKJaXmPLvHcESHA=",
            "routeKey": "$default",
            "stage": "$default",
            "time": "04/Mar/2024:10:30:25 +0000",
            "timeEpoch": 1_709_548_225_000_i64
        },
        "isBase64Encoded": false
    })
}

pub const REST: Fields = &[
    ("path", Field::At(&["path", "requestContext.path"])),
    ("method", Field::At(&["httpMethod", "requestContext.httpMethod"])),
    ("body", Field::At(&["body"])),
    (
        "query",
        Field::Query(None, &[("queryStringParameters", false), ("multiValueQueryStringParameters", true)]),
    ),
    ("resource", Field::At(&["resource", "requestContext.resourcePath"])),
    ("stage", Field::At(&["requestContext.stage"])),
];

pub fn apigw_rest() -> Value {
    json!({
        "resource": "/{proxy+}",
        "path": "/items",
        "httpMethod": "GET",
        "headers": {
            "Accept": "application/json",
            "Content-Type": "application/json",
            "Host": "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com",
            "User-Agent": "curl/8.5.0",
            "X-Amzn-Trace-Id": "Root=1-65e5a3f1-4c1d2e3f4a5b6c7d8e9f0a1b",
            "X-Forwarded-For": "203.0.113.7",
            "X-Forwarded-Port": "443",
            "X-Forwarded-Proto": "https"
        },
        "multiValueHeaders": {
            "Accept": ["application/json"],
            "Content-Type": ["application/json"],
            "Host": ["a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com"],
            "User-Agent": ["curl/8.5.0"]
        },
        "queryStringParameters": null,
        "multiValueQueryStringParameters": null,
        "pathParameters": {"proxy": "items"},
        "stageVariables": null,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "a1b2c3d4e5",
            "domainName": "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com",
            "domainPrefix": "a1b2c3d4e5",
            "httpMethod": "GET",
            "identity": {"sourceIp": "203.0.113.7", "userAgent": "curl/8.5.0"},
            "path": "/prod/items",
            "protocol": "HTTP/1.1",
            "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
            "requestTime": "04/Mar/2024:10:30:25 +0000",
            "requestTimeEpoch": 1_709_548_225_000_i64,
            "resourceId": "123456",
            "resourcePath": "/{proxy+}",
            "stage": "prod"
        },
        "body": null,
        "isBase64Encoded": false
    })
}

pub const ALB: Fields = &[
    ("path", Field::At(&["path"])),
    ("method", Field::At(&["httpMethod"])),
    ("body", Field::At(&["body"])),
    ("query", Field::Query(None, &[("queryStringParameters", false)])),
];

pub fn load_balancer() -> Value {
    json!({
        "requestContext": {
            "elb": {
                "targetGroupArn":
                    "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/items/6d0ecf831eec9f09"
            }
        },
        "httpMethod": "GET",
        "path": "/",
        "queryStringParameters": {},
        "headers": {
            "accept": "application/json",
            "content-type": "application/json",
            "host": "items-123578498.eu-central-1.elb.amazonaws.com",
            "user-agent": "curl/8.5.0",
            "x-amzn-trace-id": "Root=1-65e5a3f1-4c1d2e3f4a5b6c7d8e9f0a1b",
            "x-forwarded-for": "203.0.113.7",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https"
        },
        "body": "",
        "isBase64Encoded": false
    })
}

pub const URL: Fields = &[
    ("path", Field::At(&["rawPath", "requestContext.http.path"])),
    ("method", Field::At(&["requestContext.http.method"])),
    ("body", Field::At(&["body"])),
    ("query", Field::Query(Some("rawQueryString"), &[("queryStringParameters", false)])),
];

pub fn function_url() -> Value {
    json!({
        "version": "2.0",
        "rawPath": "/",
        "rawQueryString": "",
        "headers": {
            "accept": "application/json",
            "content-type": "application/json",
            "host": "a1b2c3d4e5f6g7h8i9j0.lambda-url.eu-central-1.on.aws",
            "user-agent": "curl/8.5.0",
            "x-amzn-trace-id": "Root=1-65e5a3f1-4c1d2e3f4a5b6c7d8e9f0a1b",
            "x-forwarded-for": "203.0.113.7",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https"
        },
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "a1b2c3d4e5f6g7h8i9j0",
            "domainName": "a1b2c3d4e5f6g7h8i9j0.lambda-url.eu-central-1.on.aws",
            "domainPrefix": "a1b2c3d4e5f6g7h8i9j0",
            "http": {
                "method": "GET",
                "path": "/",
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.7",
                "userAgent": "curl/8.5.0"
            },
            "requestId": "5a3ff1f0-3c1c-4f5e-8f6e-1d2c3b4a5968",
            "time": "04/Mar/2024:10:30:25 +0000",
            "timeEpoch": 1_709_548_225_000_i64
        },
        "isBase64Encoded": false
    })
}
