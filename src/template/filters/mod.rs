//! Filters, one file per kind; each is listed where it is written.

mod basic;
pub(super) mod choose;
pub(super) mod crypt;
mod data;
mod digest;
mod encode;
mod html;
mod keys;
pub(super) mod layout;
mod list;
mod number;
pub(crate) mod path;
mod random;
pub(super) mod regex;
mod secret;
pub(super) mod text;
pub(super) mod time;
mod url;
mod vault;
mod windows;

use super::call::Body;

pub(super) use data::merged;
pub(super) use list::{add, deduplicated};
pub(super) use number::minus;

/// Every filter by its name.
pub(super) const ALL: &[&[(&str, Body)]] = &[
    basic::FILTERS,
    choose::FILTERS,
    crypt::FILTERS,
    data::FILTERS,
    digest::FILTERS,
    encode::FILTERS,
    html::FILTERS,
    keys::FILTERS,
    layout::FILTERS,
    list::FILTERS,
    number::FILTERS,
    path::FILTERS,
    random::FILTERS,
    regex::FILTERS,
    secret::FILTERS,
    text::FILTERS,
    time::FILTERS,
    url::FILTERS,
    vault::FILTERS,
    windows::FILTERS,
];
