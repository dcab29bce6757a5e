//! Lines of log: to stderr, which Lambda stores with the function's log.

use serde_json::{Map, Value, json};

/// How lines are written.
#[derive(Debug, Clone, Copy)]
pub struct Log {
    /// As JSON, in the form that Lambda gives JSON logs (`AWS_LAMBDA_LOG_FORMAT=JSON`): `timestamp`,
    /// `level`, `message`, and what else there is to say.
    pub json: bool,
    /// `GLOWPLUG_LOG` is not `off`.
    pub enabled: bool,
}

impl Log {
    /// Something went wrong.
    pub fn warn(self, message: &str) {
        self.line("WARN", message, &Map::new());
    }

    /// A line with fields.
    pub fn info(self, message: &str, fields: &Map<String, Value>) {
        self.line("INFO", message, fields);
    }

    fn line(self, level: &str, message: &str, fields: &Map<String, Value>) {
        use std::io::Write as _;
        if !self.enabled {
            return;
        }
        let text = if self.json { as_json(level, message, fields) } else { as_text(message, fields) };
        // One write, so that lines of others do not get in between. Without stderr there is nobody
        // to tell.
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
}

fn as_json(level: &str, message: &str, fields: &Map<String, Value>) -> String {
    let time = humantime::format_rfc3339_millis(std::time::SystemTime::now());
    let mut line = Map::new();
    line.insert("timestamp".to_owned(), json!(time.to_string()));
    line.insert("level".to_owned(), json!(level));
    line.insert("logger".to_owned(), json!("glowplug.extension"));
    line.insert("message".to_owned(), json!(message));
    line.extend(fields.iter().map(|(key, value)| (key.clone(), value.clone())));
    format!("{}\n", Value::Object(line))
}

fn as_text(message: &str, fields: &Map<String, Value>) -> String {
    let mut line = format!("glowplug: {}", message.replace('\n', " "));
    for (key, value) in fields {
        let value = match value {
            Value::String(text) if !text.contains(char::is_whitespace) => text.clone(),
            other => other.to_string(),
        };
        line.push_str(&format!(" {key}={value}"));
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields() -> Map<String, Value> {
        Map::from_iter([("archive".to_owned(), json!("a b.glow")), ("bytes".to_owned(), json!(7))])
    }

    #[test]
    fn a_plain_line_has_its_fields_behind_the_message() {
        assert_eq!(as_text("read\nahead", &fields()), "glowplug: read ahead archive=\"a b.glow\" bytes=7\n");
    }

    #[test]
    fn a_json_line_is_one_object_with_time_and_level() {
        let line = as_json("INFO", "read ahead", &fields());
        assert!(line.ends_with("}\n") && line.matches('\n').count() == 1);
        let value: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(value["bytes"], 7);
        assert_eq!(value["level"], "INFO");
        let time = value["timestamp"].as_str().expect("text");
        assert!(time.len() == "2026-01-01T00:00:00.000Z".len() && time.ends_with('Z'), "{time}");
    }
}
