//! Fields of a sample changed: `path=/items/5,requestContext.http.method=GET`.

use anyhow::Result;
use aws_lambda_events::encodings::Base64Data;
use serde_json::{Map, Value};

use crate::failure::Usage;

/// What a short name stands for.
#[derive(Debug, Clone, Copy)]
pub enum Field {
    /// These places, by their paths.
    At(&'static [&'static str]),
    /// One place, which holds its value in base64.
    Base64(&'static str),
    /// A query string: at the first place as it is (if any), at the others taken apart; whether each
    /// value is a list.
    Query(Option<&'static str>, &'static [(&'static str, bool)]),
}

/// Short names and what they stand for.
pub type Fields = &'static [(&'static str, Field)];

/// Takes `FIELD=VALUE,...` apart. A comma separates only where a field's name and `=` follow, so
/// values may hold commas.
pub fn parse(text: &str) -> Result<Vec<(String, String)>> {
    let mut found: Vec<(String, String)> = Vec::new();
    for piece in text.split(',').filter(|_| !text.is_empty()) {
        match piece.split_once('=').filter(|(name, _)| is_name(name)) {
            Some((name, value)) => found.push((name.to_owned(), value.to_owned())),
            None => match found.last_mut() {
                Some((_, value)) => *value = format!("{value},{piece}"),
                None => return Err(Usage(format!("{piece}: not FIELD=VALUE")).into()),
            },
        }
    }
    Ok(found)
}

fn is_name(text: &str) -> bool {
    let inside = |c: char| c.is_ascii_alphanumeric() || "._-/:".contains(c);
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(inside)
}

/// Sets a field, by short name or path; says which paths were set.
pub fn change(content: &mut Value, fields: Fields, name: &str, value: &str) -> Result<Vec<String>> {
    let Some((_, field)) = fields.iter().find(|(short, _)| *short == name) else {
        let place = place(content, name)?;
        *place = like(place, value);
        return Ok(vec![name.to_owned()]);
    };
    match field {
        Field::At(paths) => {
            for path in *paths {
                let place = place(content, path)?;
                // What is not in the sample is text.
                *place = if place.is_null() { value.into() } else { like(place, value) };
            }
        }
        Field::Base64(path) => {
            let mut data = Base64Data::default();
            data.0 = value.into();
            *place(content, path)? = serde_json::to_value(data)?;
        }
        Field::Query(raw, parsed) => {
            if let Some(path) = raw {
                *place(content, path)? = value.into();
            }
            for (path, lists) in *parsed {
                *place(content, path)? = query(value, *lists);
            }
        }
    }
    Ok(Vec::new())
}

/// A query string's parameters. The last of several values counts, or all where they are lists.
fn query(text: &str, lists: bool) -> Value {
    let mut found = Map::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match found.get_mut(name) {
            Some(Value::Array(values)) => values.push(value.into()),
            _ if lists => drop(found.insert(name.to_owned(), Value::Array(vec![value.into()]))),
            _ => drop(found.insert(name.to_owned(), value.into())),
        }
    }
    Value::Object(found)
}

/// A value in place of another: text where there is text, else JSON if it is some.
fn like(other: &Value, value: &str) -> Value {
    if other.is_string() {
        return value.into();
    }
    serde_json::from_str(value).unwrap_or_else(|_| value.into())
}

/// The value at a path, made if only its last part is missing.
fn place<'v>(content: &'v mut Value, path: &str) -> Result<&'v mut Value> {
    let mut at = content;
    let mut parts = path.split('.').peekable();
    while let Some(part) = parts.next() {
        let missing = || Usage(format!("there is no field {path} in the event"));
        at = match at {
            Value::Array(items) => {
                let number: Option<usize> = part.parse().ok();
                number.and_then(|number| items.get_mut(number)).ok_or_else(missing)?
            }
            Value::Object(fields) if parts.peek().is_some() && !fields.contains_key(part) => {
                return Err(missing().into());
            }
            Value::Object(fields) => fields.entry(part).or_insert(Value::Null),
            _ => return Err(missing().into()),
        };
    }
    Ok(at)
}

/// Whether there is something at `path`.
pub fn has(content: &Value, path: &str) -> bool {
    content.pointer(&format!("/{}", path.replace('.', "/"))).is_some()
}

/// Fails if something of `before` is not in `after`.
#[cfg(test)]
pub fn assert_kept(before: &Value, after: &Value, path: &str) {
    match (before, after) {
        (Value::Object(fields), _) => {
            for (name, value) in fields {
                assert_kept(value, &after[name], &format!("{path}.{name}"));
            }
        }
        (Value::Array(items), _) => {
            for (number, value) in items.iter().enumerate() {
                assert_kept(value, &after[number], &format!("{path}.{number}"));
            }
        }
        (Value::Number(a), Value::Number(b)) => assert_eq!(a.as_f64(), b.as_f64(), "{path}"),
        (Value::String(a), Value::String(b)) if path.to_ascii_lowercase().contains("time") => {
            // Fractions of a second that are zero are left out by the crate.
            assert_eq!(a.replace(".000Z", "Z"), b.replace(".000Z", "Z"), "{path}");
        }
        _ => assert_eq!(before, after, "{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comma_separates_only_before_a_name() {
        let found = parse("a=1,2,b.c={\"x\": 1, \"y\": 2},d=").expect("well-formed");
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(found, [pair("a", "1,2"), pair("b.c", "{\"x\": 1, \"y\": 2}"), pair("d", "")]);
        assert!(parse("").expect("nothing").is_empty());
        assert!(parse("path").is_err());
    }
}
