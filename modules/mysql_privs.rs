//! Privileges of MySQL and MariaDB: as a playbook writes them, as the server tells them, and the
//! statements between the two.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};

use crate::kit::{Refusal, Result};
use crate::mysql::name;

/// What is granted on each object. An object without privileges is in the list, too: `USAGE`.
pub(crate) type Grants = BTreeMap<Object, BTreeSet<String>>;

/// What privileges are on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Object {
    /// `FUNCTION`, `PROCEDURE`, or empty for a table.
    kind: &'static str,
    database: String,
    table: String,
}

impl Object {
    /// Reads `db.table`, parts in backticks or not.
    fn read(text: &str) -> Option<Object> {
        let text = text.trim();
        let (kind, text) = ["FUNCTION", "PROCEDURE", "TABLE"]
            .into_iter()
            .find_map(|kind| {
                let head = text.get(..kind.len())?;
                let rest = text.get(kind.len()..)?.strip_prefix(' ')?;
                head.eq_ignore_ascii_case(kind).then_some((kind, rest.trim_start()))
            })
            .unwrap_or(("", text));
        let mut parts = Vec::new();
        let mut part = String::new();
        let mut quoted = false;
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '`' if quoted && chars.peek() == Some(&'`') => {
                    chars.next();
                    part.push('`');
                }
                '`' => quoted = !quoted,
                '.' if !quoted => parts.push(std::mem::take(&mut part)),
                c => part.push(c),
            }
        }
        parts.push(part);
        let kind = if kind == "TABLE" { "" } else { kind };
        match <[String; 2]>::try_from(parts) {
            Ok([database, table]) if !quoted && !database.is_empty() && !table.is_empty() => {
                Some(Object { kind, database, table })
            }
            _ => None,
        }
    }

    /// As a statement has it.
    fn words(&self) -> String {
        let part = |part: &str| if part == "*" { "*".to_owned() } else { name(part) };
        let space = if self.kind.is_empty() { "" } else { " " };
        format!("{}{space}{}.{}", self.kind, part(&self.database), part(&self.table))
    }
}

/// `priv` of a task: `db.table:PRIV,PRIV/db.*:PRIV`, or a mapping of objects to privileges.
#[derive(Debug)]
pub(crate) struct Wanted(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Wanted {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Wanted, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Wanted;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("`db.table:PRIVILEGES/…` or a mapping of objects to privileges")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> std::result::Result<Wanted, E> {
                pieces(text, '/')
                    .into_iter()
                    .map(|piece| match piece.rsplit_once(':') {
                        Some((object, privileges)) => {
                            Ok((object.to_owned(), privileges.to_owned()))
                        }
                        None => Err(E::custom(format!(
                            "expected `db.table:PRIVILEGES`, found `{piece}`"
                        ))),
                    })
                    .collect::<std::result::Result<_, E>>()
                    .map(Wanted)
            }
            fn visit_map<A: MapAccess<'de>>(
                self,
                mut map: A,
            ) -> std::result::Result<Wanted, A::Error> {
                let mut all = Vec::new();
                while let Some(entry) = map.next_entry::<String, String>()? {
                    all.push(entry);
                }
                Ok(Wanted(all))
            }
        }
        d.deserialize_any(Either)
    }
}

impl Wanted {
    /// # Errors
    /// For what is no object.
    pub(crate) fn grants(&self, keep_case: bool) -> Result<Grants> {
        let mut grants = Grants::new();
        for (text, privileges) in &self.0 {
            let object = Object::read(text).ok_or_else(|| {
                Refusal::new(format!("expected `database.table` for privileges, found `{text}`"))
            })?;
            let privileges =
                pieces(privileges, ',').into_iter().map(|one| privilege(one, keep_case));
            grants.entry(object).or_default().extend(privileges.filter(|one| one != "USAGE"));
        }
        if let Some(odd) = grants.values().flatten().find(|one| !is_privilege(one)) {
            return Err(Refusal::new(format!("expected a privilege, found `{odd}`")));
        }
        Ok(grants)
    }
}

/// Words and a list of columns: nothing that could end a statement.
fn is_privilege(text: &str) -> bool {
    let (head, columns) = text.split_once('(').unwrap_or((text, ")"));
    !head.trim().is_empty()
        && head.chars().all(|c| c.is_ascii_alphabetic() || c == ' ' || c == '_')
        && columns
            .strip_suffix(')')
            .is_some_and(|columns| !columns.contains(['(', ')', ';', '\'', '"']))
}

/// Parts of a text between separators that are in no brackets and no backticks.
fn pieces(text: &str, separator: char) -> Vec<&str> {
    let (mut all, mut from, mut depth, mut quoted) = (Vec::new(), 0, 0usize, false);
    for (at, c) in text.char_indices() {
        match c {
            '`' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth = depth.saturating_sub(1),
            c if c == separator && depth == 0 && !quoted => {
                all.push(text[from..at].trim());
                from = at + c.len_utf8();
            }
            _ => {}
        }
    }
    all.push(text[from..].trim());
    all.retain(|piece| !piece.is_empty());
    all
}

/// One privilege under one name, its columns sorted.
fn privilege(text: &str, keep_case: bool) -> String {
    let (head, columns) = match text.split_once('(') {
        Some((head, columns)) => (head, Some(columns.trim_end().trim_end_matches(')'))),
        None => (text, None),
    };
    let head = head.split_whitespace().collect::<Vec<_>>().join(" ").to_uppercase();
    let head = match head.as_str() {
        "ALL PRIVILEGES" => "ALL",
        "GRANT OPTION" => "GRANT",
        "BINLOG MONITOR" => "REPLICATION CLIENT",
        "DELETE VERSIONING ROWS" => "DELETE HISTORY",
        head => head,
    };
    let Some(columns) = columns else { return head.to_owned() };
    let mut columns: Vec<String> = columns
        .split(',')
        .map(|column| column.trim().trim_matches('`'))
        .map(|column| if keep_case { column.to_owned() } else { column.to_uppercase() })
        .collect();
    columns.sort();
    format!("{head} ({})", columns.join(", "))
}

/// What `SHOW GRANTS` tells; roles and proxies are no privileges.
pub(crate) fn told<'a>(lines: impl Iterator<Item = &'a str>, keep_case: bool) -> Grants {
    let mut grants = Grants::new();
    for line in lines {
        let Some(rest) = line.strip_prefix("GRANT ") else { continue };
        let Some((privileges, rest)) = rest.split_once(" ON ") else { continue };
        let Some((object, rest)) = rest.rsplit_once(" TO ") else { continue };
        if privileges == "PROXY" {
            continue;
        }
        let Some(object) = Object::read(object) else { continue };
        let set = grants.entry(object).or_default();
        let all = pieces(privileges, ',').into_iter().map(|one| privilege(one, keep_case));
        set.extend(all.filter(|one| one != "USAGE"));
        if rest.contains("WITH GRANT OPTION") || rest.contains(" GRANT OPTION") {
            set.insert("GRANT".to_owned());
        }
    }
    grants
}

/// How privileges that are wanted go with those there are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Mode {
    /// No others.
    Replace,
    Append,
    /// These not.
    Subtract,
}

/// All that a server without `ALL` in its answers tells for it.
const STATIC: &[&str] = &[
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "CREATE",
    "DROP",
    "RELOAD",
    "SHUTDOWN",
    "PROCESS",
    "FILE",
    "REFERENCES",
    "INDEX",
    "ALTER",
    "SHOW DATABASES",
    "SUPER",
    "CREATE TEMPORARY TABLES",
    "LOCK TABLES",
    "EXECUTE",
    "REPLICATION SLAVE",
    "REPLICATION CLIENT",
    "CREATE VIEW",
    "SHOW VIEW",
    "CREATE ROUTINE",
    "ALTER ROUTINE",
    "CREATE USER",
    "EVENT",
    "TRIGGER",
    "CREATE TABLESPACE",
    "CREATE ROLE",
    "DROP ROLE",
];

/// Statements that make one of the other, without `GRANT`/`REVOKE`'s account: it goes for `ACCOUNT`.
pub(crate) fn statements(now: &Grants, wanted: &Grants, mode: Mode, account: &str) -> Vec<String> {
    let none = BTreeSet::new();
    let mut all = Vec::new();
    let objects: BTreeSet<&Object> = match mode {
        Mode::Replace => now.keys().chain(wanted.keys()).collect(),
        _ => wanted.keys().collect(),
    };
    for object in objects {
        let have = now.get(object).unwrap_or(&none);
        let want = wanted.get(object).unwrap_or(&none);
        let has_all = have.contains("ALL") || STATIC.iter().all(|one| have.contains(*one));
        let wants_all = want.contains("ALL");
        let has = |one: &String| have.contains(one) || (has_all && one != "GRANT");
        let mut revoked: Vec<&String> = Vec::new();
        let mut granted: Vec<&String> = Vec::new();
        let all_of_it = "ALL".to_owned();
        match mode {
            Mode::Subtract => revoked = want.iter().filter(|one| has(one)).collect(),
            Mode::Append => granted = want.iter().filter(|one| !has(one)).collect(),
            Mode::Replace if wants_all => {
                granted = want.iter().filter(|one| !has(one)).collect();
                revoked =
                    have.iter().filter(|one| *one == "GRANT" && !want.contains(*one)).collect();
            }
            Mode::Replace if has_all => {
                revoked.push(&all_of_it);
                revoked.extend(have.iter().filter(|one| *one == "GRANT" && !want.contains(*one)));
                granted =
                    want.iter().filter(|one| *one != "GRANT" || !have.contains(*one)).collect();
            }
            Mode::Replace => {
                revoked = have.difference(want).collect();
                granted = want.difference(have).collect();
            }
        }
        let on = object.words();
        let words = |all: &[&String]| {
            let names = all.iter().filter(|one| **one != "GRANT");
            let names: Vec<&str> =
                names.map(|one| if *one == "ALL" { "ALL PRIVILEGES" } else { one }).collect();
            names.join(", ")
        };
        let grant = |all: &[&String]| all.iter().any(|one| *one == "GRANT");
        if grant(&revoked) {
            all.push(format!("REVOKE GRANT OPTION ON {on} FROM {account}"));
        }
        if !words(&revoked).is_empty() {
            all.push(format!("REVOKE {} ON {on} FROM {account}", words(&revoked)));
        }
        if !granted.is_empty() {
            let names = words(&granted);
            let names = if names.is_empty() { "USAGE" } else { &names };
            let option = if grant(&granted) { " WITH GRANT OPTION" } else { "" };
            all.push(format!("GRANT {names} ON {on} TO {account}{option}"));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::{Mode, Wanted, statements, told};

    #[test]
    fn privileges_are_compared_under_one_name() {
        let lines = [
            "GRANT USAGE ON *.* TO `a`@`%` IDENTIFIED BY PASSWORD '*X'",
            "GRANT SELECT, INSERT (b, a) ON `app`.`t``x` TO `a`@`%` WITH GRANT OPTION",
            "GRANT ALL PRIVILEGES ON `lo\\_g`.* TO `a`@`%`",
            "GRANT `role` TO `a`@`%`",
            "GRANT PROXY ON ``@`%` TO `a`@`%`",
        ];
        let now = told(lines.into_iter(), false);
        let wanted = |pairs: &[(&str, &str)]| {
            let all = pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned()));
            Wanted(all.collect()).grants(false).expect("privileges")
        };
        let same = wanted(&[
            ("app.`t``x`", "insert( a ,b),SELECT,GRANT"),
            ("`lo\\_g`.*", "ALL"),
            ("*.*", "USAGE"),
        ]);
        assert_eq!(statements(&now, &same, Mode::Replace, "A"), Vec::<String>::new());
        let other = wanted(&[("lo\\_g.*", "SELECT"), ("x.*", "GRANT,ALL")]);
        assert_eq!(
            statements(&now, &other, Mode::Replace, "A"),
            [
                "REVOKE GRANT OPTION ON `app`.`t``x` FROM A",
                "REVOKE INSERT (A, B), SELECT ON `app`.`t``x` FROM A",
                "REVOKE ALL PRIVILEGES ON `lo\\_g`.* FROM A",
                "GRANT SELECT ON `lo\\_g`.* TO A",
                "GRANT ALL PRIVILEGES ON `x`.* TO A WITH GRANT OPTION",
            ]
        );
        assert_eq!(
            statements(&now, &other, Mode::Append, "A"),
            ["GRANT ALL PRIVILEGES ON `x`.* TO A WITH GRANT OPTION"]
        );
        assert_eq!(
            statements(&now, &other, Mode::Subtract, "A"),
            ["REVOKE SELECT ON `lo\\_g`.* FROM A"]
        );
        for odd in ["SELECT; DROP DATABASE x", "", "SELECT (a) b"] {
            let one = Wanted(vec![("a.b".into(), format!("{odd}, SELECT (a'b)"))]);
            assert!(one.grants(false).is_err(), "{odd}");
        }
    }
}
