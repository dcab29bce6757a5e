//! The samples: what each service sends, as its documentation shows it, in the types of the
//! `aws_lambda_events` crate.

use aws_lambda_events::event::{
    alb, apigw, cloudwatch_logs, cognito, dynamodb, eventbridge, kinesis, lambda_function_urls, s3, sns, sqs,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::fields::{Field, Fields};

/// One of the events that `--event` knows by name.
pub struct Sample {
    /// Its name.
    pub name: &'static str,
    /// What sends it.
    pub about: &'static str,
    /// Short names of fields.
    pub fields: Fields,
    /// Its fields and their values.
    pub content: fn() -> Value,
    /// The same as the crate's type has it.
    pub typed: fn(Value) -> serde_json::Result<Value>,
    /// Whether all fields can be seen in what is sent: not so where it is compressed.
    pub shows_all: bool,
}

const fn sample(
    name: &'static str,
    about: &'static str,
    fields: Fields,
    content: fn() -> Value,
    typed: fn(Value) -> serde_json::Result<Value>,
) -> Sample {
    Sample { name, about, fields, content, typed, shows_all: true }
}

/// All samples.
pub const ALL: &[Sample] = &[
    sample("apigw-v2", "API Gateway HTTP API, payload version 2.0", HTTP, apigw_v2, api_gateway_v2),
    sample("apigw-rest", "API Gateway REST API", REST, apigw_rest, through::<apigw::ApiGatewayProxyRequest>),
    sample("alb", "Application Load Balancer", ALB, load_balancer, through::<alb::AlbTargetGroupRequest>),
    sample(
        "function-url",
        "Lambda function URL",
        URL,
        function_url,
        through::<lambda_function_urls::LambdaFunctionUrlRequest>,
    ),
    sample("sqs", "Amazon SQS queue", SQS, queue, through::<sqs::SqsEvent>),
    sample("sns", "Amazon SNS topic", SNS, topic, through::<sns::SnsEvent>),
    sample("s3", "Amazon S3 object created", S3, bucket, through::<s3::S3Event>),
    sample("dynamodb", "DynamoDB stream", &[], table, through::<dynamodb::Event>),
    sample("kinesis", "Kinesis data stream", KINESIS, stream, through::<kinesis::KinesisEvent>),
    sample("eventbridge", "EventBridge event bus", BUS, bus, through::<eventbridge::EventBridgeEvent>),
    sample("schedule", "EventBridge scheduled rule", BUS, schedule, through::<eventbridge::EventBridgeEvent>),
    Sample {
        name: "cloudwatch-logs",
        about: "CloudWatch Logs subscription",
        fields: LOGS,
        content: logs,
        typed: compressed_logs,
        shows_all: false,
    },
    sample(
        "cognito",
        "Cognito user pool, before sign-up",
        COGNITO,
        sign_up,
        through::<cognito::CognitoEventUserPoolsPreSignup>,
    ),
];

/// The value by way of the crate's type. Fields without a value, which the crate writes as null,
/// are those that the service leaves out.
fn through<T: Serialize + DeserializeOwned>(content: Value) -> serde_json::Result<Value> {
    let kept = content.clone();
    let mut typed = serde_json::to_value(serde_json::from_value::<T>(content)?)?;
    remove_added_nulls(&mut typed, &kept);
    for name in ["headers", "multiValueHeaders"] {
        if let Some(headers) = typed.get_mut(name) {
            restore_spelling(headers, &kept[name]);
        }
    }
    Ok(typed)
}

/// Gives headers the upper-case letters again that the crate's type takes from them.
fn restore_spelling(typed: &mut Value, given: &Value) {
    let (Value::Object(typed), Value::Object(given)) = (typed, given) else { return };
    for name in given.keys() {
        if let Some(value) = typed.remove(&name.to_ascii_lowercase()) {
            typed.insert(name.clone(), value);
        }
    }
}

/// Takes out the nulls, and the empty lists and maps, that `given` does not have.
fn remove_added_nulls(typed: &mut Value, given: &Value) {
    match typed {
        Value::Object(fields) => {
            fields.retain(|name, value| given.get(name).is_some() || !is_empty(value));
            for (name, value) in fields {
                match given.get(name) {
                    Some(Value::Null) if is_empty(value) => *value = Value::Null,
                    // The crate writes some times, which the service sends as numbers, as text.
                    Some(Value::Number(number)) if value.is_string() => *value = number.clone().into(),
                    given => remove_added_nulls(value, given.unwrap_or(&Value::Null)),
                }
            }
        }
        Value::Array(items) => {
            for (number, item) in items.iter_mut().enumerate() {
                remove_added_nulls(item, &given[number]);
            }
        }
        _ => {}
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// The crate's type serves authorizers too and always writes their method.
fn api_gateway_v2(content: Value) -> serde_json::Result<Value> {
    let mut typed = through::<apigw::ApiGatewayV2httpRequest>(content)?;
    if let Some(fields) = typed.as_object_mut() {
        fields.remove("httpMethod");
    }
    Ok(typed)
}

/// The service pads its base64, which the crate does not when it writes, but wants when it reads.
fn compressed_logs(content: Value) -> serde_json::Result<Value> {
    let mut event = cloudwatch_logs::LogsEvent::default();
    event.aws_logs.data = serde_json::from_value(content)?;
    let mut typed = serde_json::to_value(event)?;
    if let Some(Value::String(data)) = typed.pointer_mut("/awslogs/data") {
        while data.len() % 4 != 0 {
            data.push('=');
        }
    }
    Ok(typed)
}

const HTTP: Fields = &[
    ("path", Field::At(&["rawPath", "requestContext.http.path"])),
    ("method", Field::At(&["requestContext.http.method"])),
    ("body", Field::At(&["body"])),
    ("query", Field::Query(Some("rawQueryString"), &[("queryStringParameters", false)])),
    ("route", Field::At(&["routeKey", "requestContext.routeKey"])),
    ("stage", Field::At(&["requestContext.stage"])),
];

fn apigw_v2() -> Value {
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

const REST: Fields = &[
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

fn apigw_rest() -> Value {
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

const ALB: Fields = &[
    ("path", Field::At(&["path"])),
    ("method", Field::At(&["httpMethod"])),
    ("body", Field::At(&["body"])),
    ("query", Field::Query(None, &[("queryStringParameters", false)])),
];

fn load_balancer() -> Value {
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

const URL: Fields = &[
    ("path", Field::At(&["rawPath", "requestContext.http.path"])),
    ("method", Field::At(&["requestContext.http.method"])),
    ("body", Field::At(&["body"])),
    ("query", Field::Query(Some("rawQueryString"), &[("queryStringParameters", false)])),
];

fn function_url() -> Value {
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

const SQS: Fields = &[
    ("body", Field::At(&["Records.0.body"])),
    ("queue", Field::At(&["Records.0.eventSourceARN"])),
    ("id", Field::At(&["Records.0.messageId"])),
];

fn queue() -> Value {
    json!({
        "Records": [{
            "messageId": "059f36b4-87a3-44ab-83d2-661975830a7d",
            "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
            "body": "{\"order\": 5}",
            "attributes": {
                "ApproximateReceiveCount": "1",
                "SentTimestamp": "1709548225000",
                "SenderId": "AIDAIENQZJOLO23YVJ4VO",
                "ApproximateFirstReceiveTimestamp": "1709548225012"
            },
            "messageAttributes": {},
            "md5OfBody": "f26a1adec6c3d3d4e3e0a8d3c2d6c5f1",
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:orders",
            "awsRegion": "eu-central-1"
        }]
    })
}

const SNS: Fields = &[
    ("message", Field::At(&["Records.0.Sns.Message"])),
    ("subject", Field::At(&["Records.0.Sns.Subject"])),
    ("topic", Field::At(&["Records.0.Sns.TopicArn"])),
];

fn topic() -> Value {
    json!({
        "Records": [{
            "EventVersion": "1.0",
            "EventSubscriptionArn":
                "arn:aws:sns:eu-central-1:123456789012:orders:21be56ed-a058-49f5-8c98-aedd2564c486",
            "EventSource": "aws:sns",
            "Sns": {
                "SignatureVersion": "1",
                "Timestamp": "2024-03-04T10:30:25.000Z",
                "Signature": "tcc6faL2yUC6dgZdmrwh1Y4cGa/ebXEkAi6RibDsvpi+tE/1+82j",
                "SigningCertUrl": "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService.pem",
                "MessageId": "95df01b4-ee98-5cb9-9903-4c221d41eb5e",
                "Message": "{\"order\": 5}",
                "MessageAttributes": {},
                "Type": "Notification",
                "UnsubscribeUrl": "https://sns.eu-central-1.amazonaws.com/?Action=Unsubscribe",
                "TopicArn": "arn:aws:sns:eu-central-1:123456789012:orders",
                "Subject": "order"
            }
        }]
    })
}

const S3: Fields = &[
    ("bucket", Field::At(&["Records.0.s3.bucket.name"])),
    ("key", Field::At(&["Records.0.s3.object.key"])),
    ("size", Field::At(&["Records.0.s3.object.size"])),
    ("event", Field::At(&["Records.0.eventName"])),
];

fn bucket() -> Value {
    json!({
        "Records": [{
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": "eu-central-1",
            "eventTime": "2024-03-04T10:30:25.000Z",
            "eventName": "ObjectCreated:Put",
            "userIdentity": {"principalId": "AWS:AIDAJDPLRKLG7UEXAMPLE"},
            "requestParameters": {"sourceIPAddress": "203.0.113.7"},
            "responseElements": {
                "x-amz-request-id": "D82B88E5F771F645",
                "x-amz-id-2": "vlR7PnpV2Ce81l0PRw6jlUpck7Jo5ZsQjryTjKlc5aLWGVHPZLj5NeC6qMa0emYBDXOo6QBU0Wo="
            },
            "s3": {
                "s3SchemaVersion": "1.0",
                "configurationId": "orders",
                "bucket": {
                    "name": "orders",
                    "ownerIdentity": {"principalId": "A3I5XTEXAMAI3E"},
                    "arn": "arn:aws:s3:::orders"
                },
                "object": {
                    "key": "2024/03/04/orders.csv",
                    "size": 1024,
                    "eTag": "b21b84d653bb07b05b1e6b33684dc11b",
                    "sequencer": "0C0F6F405D6ED209E1"
                }
            }
        }]
    })
}

fn table() -> Value {
    json!({
        "Records": [{
            "eventID": "c4ca4238a0b923820dcc509a6f75849b",
            "eventName": "INSERT",
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": "eu-central-1",
            "dynamodb": {
                "ApproximateCreationDateTime": 1_709_548_225.0,
                "Keys": {"order": {"N": "5"}},
                "NewImage": {
                    "order": {"N": "5"},
                    "customer": {"S": "Ada"},
                    "items": {"L": [{"S": "glow plug"}]},
                    "paid": {"BOOL": true}
                },
                "SequenceNumber": "4421584500000000017450439091",
                "SizeBytes": 26,
                "StreamViewType": "NEW_AND_OLD_IMAGES"
            },
            "eventSourceARN":
                "arn:aws:dynamodb:eu-central-1:123456789012:table/orders/stream/2024-03-04T00:00:00.000"
        }]
    })
}

const KINESIS: Fields = &[
    ("data", Field::Base64("Records.0.kinesis.data")),
    ("partition", Field::At(&["Records.0.kinesis.partitionKey"])),
    ("stream", Field::At(&["Records.0.eventSourceARN"])),
];

fn stream() -> Value {
    json!({
        "Records": [{
            "kinesis": {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": "5",
                "sequenceNumber": "49590338271490256608559692538361571095921575989136588898",
                "data": "eyJvcmRlciI6IDV9",
                "approximateArrivalTimestamp": 1_709_548_225.0
            },
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": "shardId-000000000006:49590338271490256608559692538361571095921575989136588898",
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": "arn:aws:iam::123456789012:role/orders",
            "awsRegion": "eu-central-1",
            "eventSourceARN": "arn:aws:kinesis:eu-central-1:123456789012:stream/orders"
        }]
    })
}

const BUS: Fields = &[
    ("detail", Field::At(&["detail"])),
    ("type", Field::At(&["detail-type"])),
    ("source", Field::At(&["source"])),
];

fn bus() -> Value {
    json!({
        "version": "0",
        "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "detail-type": "Order placed",
        "source": "shop.orders",
        "account": "123456789012",
        "time": "2024-03-04T10:30:25Z",
        "region": "eu-central-1",
        "resources": [],
        "detail": {"order": 5}
    })
}

fn schedule() -> Value {
    json!({
        "version": "0",
        "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "123456789012",
        "time": "2024-03-04T10:30:00Z",
        "region": "eu-central-1",
        "resources": ["arn:aws:events:eu-central-1:123456789012:rule/every-minute"],
        "detail": {}
    })
}

const LOGS: Fields = &[
    ("message", Field::At(&["logEvents.0.message"])),
    ("group", Field::At(&["logGroup"])),
    ("stream", Field::At(&["logStream"])),
];

/// What is compressed into `awslogs.data`.
fn logs() -> Value {
    json!({
        "messageType": "DATA_MESSAGE",
        "owner": "123456789012",
        "logGroup": "/aws/lambda/orders",
        "logStream": "2024/03/04/[$LATEST]3c1c4f5e8f6e1d2c",
        "subscriptionFilters": ["errors"],
        "logEvents": [{
            "id": "36892192892473839231567294852194862347651048123456789012",
            "timestamp": 1_709_548_225_000_i64,
            "message": "ERROR order 5 could not be placed"
        }]
    })
}

const COGNITO: Fields =
    &[("user", Field::At(&["userName"])), ("email", Field::At(&["request.userAttributes.email"]))];

fn sign_up() -> Value {
    json!({
        "version": "1",
        "triggerSource": "PreSignUp_SignUp",
        "region": "eu-central-1",
        "userPoolId": "eu-central-1_aB3dE5fG7",
        "userName": "ada",
        "callerContext": {
            "awsSdkVersion": "aws-sdk-unknown-unknown",
            "clientId": "6n1q2k3j4h5g6f7d8s9a0p1o2i"
        },
        "request": {
            "userAttributes": {"email": "ada@example.com"},
            "validationData": {}
        },
        "response": {"autoConfirmUser": false, "autoVerifyEmail": false, "autoVerifyPhone": false}
    })
}
