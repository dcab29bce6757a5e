//! A sample by way of its type in the `aws_lambda_events` crate, as the service would have written it.

use aws_lambda_events::event::{apigw, cloudwatch_logs};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The value by way of the crate's type. Fields without a value, which the crate writes as null,
/// are those that the service leaves out.
pub fn through<T: Serialize + DeserializeOwned>(content: Value) -> serde_json::Result<Value> {
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
pub fn api_gateway_v2(content: Value) -> serde_json::Result<Value> {
    let mut typed = through::<apigw::ApiGatewayV2httpRequest>(content)?;
    if let Some(fields) = typed.as_object_mut() {
        fields.remove("httpMethod");
    }
    Ok(typed)
}

/// The service pads its base64, which the crate does not when it writes, but wants when it reads.
pub fn compressed_logs(content: Value) -> serde_json::Result<Value> {
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
