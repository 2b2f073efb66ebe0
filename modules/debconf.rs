//! `debconf`: answers to the questions that packages of Debian ask.
//!
//! ```yaml
//! - debconf:
//!     name: tzdata
//!     question: tzdata/Zones/Europe
//!     vtype: select
//!     value: Berlin
//! - debconf: { name: postfix, question: postfix/main_mailer_type, vtype: select, value: Local only }
//! ```

use std::fmt;

use serde::de::{self, Deserializer, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::kit::{
    Deserialize, Diff, Facts, JsonSchema, Module, Plan, Probe, Refusal, Reply, Result, Step, ask,
    sh,
};

/// Answers a question before its package asks.
///
/// `register` gets `current` and, after a change, `previous`: questions with their answers. A
/// password is in neither.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Debconf {
    /// The package. Required.
    #[serde(alias = "pkg")]
    name: String,
    /// The question. Default: none; the answers there are become `current`.
    #[serde(alias = "selection", alias = "setting")]
    question: Option<String>,
    /// The question's type. Required with `question`.
    vtype: Option<Type>,
    /// The answer; for a `multiselect` also a list. Required with `question`. That of a password
    /// travels on standard input only, and is never shown.
    #[serde(alias = "answer")]
    #[schemars(with = "Option<Value>")]
    value: Option<Answer>,
    /// Leave the question as one that was not shown to anybody yet. Default: false.
    #[serde(default)]
    unseen: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Type {
    Boolean,
    Error,
    Multiselect,
    Note,
    Password,
    Seen,
    Select,
    String,
    Text,
    Title,
}

/// One answer, or several.
#[derive(Debug, Clone, PartialEq)]
enum Answer {
    One(String),
    Several(Vec<String>),
}

impl<'de> Deserialize<'de> for Answer {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Answer, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Answer;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an answer or a list of answers")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Answer, E> {
                Ok(Answer::One(text.to_owned()))
            }
            fn visit_bool<E: de::Error>(self, on: bool) -> Result<Answer, E> {
                Ok(Answer::One(on.to_string()))
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Answer, E> {
                Ok(Answer::One(number.to_string()))
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Answer, E> {
                Ok(Answer::One(number.to_string()))
            }
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Answer, E> {
                Ok(Answer::One(number.to_string()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Answer, A::Error> {
                let mut several = Vec::new();
                while let Some(answer) = seq.next_element::<String>()? {
                    several.push(answer);
                }
                Ok(Answer::Several(several))
            }
        }
        d.deserialize_any(Any)
    }
}

impl Answer {
    /// As debconf keeps it.
    fn text(&self, vtype: Type) -> String {
        match self {
            Answer::One(text) if vtype == Type::Boolean => text.to_lowercase(),
            Answer::One(text) => text.clone(),
            Answer::Several(several) => {
                let mut sorted = several.clone();
                sorted.sort();
                sorted.join(", ")
            }
        }
    }

    fn is(&self, vtype: Type, now: &str) -> bool {
        match self {
            Answer::Several(several) => {
                let sorted = |mut all: Vec<String>| {
                    all.sort();
                    all
                };
                let now = now.split(',').map(str::trim).map(str::to_owned);
                sorted(now.collect()) == sorted(several.clone())
            }
            Answer::One(_) if vtype == Type::Boolean => now.to_lowercase() == self.text(vtype),
            Answer::One(text) => text == now,
        }
    }
}

pub(crate) struct Now {
    shown: Reply,
    /// The answer of a question for a password.
    password: Option<Reply>,
}

impl Debconf {
    fn check(&self) -> Result<()> {
        let given = [self.question.is_some(), self.vtype.is_some(), self.value.is_some()];
        if given.contains(&true) && given.contains(&false) {
            return Err("parameters are required together: question, vtype, value".into());
        }
        if self.name.is_empty()
            || self.name.starts_with('-')
            || self.name.contains(char::is_whitespace)
        {
            return Err(Refusal::new(format!(
                "expected the name of a package, found `{}`",
                self.name
            )));
        }
        if self.question.as_deref().is_some_and(|q| q.is_empty() || q.contains(char::is_whitespace))
        {
            return Err("a question's name has no blanks".into());
        }
        match (&self.value, self.vtype) {
            (Some(Answer::Several(_)), Some(vtype)) if vtype != Type::Multiselect => {
                Err("only a `multiselect` has several answers".into())
            }
            (Some(value), Some(vtype)) if value.text(vtype).contains('\n') => {
                Err("an answer is one line".into())
            }
            _ => Ok(()),
        }
    }
}

/// The answers that debconf-show tells.
fn answers(text: &str) -> Map<String, Value> {
    let pair = |line: &str| {
        let (question, answer) = line.split_once(':')?;
        let question = question.trim_start_matches(['*', ' ']).trim();
        Some((question.to_owned(), Value::from(answer.trim())))
    };
    text.lines().filter_map(pair).collect()
}

impl Module for Debconf {
    const NAMES: &'static [&'static str] = &["debconf"];
    type State = Now;

    fn probe<'a>(&'a self, _: &'a Facts) -> Probe<'a, Now> {
        if let Err(why) = self.check() {
            return Probe::refuse(why);
        }
        let password = match (&self.question, self.vtype) {
            (Some(question), Some(Type::Password)) => {
                ask(sh(PASSWORD, [&self.name, question])).map(Some)
            }
            _ => Probe::known(None),
        };
        ask(sh(SHOW, [self.name.as_str()]))
            .and(password)
            .map(|(shown, password)| Now { shown, password })
    }

    fn plan(&self, _: &Facts, now: Now) -> Result<Plan> {
        match now.shown.status {
            0 => {}
            127 => return Err("there is no debconf on the host".into()),
            _ => return Err(Refusal::new(now.shown.err().trim())),
        }
        let previous = answers(&now.shown.out());
        let plan = Plan::none().value("msg", "");
        let (Some(question), Some(vtype), Some(value)) = (&self.question, self.vtype, &self.value)
        else {
            return Ok(plan.value("current", previous));
        };
        let secret = vtype == Type::Password;
        let before = match &now.password {
            // `0 ANSWER`; another number where there is no such question.
            Some(reply) => {
                reply.out().strip_prefix("0 ").map(|text| text.trim_end_matches('\n').to_owned())
            }
            None => previous.get(question).and_then(Value::as_str).map(str::to_owned),
        };
        if before.as_deref().is_some_and(|now| value.is(vtype, now)) {
            return Ok(plan.value("current", previous));
        }
        let wanted = value.text(vtype);
        let word = format!("{vtype:?}").to_lowercase();
        let line = format!("{} {question} {word} {wanted}\n", self.name);
        let script = sh(SET, [if self.unseen { "-u" } else { "" }]).stdin(line.into_bytes());
        let before = before.unwrap_or_default();
        let diff = match secret {
            true => Diff::Note(format!("set the password {question}")),
            false => Diff::field(question, "answer", &before, &wanted),
        };
        let mut plan = plan.change(diff, Step::run(script));
        if !secret {
            plan = plan
                .value_on_change("current", Map::from_iter([(question.clone(), wanted.into())]))
                .value_on_change("previous", Map::from_iter([(question.clone(), before.into())]));
        }
        Ok(plan)
    }
}

const SHOW: &str = r#"# what was answered to a package
command -v debconf-show >/dev/null || exit 127
LC_ALL=C debconf-show "$1"
"#;

const PASSWORD: &str = r#"# what password was answered to a package: NAME QUESTION
printf 'GET %s\n' "$2" | LC_ALL=C debconf-communicate "$1"
"#;

const SET: &str = r#"# answer a package
LC_ALL=C debconf-set-selections $1
"#;
