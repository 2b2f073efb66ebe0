//! `postgresql_query`: statements for a database of PostgreSQL.
//!
//! ```yaml
//! - postgresql_query:
//!     login_db: app
//!     query: SELECT id, name FROM users WHERE team = %s
//!     positional_args: [ops]
//!   become: true
//!   become_user: postgres
//! - postgresql_query:
//!     login_db: app
//!     query: UPDATE users SET active = false WHERE name = %(name)s
//!     named_args: { name: ann }
//! ```

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde_json::{Value, json};

use crate::kit::{
    Deserialize, Diff, Facts, JsonSchema, Module, Plan, Probe, Refusal, Reply, Result, act,
};
use crate::postgres::{Sql, check, succeeded, with_login};

with_login! {
    /// Runs statements, all of them in one transaction. Needs `psql` on the host. In check mode they
    /// are not run.
    ///
    /// `register` gets `query`, `query_list`, `query_result` (rows of the last one, each a mapping),
    /// `query_all_results`, `rowcount` and `statusmessage`.
    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    pub(crate) struct PostgresqlQuery {
        /// A statement, or a list of them. Required.
        #[schemars(with = "Value")]
        query: Queries,
        /// The database. Default: that of the login's name.
        #[serde(alias = "db")]
        login_db: Option<String>,
        /// Values for `%s` in the statements, in their order. Lists are arrays.
        #[serde(default)]
        positional_args: Vec<Value>,
        /// Values for `%(name)s` in the statements.
        #[serde(default)]
        named_args: BTreeMap<String, Value>,
        /// No transaction, for what does not run in one. Default: false.
        #[serde(default)]
        autocommit: bool,
        /// The encoding of the client: only `UTF8` is supported. Default: `UTF8`.
        encoding: Option<String>,
        /// The schemas that names are looked for in. Default: the server's.
        #[serde(default)]
        search_path: Vec<String>,
    }
}

#[derive(Debug)]
struct Queries(Vec<String>);

impl<'de> Deserialize<'de> for Queries {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Queries, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Queries;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a statement or a list of statements")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Queries, E> {
                Ok(Queries(vec![text.to_owned()]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Queries, A::Error> {
                let mut all = Vec::new();
                while let Some(query) = seq.next_element::<String>()? {
                    all.push(query);
                }
                Ok(Queries(all))
            }
        }
        d.deserialize_any(Any)
    }
}

/// What a statement gives.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Gives {
    /// Rows: it only reads.
    Rows,
    /// Rows of what it changes.
    Changes,
    /// A tag, such as `CREATE TABLE`.
    Tag,
}

/// What stands between the answers of two statements.
const NEXT: &str = "-- next statement";

impl Gives {
    fn of(statement: &str) -> Gives {
        let upper = statement.to_ascii_uppercase();
        let words: Vec<&str> =
            upper.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
        let has = |word: &str| words.contains(&word);
        let writes = has("INSERT") || has("UPDATE") || has("DELETE") || has("INTO");
        match words.iter().find(|word| !word.is_empty()).copied() {
            _ if statement.contains(';') => Gives::Tag,
            Some("SELECT" | "VALUES" | "TABLE" | "WITH") if !writes => Gives::Rows,
            Some("INSERT" | "UPDATE" | "DELETE") if has("RETURNING") => Gives::Changes,
            _ => Gives::Tag,
        }
    }
}

impl PostgresqlQuery {
    fn check(&self) -> Result<()> {
        check(self.login(""))?;
        if !self.positional_args.is_empty() && !self.named_args.is_empty() {
            return Err("parameters are mutually exclusive: positional_args|named_args".into());
        }
        let utf8 = |name: &str| name.to_ascii_lowercase().replace(['-', '_'], "") == "utf8";
        match &self.encoding {
            Some(name) if !utf8(name) => {
                Err(Refusal::new(format!("expected `encoding: UTF8`, found `{name}`")))
            }
            _ => Ok(()),
        }
    }

    /// A statement with psql's variables in place of `%s` and the like.
    fn statement(&self, query: &str) -> Result<String> {
        let bare = query.trim().trim_end_matches(';').trim_end();
        if self.positional_args.is_empty() && self.named_args.is_empty() {
            return Ok(bare.to_owned());
        }
        let (mut out, mut rest, mut count) = (String::new(), bare, 0);
        while let Some((before, after)) = rest.split_once('%') {
            out += before;
            let named = after.strip_prefix('(').and_then(|text| text.split_once(")s"));
            if let Some(after) = after.strip_prefix('%') {
                out.push('%');
                rest = after;
            } else if let Some((name, after)) = named {
                let index =
                    self.named_args.keys().position(|key| key == name).ok_or_else(|| {
                        Refusal::new(format!("there is no `{name}` in `named_args`"))
                    })?;
                out += &self.place(index, &self.named_args[name]);
                rest = after;
            } else if let Some(after) = after.strip_prefix('s') {
                let value = self.positional_args.get(count).ok_or_else(|| {
                    Refusal::new("the query has more placeholders than there are arguments")
                })?;
                out += &self.place(count, value);
                count += 1;
                rest = after;
            } else {
                return Err("a `%` in a statement with arguments must be written `%%`".into());
            }
        }
        Ok(out + rest)
    }

    /// How an argument stands in a statement.
    fn place(&self, index: usize, value: &Value) -> String {
        match value {
            Value::Null => "NULL".into(),
            Value::Bool(on) => on.to_string(),
            Value::Number(number) => number.to_string(),
            _ => format!(":'arg_{index}'"),
        }
    }

    fn sql(&self) -> Result<Sql> {
        let mut sql = Sql::default();
        for (index, schema) in self.search_path.iter().enumerate() {
            sql.push(if index == 0 { "SET search_path TO " } else { ", " });
            sql.push(&format!(":\"schema_{index}\""));
            sql = sql.set(&format!("schema_{index}"), schema.trim());
        }
        sql.push(if self.search_path.is_empty() { "" } else { ";\n" });
        let args = self.positional_args.iter().chain(self.named_args.values());
        for (index, value) in args.enumerate() {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Array(items) => array(items),
                other => other.to_string(),
            };
            sql = sql.set(&format!("arg_{index}"), &text);
        }
        if !self.autocommit {
            sql.push("BEGIN;\n");
        }
        for query in &self.query.0 {
            let statement = self.statement(query)?;
            sql.push(&format!("\\echo '{NEXT}'\n"));
            sql.push(&match Gives::of(&statement) {
                Gives::Rows => format!("SELECT row_to_json(q) FROM (\n{statement}\n) q;\n"),
                Gives::Changes => {
                    format!("WITH q AS (\n{statement}\n) SELECT row_to_json(q) FROM q;\n")
                }
                Gives::Tag => format!("\\set QUIET off\n{statement};\n\\set QUIET on\n"),
            });
        }
        if !self.autocommit {
            sql.push("COMMIT;\n");
        }
        Ok(sql)
    }
}

/// An array as PostgreSQL writes it.
fn array(items: &[Value]) -> String {
    let item = |item: &Value| match item {
        Value::Null => "NULL".to_owned(),
        Value::Array(items) => array(items),
        Value::String(text) => {
            format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
        }
        other => other.to_string(),
    };
    format!("{{{}}}", items.iter().map(item).collect::<Vec<_>>().join(","))
}

impl Module for PostgresqlQuery {
    const NAMES: &'static [&'static str] = &["postgresql_query"];
    type State = Reply;

    fn probe<'a>(&'a self, _: &'a Facts) -> Probe<'a, Reply> {
        if let Err(why) = self.check() {
            return Probe::refuse(why);
        }
        let database = self.login_db.as_deref().unwrap_or(&self.login_user);
        match self.sql() {
            Ok(sql) => act(sql.script(self.login(database))),
            Err(why) => Probe::refuse(why),
        }
    }

    fn plan(&self, _: &Facts, reply: Reply) -> Result<Plan> {
        succeeded(&reply)?;
        let out = reply.out();
        let mark = format!("{NEXT}\n");
        let answers = out.split(&mark).skip(1);
        let (mut results, mut rowcount, mut status) = (Vec::new(), 0, String::new());
        let mut plan = Plan::none();
        for (query, answer) in self.query.0.iter().zip(answers) {
            let statement = self.statement(query)?;
            let gives = Gives::of(&statement);
            let lines: Vec<&str> = answer.lines().filter(|line| !line.is_empty()).collect();
            let rows: Vec<Value> = match gives {
                Gives::Tag => vec![],
                _ => lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect(),
            };
            let verb = statement.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
            status = match gives {
                Gives::Rows => format!("SELECT {}", rows.len()),
                Gives::Changes if verb == "INSERT" => format!("INSERT 0 {}", rows.len()),
                Gives::Changes => format!("{verb} {}", rows.len()),
                Gives::Tag => lines.last().copied().unwrap_or_default().to_owned(),
            };
            let last = status.rsplit(' ').next().and_then(|n| n.parse::<u64>().ok());
            rowcount += last.unwrap_or(0);
            let counted = matches!(verb.as_str(), "INSERT" | "UPDATE" | "DELETE");
            let reads = matches!(gives, Gives::Rows) || verb == "SHOW";
            let nothing = reads || counted && last == Some(0);
            if !nothing {
                plan = plan.acted(Diff::Note(status.clone()));
            }
            results.push(if rows.is_empty() { json!({}) } else { Value::from(rows) });
        }
        Ok(plan
            .value("query", self.query.0.last().cloned().unwrap_or_default())
            .value("query_list", self.query.0.clone())
            .value("query_result", results.last().cloned().unwrap_or_else(|| json!({})))
            .value("query_all_results", results)
            .value("rowcount", rowcount)
            .value("statusmessage", status))
    }
}

#[cfg(test)]
mod tests {
    use super::{Gives, array};
    use serde_json::json;

    #[test]
    fn statements_are_known_by_what_they_give() {
        for (statement, gives) in [
            ("select 1", Gives::Rows),
            ("WITH a AS (SELECT 1) SELECT * FROM a", Gives::Rows),
            ("WITH a AS (DELETE FROM t RETURNING *) SELECT * FROM a", Gives::Tag),
            ("SELECT 1 INTO t", Gives::Tag),
            ("INSERT INTO t VALUES (1) RETURNING a", Gives::Changes),
            ("UPDATE t SET a = 1", Gives::Tag),
            ("SELECT 1; SELECT 2", Gives::Tag),
        ] {
            assert_eq!(Gives::of(statement), gives, "{statement}");
        }
        assert_eq!(
            array(&[json!("a\"b"), json!(1), json!(null), json!([2])]),
            r#"{"a\"b",1,NULL,{2}}"#
        );
    }
}
