#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tokend_fuzz::issuer_metadata::fuzz(data));
