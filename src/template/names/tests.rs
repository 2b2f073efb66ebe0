//! What is free in expressions and templates: `?` guarded, `<…>` a file, `*` an open place.

use super::super::prepare::{Segment, segments};
use super::Marks;
use super::walk::{Found, Walker};

fn uses(text: &str, expression: bool) -> Vec<String> {
    let mut walker = Walker::new(text, false);
    if expression {
        walker.expression(0..text.len());
    } else {
        let marks = Marks::default();
        for segment in segments(text, &marks).expect("closed") {
            match segment {
                Segment::Expression(range) => walker.expression(range),
                Segment::Statement(range) => walker.statement(range),
            }
        }
    }
    let found = walker.found();
    let mark = |used: &Found| {
        assert_eq!(&text[used.range.clone()], used.name);
        let name = std::iter::once(used.name.clone()).chain(used.path.clone());
        format!("{}{}", name.collect::<Vec<_>>().join("."), if used.guarded { "?" } else { "" })
    };
    let files = found.files.iter().map(|(name, _)| format!("<{name}>"));
    let open = found.open.iter().map(|range| format!("*{}", &text[range.clone()]));
    found.uses.iter().map(mark).chain(files).chain(open).collect()
}

#[test]
fn in_expressions() {
    for (text, expected) in [
        ("a.b['c'][0].d()", "a.b.c.0"),
        ("a[b].c", "a b"),
        ("x | default(y) | upper", "x? y"),
        ("x.y is defined and x.z == 1", "x.y? x.z?"),
        ("x is not defined or x is not ansible.builtin.defined", "x? x?"),
        ("foo(bar=baz, qux)", "foo baz qux"),
        ("{a: 'b', 'c': d}", "a d"),
        ("a if b else c", "a b c"),
        ("x is sameas none and y is in z", "x y z"),
        ("x is divisibleby y", "x y"),
        ("x | map('extract', hostvars) | list", "x hostvars"),
        ("lookup('vars', 'a', 'b', default='') ~ 'c'", "a? b?"),
        ("q('vars', name)", "name *name"),
        ("lookup('template', 'x.j2')", "<x.j2>"),
        ("lookup(kind, 'x')", "kind *lookup"),
        ("lookup('varnames', '^a')", "*lookup"),
        ("lookup('file', path)", "path"),
        ("omit if true else range(n)", "n"),
        ("(a == b) in ['x', c]", "a b c"),
        ("x | community.general.json_query(y)", "x y"),
        ("'a' 'b' ~ \"it's\"", ""),
        ("x[", "x"),
        ("", ""),
    ] {
        assert_eq!(uses(text, true).join(" "), expected, "{text}");
    }
}

#[test]
fn in_templates() {
    for (text, expected) in [
        ("{% for a, b in c.d if a.x and e %}{{ a }}{{ loop.index }}{% endfor %}{{ a }}", "c.d e a"),
        ("{{ x }}{% set x = y %}{{ x }}", "x y"),
        ("{% set ns.a = b %}{% set t %}{{ c }}{% endset %}{{ t }}", "b ns.a c"),
        (
            "{% macro m(a, b=c) %}{{ a }}{{ varargs }}{{ d }}{% endmacro %}{{ m(e, b=f) }}{{ a }}",
            "c d e f a",
        ),
        ("{% call(u) m(v) %}{{ u }}{% endcall %}{{ u }}", "m v u"),
        ("{% with a = b, c = a %}{{ c }}{% endwith %}{{ c }}", "b c"),
        ("{% import 'm.j2' as m with context %}{{ m.x() }}", "<m.j2>"),
        ("{% from 'm.j2' import a as b, c %}{{ a }}{{ b }}{{ c }}", "a <m.j2>"),
        ("{% include ['a.j2', 'b.j2'] ignore missing %}", "<a.j2> <b.j2>"),
        ("{% include name ~ '.j2' %}", "name <.j2> *name"),
        ("{% raw %}{{ a }}{% endraw %}{# {{ b }} #}{{- c -}}", "c"),
        ("{% if a is defined %}{{ a.b }}{% elif c %}{% else %}{% endif %}", "a? a.b? c"),
        ("{% filter replace('a', b) %}{{ c }}{% endfilter %}", "b c"),
        ("{% do a.append(b) %}", "a b"),
        ("{% for n in t recursive %}{{ loop(n.c) }}{% endfor %}", "t"),
    ] {
        assert_eq!(uses(text, false).join(" "), expected, "{text}");
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in r#"([a-z]{1,3}|[ {}%#'"|()\[\].,=-]|\{%|%\}|\{\{|\}\}| for | set | with | in | is |é){0,24}"#) {
        let map = crate::source::SourceMap::default();
        let node = rprov_modules::kit::Node::string(rprov_modules::kit::Span::default(), text.clone());
        super::Names::of_node(&node, &map);
        super::Names::of_condition(&node, &map);
        super::Names::of_file(&text, &super::FileOptions::default(), &map);
    }
}
