//! Filters, one file per kind; each is listed where it is written.

mod basic;
mod choose;
mod data;
mod digest;
mod list;
mod number;
mod path;
pub(super) mod regex;
pub(super) mod text;
pub(super) mod time;

use super::call::Body;

/// Every filter by its name.
pub(super) const ALL: &[&[(&str, Body)]] = &[
    basic::FILTERS,
    choose::FILTERS,
    data::FILTERS,
    digest::FILTERS,
    list::FILTERS,
    number::FILTERS,
    path::FILTERS,
    regex::FILTERS,
    text::FILTERS,
    time::FILTERS,
];
