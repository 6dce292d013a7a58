#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tokend_fuzz::form_body::fuzz(data));
