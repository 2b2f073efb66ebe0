//! Loops: what a task is repeated over, and the variables of each turn.

use std::time::Duration;

use minijinja::{Value, value::ValueKind};
use rprov_modules::kit::{Node, boolean};

use crate::playbook::{TERMS, Task, WITH, fits_loop, has_template, number};
use crate::template::{Context, ErrorKind, Raw, Templar, TemplateError};

/// One turn of a loop.
#[derive(Debug, Clone)]
pub(super) struct Turn {
    pub(super) item: Value,
    /// `item`, or what `loop_var` says.
    pub(super) variable: String,
    pub(super) variables: Vec<(String, Raw)>,
}

/// The turns of a task's loop; `None` if it has no loop.
pub(super) fn turns(
    templar: &Templar,
    task: &Task,
    context: &Context,
) -> Result<Option<Vec<Turn>>, TemplateError> {
    let Some(node) = task.keyword("loop") else { return Ok(None) };
    let items = match (node.get(WITH).and_then(Node::text), node.get(TERMS)) {
        (Some(lookup), Some(terms)) => {
            let value = templar.value(terms, context)?;
            let terms = match value.kind() {
                ValueKind::Seq | ValueKind::Iterable => value,
                _ => Value::from(vec![value]),
            };
            let inner = context.with([("rprov_loop_terms".to_owned(), Raw::Value(terms))]);
            templar.expression(
                &format!("query('{}', *rprov_loop_terms)", lookup.replace('\'', "")),
                node.span,
                &inner,
            )?
        }
        _ => templar.value(node, context)?,
    };
    if !matches!(items.kind(), ValueKind::Seq | ValueKind::Iterable) {
        let error = TemplateError::new(
            ErrorKind::Failed,
            format!("expected a list to loop over, found {}", items.kind()),
            node.span,
        );
        return Err(error.help("for a mapping write `loop: \"{{ x | dict2items }}\"`"));
    }
    let items: Vec<Value> = items.try_iter().into_iter().flatten().collect();
    let control = |key: &str| task.keyword("loop_control").and_then(|control| control.get(key));
    let text = |key: &str| match control(key) {
        Some(node) => templar.render(node, context).map(|n| n.text().map(str::to_owned)),
        None => Ok(None),
    };
    for entry in task.keyword("loop_control").and_then(Node::entries).unwrap_or_default() {
        let member = entry.key.text().unwrap_or_default();
        if entry.value.text().is_some_and(has_template) && !matches!(member, "label" | "break_when")
        {
            fits_loop(member, &templar.render(&entry.value, context)?).map_err(|error| {
                TemplateError::new(ErrorKind::Failed, error.message(), entry.value.span)
            })?;
        }
    }
    let variable = text("loop_var")?.unwrap_or_else(|| "item".to_owned());
    let index_var = text("index_var")?;
    let extended = text("extended")?.as_deref().and_then(boolean).unwrap_or(false);
    let allitems = text("extended_allitems")?.as_deref().and_then(boolean).unwrap_or(true);
    let length = items.len();
    let turns = items.iter().enumerate().map(|(index, item)| {
        let mut variables = vec![
            (variable.clone(), Raw::Value(item.clone())),
            ("ansible_loop_var".to_owned(), Raw::Value(variable.as_str().into())),
        ];
        if let Some(name) = &index_var {
            variables.push((name.clone(), Raw::Value(index.into())));
            variables.push(("ansible_index_var".to_owned(), Raw::Value(name.as_str().into())));
        }
        if extended {
            let mut about = vec![
                ("index", Value::from(index + 1)),
                ("index0", Value::from(index)),
                ("first", Value::from(index == 0)),
                ("last", Value::from(index + 1 == length)),
                ("length", Value::from(length)),
                ("revindex", Value::from(length - index)),
                ("revindex0", Value::from(length - index - 1)),
            ];
            if allitems {
                about.insert(0, ("allitems", Value::from(items.clone())));
            }
            if let Some(next) = items.get(index + 1) {
                about.push(("nextitem", next.clone()));
            }
            if index > 0 {
                about.push(("previtem", items[index - 1].clone()));
            }
            variables.push(("ansible_loop".to_owned(), Raw::Value(Value::from_pairs(about))));
        }
        Turn { item: item.clone(), variable: variable.clone(), variables }
    });
    Ok(Some(turns.collect()))
}

/// What stands for the item on the screen.
pub(super) fn label(templar: &Templar, task: &Task, context: &Context, turn: &Turn) -> String {
    let label = task.keyword("loop_control").and_then(|control| control.get("label"));
    let shown = label
        .and_then(|node| templar.value(node, context).ok())
        .unwrap_or_else(|| turn.item.clone());
    let printer = context.with([("rprov_label".to_owned(), Raw::Value(shown))]);
    let span = task.span;
    templar
        .expression("rprov_label | string", span, &printer)
        .map(|text| text.to_string())
        .unwrap_or_default()
}

/// `loop_control.break_when`: whether no further turn follows. `context` has the turn's result.
pub(super) fn breaks(
    templar: &Templar,
    task: &Task,
    context: &Context,
) -> Result<bool, TemplateError> {
    let control = task.keyword("loop_control");
    let condition = control.and_then(|control| control.get("break_when"));
    match condition.filter(|node| !node.is_null() && node.text() != Some("")) {
        Some(node) => templar.condition(node, context),
        None => Ok(false),
    }
}

/// `loop_control.pause`.
pub(super) fn pause(templar: &Templar, task: &Task, context: &Context) -> Duration {
    let node = task.keyword("loop_control").and_then(|control| control.get("pause"));
    let seconds = node
        .and_then(|node| templar.render(node, context).ok())
        .and_then(|rendered| number(&rendered));
    Duration::try_from_secs_f64(seconds.unwrap_or(0.0)).unwrap_or_default()
}
