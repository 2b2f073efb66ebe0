//! Why a template has no value: message, place, and through which variables it was reached.

use std::fmt;

use rprov_modules::kit::Span;

use crate::source::Diagnostic;

/// What kind of mistake it is; the engine looks ahead past [`ErrorKind::Undefined`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A name or attribute that does not exist was used.
    Undefined,
    /// The text is no valid template.
    Syntax,
    /// A variable needs itself.
    Recursive,
    /// A condition whose value is no boolean.
    Condition,
    /// `omit` where nothing can be left out.
    Omitted,
    /// Anything else: a filter refused its input, a lookup failed.
    Failed,
}

/// A variable on the way to the error, and where it is defined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub variable: String,
    pub span: Span,
}

/// A template that could not be evaluated.
#[derive(Debug, Clone, PartialEq)]
pub struct TemplateError {
    pub kind: ErrorKind,
    pub message: String,
    /// The expression at fault; the whole scalar where it cannot be told more exactly.
    pub span: Span,
    /// From the variable that holds the expression outwards to the one that was asked for.
    pub chain: Vec<Link>,
    pub help: Option<String>,
}

impl TemplateError {
    pub fn new(kind: ErrorKind, message: impl Into<String>, span: Span) -> TemplateError {
        TemplateError { kind, message: message.into(), span, chain: Vec::new(), help: None }
    }

    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> TemplateError {
        self.help = Some(help.into());
        self
    }

    /// Says that the error arose while `variable` was evaluated.
    #[must_use]
    pub(super) fn within(mut self, variable: &str, span: Span) -> TemplateError {
        let named = self.chain.iter().any(|link| link.variable == variable);
        if !(self.kind == ErrorKind::Recursive && named)
            && self.chain.last().is_none_or(|link| link.variable != variable)
        {
            self.chain.push(Link { variable: variable.to_owned(), span });
        }
        self
    }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        for link in &self.chain {
            write!(f, ", in variable `{}`", link.variable)?;
        }
        Ok(())
    }
}

impl std::error::Error for TemplateError {}

/// Carries an error of ours through the engine.
pub(super) fn wrap(error: TemplateError) -> minijinja::Error {
    minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, error.message.clone())
        .with_source(error)
}

/// Takes an error of ours out again.
pub(super) fn unwrap(error: &minijinja::Error) -> Option<&TemplateError> {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(current) = source {
        if let Some(found) = current.downcast_ref::<TemplateError>() {
            return Some(found);
        }
        source = current.source();
    }
    None
}

/// An error of a filter, test or function, in our words.
pub(super) fn failed(message: impl Into<String>) -> minijinja::Error {
    minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, message.into())
}

impl From<TemplateError> for Diagnostic {
    fn from(error: TemplateError) -> Diagnostic {
        let mut diagnostic = Diagnostic::error(error.message).at(error.span, "");
        for link in error.chain {
            diagnostic = diagnostic.context(link.span, format!("in variable `{}`", link.variable));
        }
        match error.help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        }
    }
}

/// For values that evaluate templates of their own, as `hostvars` does.
impl From<TemplateError> for minijinja::Error {
    fn from(error: TemplateError) -> minijinja::Error {
        wrap(error)
    }
}
