//! Filters, one file per kind; each is listed where it is written.

mod basic;

use super::call::Body;

/// Every filter by its name.
pub(super) const ALL: &[&[(&str, Body)]] = &[basic::FILTERS];
