//! Runs closures and futures of authors; a panic in them is an error like another.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;

fn text(panic: &(dyn Any + Send)) -> String {
    let said = panic.downcast_ref::<&str>().copied();
    let said = said.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    said.map_or_else(|| "panicked".to_owned(), |said| format!("panicked: {said}"))
}

/// Runs a closure.
pub(crate) fn guarded<R>(hook: impl FnOnce() -> Result<R, String>) -> Result<R, String> {
    catch_unwind(AssertUnwindSafe(hook)).unwrap_or_else(|panic| Err(text(&*panic)))
}

/// Runs a future.
pub(super) async fn guarded_async<R>(hook: impl Future<Output = Result<R, String>>) -> Result<R, String> {
    let mut hook = Box::pin(hook);
    poll_fn(move |context| {
        catch_unwind(AssertUnwindSafe(|| hook.as_mut().poll(context)))
            .unwrap_or_else(|panic| Poll::Ready(Err(text(&*panic))))
    })
    .await
}
