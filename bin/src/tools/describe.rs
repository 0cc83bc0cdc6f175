//! The tools in the words of clap, for completion and manual: made of their letters and their help.

use clap::{Arg, ArgAction, Command};

use super::{Call, Tool};

/// The tools as subcommands of `seqioc`.
pub(crate) fn commands() -> impl Iterator<Item = Command> {
    Tool::ALL.into_iter().map(command)
}

fn command(tool: Tool) -> Command {
    let (about, operands) = match tool {
        Tool::Get => ("Read PVs, as caget of EPICS base", "PV"),
        Tool::Put => ("Write PVs, as caput of EPICS base", "PV|VALUE"),
        Tool::Monitor => ("Show PVs as they change, as camonitor of EPICS base", "PV"),
        Tool::Info => ("Show how PVs are connected, as cainfo of EPICS base", "PV"),
    };
    let call =
        Call { tool, program: format!("seqioc {}", tool.subcommand()), strict: true, words: Vec::new() };
    let (letters, help) = (call.letters(), call.help());
    let letters: Vec<char> = letters.chars().collect();
    let takes_argument = |at: usize| letters.get(at + 1) == Some(&':');
    let options = letters.iter().enumerate().filter(|(_, letter)| **letter != ':');
    let status = help.find("Exit status").map_or("", |at| help[at..].trim_end()).replace("\n ", "");
    Command::new(tool.subcommand())
        .about(about)
        .after_help(status)
        .disable_help_flag(true)
        .args(options.filter_map(|(at, letter)| option(*letter, takes_argument(at), &help)))
        .arg(Arg::new("operands").value_name(operands).num_args(1..))
}

/// One option, as the help has it; base takes a few letters of which it says nothing.
fn option(letter: char, takes_argument: bool, help: &str) -> Option<Arg> {
    let start = format!("-{letter}");
    let line = help.lines().map(str::trim_start).find_map(|line| line.strip_prefix(&start))?;
    let (head, text) = line.split_once(':')?;
    // One of three letters stands directly behind these.
    let text = text.trim().replace("hex number", "hex (x), octal (o) or binary (b) number");
    let name = head.trim().trim_matches(['<', '>']).to_owned();
    let arg = Arg::new(letter.to_string()).short(letter).help(text);
    Some(match takes_argument {
        true if head.starts_with(['x', 'o', 'b']) => arg.value_parser(["x", "o", "b"]).value_name("x|o|b"),
        true => arg.value_name(name),
        false => arg.action(ArgAction::SetTrue),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_has_its_help_and_its_argument() {
        for tool in commands() {
            let name = tool.get_name().to_owned();
            tool.clone().debug_assert();
            assert!(
                tool.get_after_help().is_some_and(|status| status.to_string().contains("1 not found")),
                "{name}"
            );
            for option in tool.get_arguments().filter(|arg| !arg.is_positional()) {
                let id = option.get_id();
                assert!(option.get_help().is_some_and(|help| !help.to_string().is_empty()), "{name} -{id}");
                let value = option.get_value_names().is_none_or(|names| !names[0].is_empty());
                assert!(value, "{name} -{id}");
            }
        }
        let letters = |tool: Command| tool.get_arguments().filter_map(Arg::get_short).collect::<String>();
        let all: Vec<_> = commands().map(letters).collect();
        assert_eq!(all, ["tacnhsSVefgl#d0wpFv", "cnlhatsVSwpFv", "nhVmsSefgl#0wtpFv", "hVwspv"]);
        let get = commands().next().expect("get").render_help().to_string();
        assert!(get.contains("-w <sec>") && get.contains("-0 <x|o|b>"), "{get}");
    }
}
