//! What the fuzz targets check; the corpora are replayed by `ca-proto`'s tests through the same functions.

mod datagram;
mod dbr;
mod header;
mod model;
mod operations;
mod reader;
mod requests;
mod service;
mod wire;

pub use datagram::datagram;
pub use dbr::dbr;
pub use header::header;
pub use operations::operations;
pub use requests::requests;
