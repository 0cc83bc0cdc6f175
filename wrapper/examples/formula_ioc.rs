//! A PV computed from others by a formula: `--formula 'r = sqrt(x^2 + y^2)'` serves `x` and `y` to put to, and `r`.
//!
//! With `--follow x=OTHER:PV,y=ANOTHER:PV` a variable has the value of a PV of any IOC, and `r` the alarm LINK while one of
//! these is lost. The formula is parsed once, and can do nothing but compute.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use exmex::{Express, FlatEx};
use wrapper::client::{Context, Error};
use wrapper::{
    Alarm, AlarmSeverity, AlarmStatus, FixedString, GroupBuilder, GroupError, Launcher, Post, Pv, Scan,
};

const LOST: Alarm = Alarm::new(AlarmStatus::Link, AlarmSeverity::Major);
const NO_NUMBER: Alarm = Alarm::new(AlarmStatus::Calc, AlarmSeverity::Invalid);

/// `r = x + 1` as the name of the result and what computes it.
fn parse(formula: &str) -> Result<(&str, FlatEx<f64>), String> {
    let (name, expression) = formula.split_once('=').ok_or("a formula is NAME = EXPRESSION")?;
    let expression = exmex::parse::<f64>(expression).map_err(|error| error.to_string())?;
    match name.trim() {
        "" => Err("a formula is NAME = EXPRESSION, there is no name".to_owned()),
        name => Ok((name, expression)),
    }
}

/// `x=A,y=B` as pairs.
fn pairs(text: &str) -> Result<Vec<(String, String)>, String> {
    let pair = |pair: &str| match pair.split_once('=') {
        Some((variable, pv)) if !pv.trim().is_empty() => {
            Ok((variable.trim().to_owned(), pv.trim().to_owned()))
        }
        _ => Err(format!("{pair:?} is not VARIABLE=PV")),
    };
    text.split(',').filter(|text| !text.trim().is_empty()).map(pair).collect()
}

struct Formula {
    expression: FlatEx<f64>,
    variables: Vec<Pv<f64>>,
    result: Pv<f64>,
}

impl Formula {
    /// Computes and publishes it.
    fn compute(&self) {
        let values: Vec<_> = self.variables.iter().map(Pv::get).collect();
        let result = self.expression.eval(&values).unwrap_or(f64::NAN);
        let is_lost = self.variables.iter().any(|pv| pv.alarm() == LOST);
        let alarm = match result.is_finite() {
            _ if is_lost => LOST,
            true => Alarm::NONE,
            false => NO_NUMBER,
        };
        self.result.post_with(result, Post::new().alarm(alarm));
    }
}

async fn follow(pv: String, variable: Pv<f64>) -> Result<(), Error> {
    let mut monitor = Context::from_env()?.pv(&pv).monitor::<f64>();
    variable.post_with(variable.get(), Post::new().alarm(LOST));
    loop {
        match monitor.next().await {
            Ok(value) => variable.post(value),
            Err(_) => variable.post_with(variable.get(), Post::new().alarm(LOST)),
        }
    }
}

fn build(group: &mut GroupBuilder) -> Result<(), GroupError> {
    let formula = group.macro_value("formula").unwrap_or_default().to_owned();
    let followed = pairs(group.macro_value("follow").unwrap_or_default()).unwrap_or_default();
    // The command line has checked it.
    let Ok((name, expression)) = parse(&formula) else { return Ok(()) };
    let names = expression.var_names().to_vec();
    let proc = group.pv("proc", 0).doc("A put computes at once").add()?;
    let mut variables = Vec::new();
    for name in &names {
        let variable = group.pv(name, 0.0).add()?;
        if let Some((_, pv)) = followed.iter().find(|(variable, _)| variable == name) {
            let pv = pv.clone();
            group.on_startup_of_async(&variable, move |variable| follow(pv, variable))?;
        }
        variables.push(variable);
    }
    let result = group.pv(name, 0.0).read_only().record("ai").add()?;
    group.pv("formula", formula.clone()).max_length(255).as_string().read_only().add()?;
    group.pv("out_postfix", vec![FixedString::cut(name)]).read_only().add()?;
    group
        .pv("vars", names.iter().map(|name| FixedString::cut(name)).collect::<Vec<_>>())
        .read_only()
        .add()?;
    let formula = Arc::new(Formula { expression, variables, result: result.clone() });
    let again = formula.clone();
    group.on_put(&proc, move |_, _| formula.compute())?;
    group.scan(&result, Scan::by_field(Duration::from_millis(100)), move |_| again.compute())
}

fn main() -> ExitCode {
    Launcher::new("Computes a formula")
        .prefix("Formula:")
        .checked_option("formula", None, "NAME = EXPRESSION: + - * / ^, sin, exp, ...", |text| {
            parse(text).map(drop)
        })
        .checked_option("follow", Some(""), "Variables that follow PVs: x=PV,y=PV", |text| {
            pairs(text).map(drop)
        })
        .group(build)
        .run()
}
