//! See `ca_proto_fuzz::header`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| ca_proto_fuzz::header(data));
