//! The equipment. This one is simulated: it takes lines and answers with lines, as one on a serial port does.

use std::fmt;

/// The highest temperature that the heater reaches, in C.
const HOTTEST: f64 = 200.0;

/// Why the equipment did not do what it was told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstrumentError(String);

impl fmt::Display for InstrumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the instrument: {}", self.0)
    }
}

impl std::error::Error for InstrumentError {}

/// A connection to the equipment.
#[derive(Debug)]
pub struct Instrument {
    temperature: f64,
}

impl Instrument {
    /// A cold one.
    pub fn new() -> Self {
        Self { temperature: 20.0 }
    }

    /// Sets the temperature of the block, in C.
    ///
    /// # Errors
    /// When the equipment refuses it.
    pub fn set(&mut self, temperature: f64) -> Result<(), InstrumentError> {
        self.ask(&format!("SET {temperature}")).map(drop)
    }

    /// What the sensor says, in C.
    ///
    /// # Errors
    /// When the answer is no number.
    pub fn read(&mut self) -> Result<f64, InstrumentError> {
        self.number("READ?")
    }

    /// The highest temperature that it can be set to, in C.
    ///
    /// # Errors
    /// When the answer is no number.
    pub fn hottest(&mut self) -> Result<f64, InstrumentError> {
        self.number("MAX?")
    }

    fn number(&mut self, question: &str) -> Result<f64, InstrumentError> {
        let answer = self.ask(question)?;
        answer
            .parse()
            .map_err(|_| InstrumentError(format!("{answer:?} is not a number")))
    }

    /// Sends a line and takes the answer; here your port would be written and read.
    fn ask(&mut self, line: &str) -> Result<String, InstrumentError> {
        match line.split_once(' ') {
            Some(("SET", value)) => match value.parse() {
                Ok(value) if (0.0..=HOTTEST).contains(&value) => {
                    self.temperature = value;
                    Ok("OK".to_owned())
                }
                _ => Err(InstrumentError(format!(
                    "{value} C is outside 0..={HOTTEST} C"
                ))),
            },
            None if line == "READ?" => Ok(self.temperature.to_string()),
            None if line == "MAX?" => Ok(HOTTEST.to_string()),
            _ => Err(InstrumentError(format!("there is no command {line:?}"))),
        }
    }
}

impl Default for Instrument {
    fn default() -> Self {
        Self::new()
    }
}
