//! What commands a device knows, as it tells them itself.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context as _, Result};
use wrapper::CommandListing;
use wrapper::client::Context;

use crate::{output, registry};

/// Time that a shell waits for a device.
const SHELL: Duration = Duration::from_secs(2);

fn ask(prefix: &str, wait: Duration) -> Result<(Vec<CommandListing>, String)> {
    let context = Context::from_env()?.within(wait);
    let pv = context.pv(&format!("{prefix}seq.COMMANDS"));
    pv.connected().wait().with_context(|| super::no_device(prefix))?;
    let text: String = pv.get_as().wait()?;
    let commands = CommandListing::read(&text)
        .with_context(|| format!("{prefix}seq.COMMANDS is no list of commands"))?;
    Ok((commands, text))
}

/// Prints them.
pub(super) fn list(prefix: &str, wait: Duration, json: bool) -> Result<()> {
    let (commands, text) = ask(prefix, wait)?;
    if json {
        let text = if text.is_empty() { "[]" } else { &text };
        return Ok(output::write(&format!("{text}\n"))?);
    }
    if commands.is_empty() {
        return Ok(output::write(&format!("{prefix} has no list of commands: it takes any text\n"))?);
    }
    let width = commands.iter().map(|command| command.call.len()).max().unwrap_or_default();
    let mut lines = String::new();
    for CommandListing { call, doc, within, .. } in &commands {
        let within = within.map(|seconds| format!(" (within {seconds} s)")).unwrap_or_default();
        writeln!(lines, "{call:<width$}  {doc}{within}")?;
    }
    Ok(output::write(&lines)?)
}

/// Prints what the last word can become, each with a tab and what it is; nothing when nobody answers.
pub(super) fn complete(prefix: &str, words: &[String]) -> Result<()> {
    let Some((current, before)) = words.split_last() else {
        let kinds = registry::KINDS.iter().filter(|kind| kind.prefix.starts_with(prefix));
        let lines: String = kinds.map(|kind| format!("{}\t{}\n", kind.prefix, kind.about)).collect();
        return Ok(output::write(&lines)?);
    };
    let Ok((commands, _)) = ask(prefix, SHELL) else { return Ok(()) };
    Ok(output::write(&candidates(&commands, before, current))?)
}

fn candidates(commands: &[CommandListing], before: &[String], current: &str) -> String {
    let found: Vec<(String, &str)> = match before.split_first() {
        None => {
            let named = commands.iter().filter(|command| !command.name.is_empty());
            named.map(|command| (command.name.clone(), command.doc.as_str())).collect()
        }
        Some((name, given)) => {
            let command = commands.iter().find(|command| command.name == *name);
            let args = command.into_iter().flat_map(|command| &command.args);
            let is_given =
                |arg: &str| given.iter().any(|word| word.split_once('=').is_some_and(|(key, _)| key == arg));
            args.filter(|arg| !is_given(&arg.name))
                .map(|arg| (format!("{}=", arg.name), arg.what.as_str()))
                .collect()
        }
    };
    let fits = found.iter().filter(|(word, _)| word.starts_with(current));
    // A device says what it likes, and a shell takes each line for a word.
    let clean = |text: &str| text.replace(char::is_control, " ");
    fits.map(|(word, what)| format!("{}\t{}\n", clean(word), clean(what))).collect()
}

#[cfg(test)]
mod tests {
    use super::candidates;
    use wrapper::CommandListing;

    #[test]
    fn names_come_first_then_arguments_that_are_not_given() {
        let arg = |name: &str| format!(r#"{{"name": "{name}", "what": "number mm", "required": true}}"#);
        let text = format!(
            r#"[{{"name": "", "call": "()", "doc": "", "args": []}},
                {{"name": "move", "call": "move(..)", "doc": "goes\nfar", "args": [{}, {}]}},
                {{"name": "stop", "call": "stop()", "doc": "stops", "args": []}}]"#,
            arg("to"),
            arg("velocity")
        );
        let commands = CommandListing::read(&text).expect("JSON");
        let of = |before: &[&str], current: &str| {
            let before: Vec<_> = before.iter().map(|word| (*word).to_owned()).collect();
            candidates(&commands, &before, current)
        };
        assert_eq!(of(&[], ""), "move\tgoes far\nstop\tstops\n");
        assert_eq!(of(&[], "st"), "stop\tstops\n");
        assert_eq!(of(&["move"], ""), "to=\tnumber mm\nvelocity=\tnumber mm\n");
        assert_eq!(of(&["move", "to=5"], ""), "velocity=\tnumber mm\n");
        assert_eq!(of(&["dance"], ""), "");
    }
}
