//! From "the parser stopped here" to what the user most likely did wrong.
//!
//! The parser's place is exact for few mistakes: a missing quote is noticed lines later, an
//! unquoted `{{ … }}` when the text after it does not fit. Each guess here needs evidence in the
//! text itself.

use rprov_modules::kit::Span;

use super::Diagnostic;
use super::events::{Fault, FaultKind, MAX_DEPTH};
use super::yaml::Builder;

impl Builder<'_> {
    pub(super) fn fault(&self, fault: Fault) -> Diagnostic {
        let here = self.span(fault.at, fault.at);
        Diagnostic::error(format!("{:?}", fault.kind)).at(here, "")
    }

    pub(super) fn unquoted_template(&self, start: u32) -> Diagnostic {
        Diagnostic::error("quote").at(self.span(start, start + 2), "")
    }

    fn span(&self, start: u32, end: u32) -> Span {
        Span { file: self.file, start, end }
    }
}
