//! What pages say.

use serde::Deserialize;
use serde_json::Value;

use crate::json::Depth;

/// A message of a page.
#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub(super) enum Message {
    Subscribe {
        id: u64,
        pv: String,
        #[serde(default)]
        depth: Depth,
        #[serde(default)]
        remote: bool,
    },
    Unsubscribe {
        id: u64,
    },
    Ack {
        n: u64,
    },
    Token {
        token: String,
    },
    Put {
        id: u64,
        pv: String,
        value: Value,
        #[serde(default)]
        remote: bool,
    },
    Log {
        on: bool,
    },
    Server {
        on: bool,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_message_says_why() {
        let error = |text: &str| serde_json::from_str::<Message>(text).expect_err("no message").to_string();
        assert!(error(r#"{"op":"dance"}"#).contains("dance"));
        assert!(error(r#"{"op":"subscribe","id":1}"#).contains("pv"));
        assert!(error(r#"{"op":"subscribe","id":-1,"pv":"a"}"#).contains("-1"));
        assert!(error(r#"{"op":"subscribe","id":1e99,"pv":"a"}"#).contains("u64"));
        assert!(
            error(&format!(
                "{{\"op\":\"put\",\"id\":1,\"pv\":\"a\",\"value\":{}1{}}}",
                "[".repeat(200),
                "]".repeat(200)
            ))
            .contains("recursion")
        );
    }
}
