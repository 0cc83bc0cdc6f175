//! What hooks return.

use std::fmt::Display;

use ca::proto::dbr::Value;

use crate::pv_type::PvType;

/// What a put hook makes of an accepted value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PutDecision<T> {
    /// Store it.
    Accept,
    /// Store this instead.
    Replace(T),
    /// Store nothing; the put has succeeded all the same.
    Skip,
}

impl<T: PvType> PutDecision<T> {
    /// The same decision about a value without its type.
    pub(crate) fn into_value(self) -> PutDecision<Value> {
        match self {
            Self::Accept => PutDecision::Accept,
            Self::Replace(value) => PutDecision::Replace(value.into_value()),
            Self::Skip => PutDecision::Skip,
        }
    }
}

/// What a put hook may return: nothing or [`PutDecision`], or a `Result` of one of them.
///
/// An error refuses the put: nothing is stored, the PV goes into alarm WRITE/MAJOR, and the client is told that
/// its put failed.
pub trait IntoPut<T> {
    /// The decision, or why the put is refused.
    ///
    /// # Errors
    /// With the reason.
    fn into_put(self) -> Result<PutDecision<T>, String>;
}

impl<T> IntoPut<T> for () {
    fn into_put(self) -> Result<PutDecision<T>, String> {
        Ok(PutDecision::Accept)
    }
}

impl<T> IntoPut<T> for PutDecision<T> {
    fn into_put(self) -> Result<PutDecision<T>, String> {
        Ok(self)
    }
}

impl<T, R: IntoPut<T>, E: Display> IntoPut<T> for Result<R, E> {
    fn into_put(self) -> Result<PutDecision<T>, String> {
        self.map_err(|error| error.to_string())?.into_put()
    }
}

/// What a get hook may return: nothing or an `Option` of a value to post before it is read, or a `Result` of one of
/// them.
pub trait IntoGet<T> {
    /// The value to post, or why the get fails.
    ///
    /// # Errors
    /// With the reason.
    fn into_get(self) -> Result<Option<T>, String>;
}

impl<T> IntoGet<T> for () {
    fn into_get(self) -> Result<Option<T>, String> {
        Ok(None)
    }
}

impl<T> IntoGet<T> for Option<T> {
    fn into_get(self) -> Result<Option<T>, String> {
        Ok(self)
    }
}

impl<T, R: IntoGet<T>, E: Display> IntoGet<T> for Result<R, E> {
    fn into_get(self) -> Result<Option<T>, String> {
        self.map_err(|error| error.to_string())?.into_get()
    }
}

/// What a scan, startup or shutdown hook may return: nothing, or a `Result` of nothing.
pub trait IntoDone {
    /// Done, or why not.
    ///
    /// # Errors
    /// With the reason.
    fn into_done(self) -> Result<(), String>;
}

impl IntoDone for () {
    fn into_done(self) -> Result<(), String> {
        Ok(())
    }
}

impl<E: Display> IntoDone for Result<(), E> {
    fn into_done(self) -> Result<(), String> {
        self.map_err(|error| error.to_string())
    }
}
