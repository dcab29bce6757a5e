//! The samples: what each service sends, as its documentation shows it, in the types of the
//! `aws_lambda_events` crate.

use aws_lambda_events::event::{
    alb, apigw, cognito, dynamodb, eventbridge, kinesis, lambda_function_urls, s3, sns, sqs,
};
use serde_json::Value;

use super::fields::Fields;

mod http;
mod services;
mod typed;

use http::{ALB, HTTP, REST, URL, apigw_rest, apigw_v2, function_url, load_balancer};
use services::{
    BUS, COGNITO, KINESIS, LOGS, S3, SNS, SQS, bucket, bus, logs, queue, schedule, sign_up, stream, table,
    topic,
};
use typed::{api_gateway_v2, compressed_logs, through};

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
