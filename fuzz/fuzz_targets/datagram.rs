//! See `ca_proto_fuzz::datagram`.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| ca_proto_fuzz::datagram(data));
