//! Properties of filters that must hold for any input.

use std::collections::HashMap;
use std::sync::Arc;

use minijinja::Value;
use proptest::prelude::*;
use rprov::source::SourceMap;
use rprov::template::{Context, Raw, Scope, Search, Templar, from_json};
use rprov_modules::kit::{Node, Span};
use serde_json::{Value as Json, json};

#[derive(Debug)]
struct Vars(HashMap<String, Raw>);

impl Scope for Vars {
    fn get(&self, name: &str) -> Option<Raw> {
        self.0.get(name).cloned()
    }

    fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }
}

/// What an expression gives for these variables.
fn evaluate(expression: &str, vars: Json) -> Json {
    let vars = vars.as_object().cloned().unwrap_or_default();
    let vars = vars.into_iter().map(|(name, value)| (name, Raw::Value(from_json(&value))));
    let cx = Context::new(Arc::new(Vars(vars.collect())), Search::default());
    let node = Node::string(Span::default(), format!("{{{{ {expression} }}}}"));
    let value: Value = Templar::new(SourceMap::default()).value(&node, &cx).expect("a value");
    serde_json::to_value(value).expect("data")
}

fn data() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        "\\PC{0,12}".prop_map(Json::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::vec(("[a-z]{1,4}", inner), 0..4)
                .prop_map(|pairs| Json::Object(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn json_and_yaml_come_back(x in data()) {
        for trip in ["x | to_json | from_json", "x | to_nice_json | from_json", "x | to_yaml | from_yaml", "x | to_nice_yaml | from_yaml"] {
            prop_assert_eq!(&evaluate(trip, json!({"x": x})), &x, "{}", trip);
        }
    }

    #[test]
    fn text_comes_back(x in "[^\\x00\\r]{0,20}") {
        let vars = json!({"x": x});
        for trip in ["x | b64encode | b64decode", "x | b64encode(urlsafe=true) | b64decode(urlsafe=true)", "x | vault('pw') | unvault('pw')"] {
            prop_assert_eq!(evaluate(trip, vars.clone()), json!(x), "{}", trip);
        }
        prop_assert_eq!(evaluate("x | urlencode | urldecode", vars), json!(x));
    }

    #[test]
    fn an_escaped_text_matches_itself_alone(x in "\\PC{0,12}", y in "\\PC{0,12}") {
        let found = evaluate("y is regex(x | regex_escape, match_type='fullmatch')", json!({"x": x, "y": y}));
        prop_assert_eq!(found, json!(x == y));
        prop_assert_eq!(evaluate("x is regex(x | regex_escape, match_type='fullmatch')", json!({"x": x})), json!(true));
    }

    #[test]
    fn a_shell_reads_a_quoted_text_as_it_was(x in "[^\\x00]{0,20}") {
        let quoted = evaluate("x | quote", json!({"x": x}));
        let words = shlex::split(quoted.as_str().expect("text"));
        prop_assert_eq!(words, Some(vec![x]));
    }

    #[test]
    fn combining_keeps_what_came_last(a in prop::collection::btree_map("[a-d]", 0..9i64, 0..4), b in prop::collection::btree_map("[a-d]", 0..9i64, 0..4)) {
        let vars = json!({"a": a, "b": b});
        let joined = evaluate("a | combine(b)", vars.clone());
        for (key, value) in a.iter().chain(&b) {
            let last = b.get(key).unwrap_or(value);
            prop_assert_eq!(&joined[key], &json!(last));
        }
        prop_assert_eq!(evaluate("a | combine(b) | combine(b)", vars.clone()), joined);
        prop_assert_eq!(evaluate("a | dict2items | items2dict", vars), json!(a));
    }

    #[test]
    fn versions_have_one_order(a in "[0-9]{1,3}(\\.[0-9]{1,3}){0,3}", b in "[0-9]{1,3}(\\.[0-9]{1,3}){0,3}") {
        let vars = json!({"a": a, "b": b});
        let holds = |expression: &str| evaluate(expression, vars.clone()) == json!(true);
        let (less, more) = (holds("a is version(b, '<')"), holds("a is version(b, '>')"));
        let same = holds("a is version(b, '==')");
        prop_assert_eq!([less, same, more].iter().filter(|one| **one).count(), 1);
        prop_assert_eq!(less, holds("b is version(a, '>')"));
        let sorted = evaluate("[a, b] | community.general.version_sort | first", vars.clone());
        prop_assert_eq!(sorted, json!(if more { &b } else { &a }));
    }

    #[test]
    fn sets_and_orders(x in prop::collection::vec(-9..9i64, 0..9), y in prop::collection::vec(-9..9i64, 0..9)) {
        let vars = json!({"x": x, "y": y});
        let same = |a: &str, b: &str| (evaluate(a, vars.clone()), evaluate(b, vars.clone()));
        for (a, b) in [
            ("x | union(y) | sort", "(x + y) | unique | sort"),
            ("x | symmetric_difference(y) | sort", "(x | union(y)) | difference(x | intersect(y)) | sort"),
            ("x | sort(reverse=true)", "x | sort | reverse | list"),
            ("x | shuffle(seed='s') | sort", "x | sort"),
        ] {
            let (a, b) = same(a, b);
            prop_assert_eq!(a, b);
        }
    }
}
