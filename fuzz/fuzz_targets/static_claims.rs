#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tokend_fuzz::static_claims::fuzz(data));
