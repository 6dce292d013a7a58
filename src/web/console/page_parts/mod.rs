//! What pages are made of: the frame around them, forms, charts, values as text, and how an answer is sent.

pub(super) mod answer;
pub(super) mod assets;
pub(super) mod chart;
pub(super) mod form;
pub(super) mod frame;
pub(super) mod shown;
pub(super) mod visible;
