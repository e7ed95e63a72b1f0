//! The formats: each turns a page, a summary or records into text.

pub(crate) mod csv;
pub mod excerpt;
pub(crate) mod found;
pub mod frame;
pub(crate) mod html;
pub(crate) mod markdown;
pub(crate) mod terminal;
