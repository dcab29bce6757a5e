//! What queues, streams and other services send, each with short names of its fields.

use serde_json::{Value, json};

use crate::event::fields::{Field, Fields};

pub const SQS: Fields = &[
    ("body", Field::At(&["Records.0.body"])),
    ("queue", Field::At(&["Records.0.eventSourceARN"])),
    ("id", Field::At(&["Records.0.messageId"])),
];

pub fn queue() -> Value {
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

pub const SNS: Fields = &[
    ("message", Field::At(&["Records.0.Sns.Message"])),
    ("subject", Field::At(&["Records.0.Sns.Subject"])),
    ("topic", Field::At(&["Records.0.Sns.TopicArn"])),
];

pub fn topic() -> Value {
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

pub const S3: Fields = &[
    ("bucket", Field::At(&["Records.0.s3.bucket.name"])),
    ("key", Field::At(&["Records.0.s3.object.key"])),
    ("size", Field::At(&["Records.0.s3.object.size"])),
    ("event", Field::At(&["Records.0.eventName"])),
];

pub fn bucket() -> Value {
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

pub fn table() -> Value {
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

pub const KINESIS: Fields = &[
    ("data", Field::Base64("Records.0.kinesis.data")),
    ("partition", Field::At(&["Records.0.kinesis.partitionKey"])),
    ("stream", Field::At(&["Records.0.eventSourceARN"])),
];

pub fn stream() -> Value {
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

pub const BUS: Fields = &[
    ("detail", Field::At(&["detail"])),
    ("type", Field::At(&["detail-type"])),
    ("source", Field::At(&["source"])),
];

pub fn bus() -> Value {
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

pub fn schedule() -> Value {
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

pub const LOGS: Fields = &[
    ("message", Field::At(&["logEvents.0.message"])),
    ("group", Field::At(&["logGroup"])),
    ("stream", Field::At(&["logStream"])),
];

/// What is compressed into `awslogs.data`.
pub fn logs() -> Value {
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

pub const COGNITO: Fields =
    &[("user", Field::At(&["userName"])), ("email", Field::At(&["request.userAttributes.email"]))];

pub fn sign_up() -> Value {
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
