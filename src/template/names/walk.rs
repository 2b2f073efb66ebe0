//! Expressions and statements, token by token: which names are free.

use std::{collections::HashSet, ops::Range};

use super::super::prepare::{Kind, Token, tokens, unescape};
use super::super::register::{bare, is_global};
use super::PluginKind;

/// A use in the text that is walked.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) name: String,
    pub(super) path: Vec<String>,
    pub(super) guarded: bool,
    pub(super) range: Range<usize>,
}

/// All that was found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) uses: Vec<Found>,
    pub(super) files: Vec<(String, Range<usize>)>,
    pub(super) open: Vec<Range<usize>>,
    pub(super) plugins: Vec<(PluginKind, String, Range<usize>)>,
}

pub(super) struct Walker<'a> {
    source: &'a str,
    escapes: bool,
    tokens: Vec<Token>,
    /// What is bound, innermost last; the first is the template's own.
    scopes: Vec<HashSet<&'a str>>,
    /// Names that are asked whether they are defined.
    asked: HashSet<&'a str>,
    findings: Findings,
}

/// Words of the language.
const WORDS: &[&str] = &[
    "and", "or", "not", "if", "else", "in", "is", "true", "false", "none", "True", "False", "None",
];

impl<'a> Walker<'a> {
    /// `escapes`: backslashes in string literals are Python's.
    pub(super) fn new(source: &'a str, escapes: bool) -> Walker<'a> {
        Walker {
            source,
            escapes,
            tokens: Vec::new(),
            // What a template calls itself.
            scopes: vec![["self"].into_iter().collect()],
            asked: HashSet::new(),
            findings: Findings::default(),
        }
    }

    pub(super) fn found(mut self) -> Findings {
        for used in &mut self.findings.uses {
            used.guarded |= self.asked.contains(used.name.as_str());
        }
        self.findings
    }

    /// Walks one expression.
    pub(super) fn expression(&mut self, range: Range<usize>) {
        self.tokens = tokens(self.source, range);
        self.walk(0..self.tokens.len());
    }

    /// Walks the words of one block.
    pub(super) fn statement(&mut self, range: Range<usize>) {
        self.tokens = tokens(self.source, range);
        let all = self.tokens.len();
        match self.text(0) {
            "for" => {
                let into = self.top(1..all, |text| text == "in").unwrap_or(all);
                let targets = self.words(1..into);
                let end = all - usize::from(self.is(all - 1, "recursive"));
                let filter = self.top(into..end, |text| text == "if").unwrap_or(end);
                self.walk(into + 1..filter);
                self.scopes.push(targets.into_iter().chain(["loop"]).collect());
                self.walk(filter + 1..end);
            }
            "set" => match self.top(1..all, |text| text == "=") {
                Some(equals) => {
                    self.walk(equals + 1..all);
                    self.target(1..equals);
                }
                None => {
                    let filters = self.top(1..all, |text| text == "|").unwrap_or(all);
                    self.walk(filters..all);
                    self.target(1..filters);
                }
            },
            "macro" => {
                self.bind(1);
                self.parameters(3..all.saturating_sub(1));
            }
            "call" if self.text(1) == "(" => {
                let close = self.closing(1);
                self.walk(close + 1..all);
                self.parameters(2..close);
            }
            "with" => {
                self.scopes.push(HashSet::new());
                self.bindings(1..all);
            }
            "call" => {
                self.walk(1..all);
                self.scopes.push(HashSet::new());
            }
            "block" => self.scopes.push(HashSet::new()),
            "filter" => {
                self.named(1, PluginKind::Filter);
                self.walk(2..all);
                self.scopes.push(HashSet::new());
            }
            "endfor" | "endmacro" | "endcall" | "endwith" | "endblock" | "endfilter" => {
                if self.scopes.len() > 1 {
                    self.scopes.pop();
                }
            }
            "include" | "extends" | "import" | "from" => self.templates(),
            "else" | "endif" | "endset" | "endraw" | "endautoescape" | "break" | "continue"
            | "debug" => {}
            _ => self.walk(1..all),
        }
    }

    fn text(&self, index: usize) -> &'a str {
        self.tokens.get(index).map_or("", |token| &self.source[token.start..token.end])
    }

    fn kind(&self, index: usize) -> Option<Kind> {
        self.tokens.get(index).map(|token| token.kind)
    }

    fn is(&self, index: usize, text: &str) -> bool {
        self.kind(index).is_some_and(|kind| kind != Kind::Text) && self.text(index) == text
    }

    /// The first token outside of brackets that is meant.
    fn top(&self, range: Range<usize>, meant: impl Fn(&str) -> bool) -> Option<usize> {
        let mut depth = 0usize;
        for index in range {
            if self.kind(index) == Some(Kind::Text) {
                continue;
            }
            match self.text(index) {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => depth = depth.saturating_sub(1),
                text if depth == 0 && meant(text) => return Some(index),
                _ => {}
            }
        }
        None
    }

    /// The bracket that closes the one at `open`; the last token if none does.
    fn closing(&self, open: usize) -> usize {
        let mut depth = 0usize;
        for index in open..self.tokens.len() {
            if self.kind(index) == Some(Kind::Text) {
                continue;
            }
            match self.text(index) {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => depth = depth.saturating_sub(1),
                _ => continue,
            }
            if depth == 0 {
                return index;
            }
        }
        self.tokens.len()
    }

    fn words(&self, range: Range<usize>) -> Vec<&'a str> {
        range.filter(|i| self.kind(*i) == Some(Kind::Name)).map(|i| self.text(i)).collect()
    }

    fn bind(&mut self, index: usize) {
        let name = self.text(index);
        if let Some(scope) = self.scopes.last_mut() {
            scope.insert(name);
        }
    }

    /// What `set` writes to: names, or an attribute of a name, which is used.
    fn target(&mut self, range: Range<usize>) {
        if self.is(range.start + 1, ".") {
            return self.walk(range);
        }
        for index in range {
            if self.kind(index) == Some(Kind::Name) {
                self.bind(index);
            }
        }
    }

    /// Opens a scope with parameters; their defaults are used outside of it.
    fn parameters(&mut self, range: Range<usize>) {
        let own = ["caller", "varargs", "kwargs"];
        self.scopes.push(own.into_iter().collect());
        self.bindings(range);
    }

    /// `a, b = 1, c`: each is bound after its value is walked.
    fn bindings(&mut self, range: Range<usize>) {
        let mut at = range.start;
        while at < range.end {
            let end = self.top(at..range.end, |text| text == ",").unwrap_or(range.end);
            if self.is(at + 1, "=") {
                self.walk(at + 2..end);
            }
            self.bind(at);
            at = end + 1;
        }
    }

    /// `include`, `import`, `extends`, `from`: the files, and the names they bind.
    fn templates(&mut self) {
        let all = self.tokens.len();
        let end = match self.text(0) {
            "import" => self.top(1..all, |text| text == "as"),
            "from" => self.top(1..all, |text| text == "import"),
            _ => self.top(1..all, |text| matches!(text, "ignore" | "with" | "without")),
        };
        let end = end.unwrap_or(all);
        for index in 1..end {
            match self.kind(index) {
                Some(Kind::Text) => self.file(index),
                Some(Kind::Name) => self.open(index),
                _ => {}
            }
        }
        self.walk(1..end);
        let mut index = end;
        while index < all {
            let word = self.text(index);
            let context = matches!(word, "with" | "without") && self.is(index + 1, "context");
            if context || matches!(self.text(0), "include" | "extends") {
                break;
            }
            let renamed = self.is(index + 1, "as");
            let name = self.kind(index) == Some(Kind::Name) && !matches!(word, "as" | "import");
            if name && !renamed {
                self.bind(index);
            }
            index += if name && renamed { 2 } else { 1 };
        }
    }

    fn file(&mut self, index: usize) {
        if let (Some(name), Some(token)) = (self.literal(index), self.tokens.get(index)) {
            self.findings.files.push((name, token.start..token.end));
        }
    }

    fn open(&mut self, index: usize) {
        if let Some(token) = self.tokens.get(index) {
            self.findings.open.push(token.start..token.end);
        }
    }

    /// The value of a string literal that stands alone.
    fn literal(&self, index: usize) -> Option<String> {
        if self.kind(index) != Some(Kind::Text) || self.kind(index + 1) == Some(Kind::Text) {
            return None;
        }
        let text = self.text(index);
        let inner = text.get(1..)?.strip_suffix(text.get(..1)?)?;
        Some(if self.escapes { unescape(inner) } else { inner.to_owned() })
    }

    /// Walks tokens that are an expression.
    fn walk(&mut self, range: Range<usize>) {
        // Whether the bracket one is in is a call's: there `name=` is an argument.
        let mut calls: Vec<bool> = Vec::new();
        for index in range.start..range.end.min(self.tokens.len()) {
            let text = self.text(index);
            match self.kind(index) {
                Some(Kind::Punct) => match text {
                    "(" => calls.push(index > range.start && self.callee(index - 1)),
                    "[" | "{" => calls.push(false),
                    ")" | "]" | "}" => drop(calls.pop()),
                    _ => {}
                },
                Some(Kind::Name) => {
                    let argument = calls.last() == Some(&true) && self.is(index + 1, "=");
                    self.plugin_used(index, range.start);
                    if !argument && !self.names_a_plugin(index, range.start) {
                        self.name(index);
                    }
                }
                _ => {}
            }
        }
    }

    fn callee(&self, index: usize) -> bool {
        match self.kind(index) {
            Some(Kind::Name) => !WORDS.contains(&self.text(index)),
            _ => matches!(self.text(index), ")" | "]"),
        }
    }

    /// Whether the name at `index` is an attribute, a filter or a test.
    fn names_a_plugin(&self, index: usize, first: usize) -> bool {
        let Some(before) = index.checked_sub(1).filter(|before| *before >= first) else {
            return false;
        };
        let asks = |at: usize| self.is(at, "is") && self.kind(at) == Some(Kind::Name);
        match self.text(before) {
            "." | "|" if self.kind(before) == Some(Kind::Punct) => true,
            "is" => self.kind(before) == Some(Kind::Name),
            "not" => before > first && asks(before - 1),
            _ => false,
        }
    }

    /// Takes down the filter or test that begins at `index`, and the one it is given by name.
    fn plugin_used(&mut self, index: usize, first: usize) {
        let Some(before) = index.checked_sub(1).filter(|before| *before >= first) else { return };
        let negated = self.is(before, "not") && before > first && self.is(before - 1, "is");
        if self.is(before, "|") {
            self.named(index, PluginKind::Filter);
        } else if negated || self.is(before, "is") && !self.is(index, "not") {
            self.named(index, PluginKind::Test);
        }
    }

    /// The plugin whose name begins at `index`; `map('upper')` names another.
    fn named(&mut self, index: usize, kind: PluginKind) {
        let mut last = index;
        while self.is(last + 1, ".") && self.kind(last + 2) == Some(Kind::Name) {
            last += 2;
        }
        let (Some(start), Some(end)) = (self.tokens.get(index), self.tokens.get(last)) else {
            return;
        };
        let range = start.start..end.end;
        let name = self.source[range.clone()].to_owned();
        let (at, inner) = match (kind, bare(&name)) {
            (PluginKind::Filter, "map") => (last + 2, PluginKind::Filter),
            (PluginKind::Filter, "select" | "reject") => (last + 2, PluginKind::Test),
            (PluginKind::Filter, "selectattr" | "rejectattr") => (last + 4, PluginKind::Test),
            _ => (0, kind),
        };
        self.findings.plugins.push((kind, name, range));
        let closes = self.is(at + 1, ",") || self.is(at + 1, ")");
        if at > 0
            && self.is(last + 1, "(")
            && (at == last + 2 || self.is(last + 3, ","))
            && closes
            && let Some(name) = self.literal(at)
        {
            let token = self.tokens[at];
            self.findings.plugins.push((inner, name, token.start + 1..token.end - 1));
        }
    }

    fn name(&mut self, index: usize) {
        let name = self.text(index);
        if matches!(name, "lookup" | "query" | "q") && self.is(index + 1, "(") {
            return self.lookup(index);
        }
        if WORDS.contains(&name) || self.scopes.iter().any(|scope| scope.contains(name)) {
            return;
        }
        let (path, next) = self.path(index + 1);
        let asked = self.is(next, "is");
        let test = next + 1 + usize::from(asked && self.is(next + 1, "not"));
        if asked && matches!(self.plugin(test), "defined" | "undefined") {
            self.asked.insert(name);
        }
        let defaulted = self.is(next, "|") && matches!(self.plugin(next + 1), "default" | "d");
        let token = self.tokens[index];
        let range = token.start..token.end;
        if !is_global(name) {
            self.findings.uses.push(Found {
                name: name.to_owned(),
                path,
                guarded: defaulted,
                range,
            });
        }
    }

    /// The constant attributes and items from `at` on, and the token after them.
    fn path(&self, mut at: usize) -> (Vec<String>, usize) {
        let mut path = Vec::new();
        loop {
            if self.is(at, ".") && !self.is(at + 2, "(") {
                path.push(self.text(at + 1).to_owned());
                at += 2;
            } else if self.is(at, "[") && self.is(at + 2, "]") {
                let item = match self.kind(at + 1) {
                    Some(Kind::Number) => Some(self.text(at + 1).to_owned()),
                    _ => self.literal(at + 1),
                };
                let Some(item) = item else { return (path, self.after(at)) };
                path.push(item);
                at += 3;
            } else {
                return (path, self.after(at));
            }
        }
    }

    /// The token after further items, attributes and calls.
    fn after(&self, mut at: usize) -> usize {
        loop {
            if self.is(at, ".") {
                at += 2;
            } else if self.is(at, "[") || self.is(at, "(") {
                at = self.closing(at) + 1;
            } else {
                return at;
            }
        }
    }

    /// The last word of a filter's or test's dotted name.
    fn plugin(&self, mut at: usize) -> &'a str {
        while self.is(at + 1, ".") {
            at += 2;
        }
        self.text(at)
    }

    /// `lookup('name', …)`: some lookups use variables or templates by name.
    fn lookup(&mut self, index: usize) {
        let close = self.closing(index + 1);
        let first = index + 2;
        let computed = !(self.is(first + 1, ",") || first + 1 == close);
        let Some(plugin) = self.literal(first).filter(|_| !computed) else {
            return self.open(index);
        };
        let token = self.tokens[first];
        let range = token.start + 1..token.end - 1;
        self.findings.plugins.push((PluginKind::Lookup, plugin.clone(), range));
        let short = plugin.strip_prefix("ansible.builtin.").unwrap_or(&plugin);
        let of_files = short == "template";
        match short {
            "vars" | "template" => {}
            "varnames" => return self.open(index),
            _ => return,
        }
        let mut at = first + 2;
        while at < close {
            let end = self.top(at..close, |text| text == ",").unwrap_or(close);
            let named = self.kind(at) == Some(Kind::Name) && self.is(at + 1, "=");
            match self.literal(at).filter(|_| end == at + 1) {
                Some(_) if of_files => self.file(at),
                Some(name) => {
                    let token = self.tokens[at];
                    let range = token.start + 1..token.end - 1;
                    // `default=…` may follow.
                    let guarded = (at..close).any(|i| self.is(i, "default") && self.is(i + 1, "="));
                    self.findings.uses.push(Found { name, path: Vec::new(), guarded, range });
                }
                None if named => {}
                None => self.open(at),
            }
            at = end + 1;
        }
    }
}
