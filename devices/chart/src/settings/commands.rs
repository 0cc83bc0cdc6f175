//! The commands that the chart knows.

use wrapper::{Arg, ArgType, CommandSpec};

/// The commands of the chart.
pub(crate) fn commands() -> Vec<CommandSpec> {
    use ArgType::{Integer, List, Number, Text};
    let none = || Arg::None;
    vec![
        CommandSpec::new("", "draws the list against its index").arg("values", List, ""),
        CommandSpec::new("counter", "draws the chart's own data"),
        CommandSpec::new("watch", "draws PVs against time").rest(Text),
        CommandSpec::new("arrays", "draws the elements of PVs against their index").rest(Text),
        CommandSpec::new("xy", "draws one PV against another: samples, or arrays")
            .arg("x", Text, "")
            .arg("y", Text, ""),
        CommandSpec::new("histogram", "draws how often each value of a PV comes")
            .arg("name", Text, "")
            .optional_arg("bins", Integer, "", 50),
        CommandSpec::new(
            "look",
            "sets colour (#rrggbb) and style (line, points, steps) of a trace, counted from 1",
        )
        .arg("trace", Integer, "")
        .optional_arg("color", Text, "", none())
        .optional_arg("style", Text, "", none()),
        CommandSpec::new("axes", "sets bounds; those left out follow the data")
            .optional_arg("x_low", Number, "", none())
            .optional_arg("x_high", Number, "", none())
            .optional_arg("y_low", Number, "", none())
            .optional_arg("y_high", Number, "", none()),
        CommandSpec::new("labels", "names the axes")
            .optional_arg("x", Text, "", "")
            .optional_arg("y", Text, "", ""),
        CommandSpec::new("title", "sets the title").arg("text", Text, ""),
        CommandSpec::new("window", "sets the time shown").arg("seconds", Number, "s"),
        CommandSpec::new("size", "sets the size of the image")
            .optional_arg("width", Integer, "px", none())
            .optional_arg("height", Integer, "px", none()),
        CommandSpec::new("theme", "sets the colours: Light or Dark").arg("name", Text, ""),
        CommandSpec::new("format", "sets what image holds: RGB or Mono").arg("name", Text, ""),
        CommandSpec::new("rate", "sets the most frames per second").arg("per_second", Number, "Hz"),
        CommandSpec::new("clear", "forgets the data so far"),
    ]
}
