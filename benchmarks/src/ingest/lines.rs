//! The messages of a log, whatever it was saved as.

use serde::Deserialize;

/// What `aws logs filter-log-events` and `get-log-events` print.
#[derive(Debug, Deserialize)]
struct Events {
    events: Vec<Event>,
}

#[derive(Debug, Deserialize)]
struct Event {
    message: String,
}

/// The messages, each with the number of its line, or of its event.
pub fn messages(content: &str) -> Vec<(usize, String)> {
    if let Ok(Events { events }) = serde_json::from_str(content) {
        return numbered(events.into_iter().map(|event| event.message));
    }
    if let Ok(events) = serde_json::from_str::<Vec<Event>>(content) {
        return numbered(events.into_iter().map(|event| event.message));
    }
    if let Ok(records) = serde_json::from_str::<Vec<serde_json::Value>>(content) {
        return numbered(records.iter().map(ToString::to_string));
    }
    let message = |line: &str| match serde_json::from_str::<Event>(line) {
        // A record of the function's own in Lambda's JSON log format has a message too, and a level.
        Ok(event) if !line.contains("\"level\"") => event.message,
        _ => line.to_owned(),
    };
    numbered(content.lines().map(message))
}

fn numbered(messages: impl Iterator<Item = String>) -> Vec<(usize, String)> {
    messages
        .enumerate()
        .map(|(number, message)| (number + 1, message.trim_end().to_owned()))
        .filter(|(_, message)| !message.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_the_same_from_text_and_from_what_the_aws_command_prints() {
        let wanted = [(1, "REPORT a".to_owned()), (3, "END".to_owned())];
        assert_eq!(messages("REPORT a\r\n\nEND\n"), wanted);
        let events = r#"{"events": [{"timestamp": 1, "message": "REPORT a\n"}, {"message": ""}, {"message": "END\n"}]}"#;
        assert_eq!(messages(events), wanted);
        assert_eq!(messages("{\"message\": \"REPORT a\\n\"}\n\n{\"message\": \"END\"}\n"), wanted);
    }

    #[test]
    fn records_of_the_json_format_stay_whole() {
        let own = r#"{"level": "INFO", "message": "REPORT of sales"}"#;
        assert_eq!(messages(own), [(1, own.to_owned())]);
        assert_eq!(
            messages(r#"[{"type": "platform.start"}]"#),
            [(1, r#"{"type":"platform.start"}"#.to_owned())]
        );
    }
}
