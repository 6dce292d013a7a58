//! Parts of pages: the frame, forms, charts, formatted values and responses.

pub(super) mod answer;
pub(super) mod assets;
pub(super) mod chart;
pub(super) mod form;
pub(super) mod frame;
pub(super) mod notice;
pub(super) mod shown;
pub(super) mod visible;
