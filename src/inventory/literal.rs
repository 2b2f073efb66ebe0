//! INI values: a Python literal where the text is one, else a string.
//!
//! Ansible reads `5`, `True`, `['a']` and `{'k': 1}` in an INI inventory as Python would, and takes
//! everything else (`true`, `1.3.11`, `0755`, `{{ x }}`) as the text it is.

use std::sync::Arc;

use rprov_modules::kit::{Entry, Node, NodeKind, Span};

/// The value that `text` stands for; every node carries `span`.
pub(super) fn value(text: &str, span: Span) -> Node {
    let mut reader = Reader { text, at: 0, span, depth: 0 };
    match reader.tuple_or_value() {
        Some(node) if reader.at_end() => node,
        _ => Node::string(span, text),
    }
}

/// Nesting beyond this is text: the reader is recursive.
const DEEPEST: usize = 100;

struct Reader<'t> {
    text: &'t str,
    at: usize,
    span: Span,
    depth: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn skip_space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn eat(&mut self, token: &str) -> bool {
        self.skip_space();
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn at_end(&mut self) -> bool {
        self.skip_space();
        // Python takes the rest of a line after `#` for a comment.
        self.rest().is_empty() || (self.rest().starts_with('#') && !self.rest().contains('\n'))
    }

    /// `1, 2` is a tuple without its parentheses; tuples become lists.
    fn tuple_or_value(&mut self) -> Option<Node> {
        let first = self.value()?;
        if !self.eat(",") {
            return Some(first);
        }
        let mut items = vec![first];
        while !self.at_end() {
            items.push(self.value()?);
            if !self.eat(",") {
                break;
            }
        }
        Some(Node::list(self.span, items))
    }

    fn value(&mut self) -> Option<Node> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        self.skip_space();
        let node = match self.rest().chars().next()? {
            '[' => self.sequence("[", "]").map(|(items, _)| Node::list(self.span, items)),
            '(' => self.sequence("(", ")").map(|(mut items, comma)| {
                // `(1)` is 1, `(1,)` and `()` are tuples.
                if items.len() == 1 && !comma {
                    items.remove(0)
                } else {
                    Node::list(self.span, items)
                }
            }),
            '{' => self.braces(),
            c if c.is_ascii_digit() || "+-.".contains(c) => self.number(),
            _ if self.at_string() => self.strings(),
            _ => self.name(),
        };
        self.depth -= 1;
        node
    }

    /// The items between two brackets, and whether a comma came last.
    fn sequence(&mut self, open: &str, close: &str) -> Option<(Vec<Node>, bool)> {
        self.eat(open);
        let (mut items, mut comma) = (Vec::new(), false);
        while !self.eat(close) {
            if !items.is_empty() && !comma {
                return None;
            }
            items.push(self.value()?);
            comma = self.eat(",");
        }
        Some((items, comma))
    }

    /// A dict, or a set of scalars (which becomes a list).
    fn braces(&mut self) -> Option<Node> {
        self.eat("{");
        let (mut entries, mut items, mut comma) = (Vec::<Entry>::new(), Vec::<Node>::new(), true);
        while !self.eat("}") {
            if !comma {
                return None;
            }
            let key = self.value()?;
            // Lists and dicts are not hashable: `{{ x }}` is no literal.
            key.scalar()?;
            if self.eat(":") {
                let value = self.value()?;
                match entries.iter_mut().find(|e| e.key == key) {
                    Some(entry) => entry.value = value,
                    None => entries.push(Entry { key, value }),
                }
            } else if !items.contains(&key) {
                items.push(key);
            }
            comma = self.eat(",");
        }
        match (entries.is_empty(), items.is_empty()) {
            (_, true) => Some(Node::map(self.span, entries)),
            (true, false) => Some(Node::list(self.span, items)),
            (false, false) => None,
        }
    }

    fn name(&mut self) -> Option<Node> {
        let end = self
            .rest()
            .find(|c: char| !(c.is_alphanumeric() || c == '_'))
            .unwrap_or(self.rest().len());
        let name = &self.rest()[..end];
        let node = match name {
            "True" => Node::plain(self.span, "true"),
            "False" => Node::plain(self.span, "false"),
            "None" => Node::plain(self.span, "null"),
            "set" => Node::list(self.span, vec![]),
            _ => return None,
        };
        let empty_set = name == "set";
        self.at += end;
        if empty_set && !(self.eat("(") && self.eat(")")) {
            return None;
        }
        Some(node)
    }

    /// Whether a string literal starts here, `r'…'` and `u'…'` included.
    fn at_string(&self) -> bool {
        let rest = self.rest();
        rest.strip_prefix(['r', 'R', 'u', 'U']).unwrap_or(rest).starts_with(['\'', '"'])
    }

    /// One or more adjacent string literals.
    fn strings(&mut self) -> Option<Node> {
        let mut text = String::new();
        while self.at_string() {
            self.string(&mut text)?;
            self.skip_space();
        }
        Some(Node::string(self.span, text))
    }

    fn string(&mut self, out: &mut String) -> Option<()> {
        let raw = self.rest().starts_with(['r', 'R']);
        if !self.rest().starts_with(['\'', '"']) {
            self.at += 1;
        }
        let triple = ["'''", "\"\"\""].into_iter().find(|quotes| self.rest().starts_with(quotes));
        let quotes = self.rest().get(..triple.map_or(1, str::len))?.to_owned();
        self.at += quotes.len();
        while !self.rest().starts_with(&quotes) {
            match self.next()? {
                '\n' if triple.is_none() => return None,
                '\\' if raw => {
                    out.push('\\');
                    out.push(self.next()?);
                }
                '\\' => self.escape(out)?,
                c => out.push(c),
            }
        }
        self.at += quotes.len();
        Some(())
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest().chars().next()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn escape(&mut self, out: &mut String) -> Option<()> {
        let c = self.next()?;
        let digits = match c {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            '0'..='7' => {
                let start = self.at - 1;
                while self.at - start < 3 && self.rest().starts_with(|c| ('0'..='7').contains(&c)) {
                    self.at += 1;
                }
                out.push(char::from_u32(u32::from_str_radix(&self.text[start..self.at], 8).ok()?)?);
                return Some(());
            }
            _ => {
                match c {
                    'n' => out.push('\n'),
                    't' => out.push('\t'),
                    'r' => out.push('\r'),
                    'a' => out.push('\x07'),
                    'b' => out.push('\x08'),
                    'f' => out.push('\x0c'),
                    'v' => out.push('\x0b'),
                    '\n' => {}
                    '\\' | '\'' | '"' => out.push(c),
                    // An unknown escape stays as it is.
                    _ => out.extend(['\\', c]),
                }
                return Some(());
            }
        };
        let code = self.rest().get(..digits)?;
        out.push(char::from_u32(u32::from_str_radix(code, 16).ok()?)?);
        self.at += digits;
        Some(())
    }

    fn number(&mut self) -> Option<Node> {
        let negative = match self.rest().as_bytes().first()? {
            b'-' => true,
            b'+' => false,
            _ => return self.unsigned(false),
        };
        self.at += 1;
        self.skip_space();
        self.unsigned(negative)
    }

    fn unsigned(&mut self, negative: bool) -> Option<Node> {
        let mut end = 0;
        let bytes = self.rest().as_bytes();
        while let Some(b) = bytes.get(end) {
            let exponent_sign = matches!(b, b'+' | b'-')
                && matches!(bytes.get(end.wrapping_sub(1)), Some(b'e' | b'E'))
                && !self.rest().starts_with("0x")
                && !self.rest().starts_with("0X");
            if !(b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.') || exponent_sign) {
                break;
            }
            end += 1;
        }
        let text = number(&self.rest()[..end])?;
        self.at += end;
        let sign = if negative { "-" } else { "" };
        Some(Node::new(
            self.span,
            NodeKind::Scalar(rprov_modules::kit::Scalar {
                text: Arc::from(format!("{sign}{text}")),
                plain: true,
                tag: None,
            }),
        ))
    }
}

/// A Python number in the spelling that YAML 1.1 reads as the same number.
fn number(text: &str) -> Option<String> {
    let well_spaced = !text.starts_with('_') && !text.ends_with('_') && !text.contains("__");
    if !well_spaced {
        return None;
    }
    let lower = text.to_ascii_lowercase().replace('_', "");
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = lower.strip_prefix(prefix) {
            return i128::from_str_radix(digits, radix).ok().map(|n| n.to_string());
        }
    }
    if lower.bytes().all(|b| b.is_ascii_digit()) {
        // `0755` is a syntax error to Python 3, `00` is not.
        let leading_zero = lower.starts_with('0') && lower.bytes().any(|b| b != b'0');
        let digits = lower.trim_start_matches('0');
        return (!leading_zero && !lower.is_empty())
            .then(|| if digits.is_empty() { "0".to_owned() } else { digits.to_owned() });
    }
    if !lower.bytes().all(|b| b.is_ascii_digit() || b"e+-.".contains(&b)) {
        return None;
    }
    let float: f64 = lower.parse().ok()?;
    if float.is_infinite() {
        return Some(".inf".to_owned());
    }
    // YAML 1.1 wants a point, and a sign in the exponent.
    Some(format!("{float:?}")).map(|text| match text.split_once('e') {
        Some((mantissa, exponent)) => {
            let point = if mantissa.contains('.') { "" } else { ".0" };
            let sign = if exponent.starts_with('-') { "" } else { "+" };
            format!("{mantissa}{point}e{sign}{exponent}")
        }
        None => text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rprov_modules::kit::Resolved;

    fn resolved(text: &str) -> Resolved {
        value(text, Span::default()).scalar().unwrap().resolve()
    }

    #[test]
    fn numbers_are_pythons() {
        for (text, int) in
            [("5", 5), ("+5", 5), ("-5", -5), ("0x1f", 31), ("1_000", 1000), ("00", 0), ("(1)", 1)]
        {
            assert_eq!(resolved(text), Resolved::Int(int), "{text}");
        }
        for (text, float) in
            [("1e3", 1000.0), (".5", 0.5), ("5.", 5.0), ("1e400", f64::INFINITY), ("1e-30", 1e-30)]
        {
            assert_eq!(resolved(text), Resolved::Float(float), "{text}");
        }
        for text in
            ["0755", "1.3.11", "--5", "1__0", "true", "1L", "3-1", "...", "a", "", "True or False"]
        {
            assert_eq!(resolved(text), Resolved::Str, "{text}");
        }
        assert_eq!(resolved("True"), Resolved::Bool(true));
        assert_eq!(resolved("None"), Resolved::Null);
    }

    #[test]
    fn containers_and_strings() {
        let list = value("['a', 'b',]", Span::default());
        assert_eq!(list.items().unwrap()[1].text(), Some("b"));
        assert_eq!(value("1, 2", Span::default()).items().unwrap().len(), 2);
        assert_eq!(
            value("{'k': [1]}", Span::default()).get("k").unwrap().items().unwrap().len(),
            1
        );
        assert_eq!(value("\"a\" 'b'", Span::default()).text(), Some("ab"));
        assert_eq!(value("'it''s'", Span::default()).text(), Some("its"));
        assert_eq!(value(r#""a\nb""#, Span::default()).text(), Some("a\nb"));
        assert_eq!(value("{{ foo }}", Span::default()).text(), Some("{{ foo }}"));
        assert_eq!(value("set()", Span::default()).items().unwrap().len(), 0);
        assert_eq!(value("set(", Span::default()).text(), Some("set("));
        assert_eq!(value("[a]", Span::default()).text(), Some("[a]"));
    }
}
