//! `pause`: waits, or asks.

use std::time::{Duration, SystemTime};

use rprov_modules::kit::boolean;
use serde_json::Value;

use super::text;
use crate::engine::outcome::{Done, Failure};
use crate::engine::perform::clock;
use crate::engine::task::At;
use crate::source::Diagnostic;
use crate::template::Context;

pub(super) async fn pause(at: &At<'_>, context: &Context) -> Result<Done, Failure> {
    let number = |name: &str| -> Result<Option<f64>, Failure> {
        match text(at, context, name)? {
            None => Ok(None),
            Some(text) => match text.trim().parse::<f64>() {
                Ok(number) if number >= 0.0 => Ok(Some(number)),
                _ => Err(Diagnostic::error(format!("expected a number, found `{text}`"))
                    .at(at.task.span, "")
                    .into()),
            },
        }
    };
    let (seconds, unit) = match (number("minutes")?, number("seconds")?) {
        (Some(minutes), _) => (Some(minutes * 60.0), 60.0),
        (None, Some(seconds)) => (Some(seconds), 1.0),
        (None, None) => (None, 60.0),
    };
    let mut done = Done::default();
    let echo = text(at, context, "echo")?.and_then(|t| boolean(&t)).unwrap_or(true);
    let (begun, start) = (std::time::Instant::now(), SystemTime::now());
    match seconds {
        Some(seconds) => {
            let time = Duration::try_from_secs_f64(seconds).unwrap_or_default();
            at.play.engine.rest(time).await?;
            done.values.insert("user_input".into(), "".into());
        }
        None => {
            let question = text(at, context, "prompt")?
                .unwrap_or_else(|| "Press enter to continue".to_owned());
            let answer = tokio::task::spawn_blocking(move || {
                crate::report::ask(&format!("{question}:\n"), !echo)
            })
            .await
            .ok()
            .flatten();
            let answer = answer.unwrap_or_default();
            if !echo {
                at.play.engine.redactor.learn(&answer);
            }
            done.values.insert("user_input".into(), answer.into());
        }
    }
    let took = begun.elapsed();
    let unit_name = if unit == 1.0 { "seconds" } else { "minutes" };
    let paused = (took.as_secs_f64() / unit * 100.0).round() / 100.0;
    let told = [
        ("delta", took.as_secs().into()),
        ("echo", echo.into()),
        ("rc", 0.into()),
        ("start", clock(start).into()),
        ("stop", clock(SystemTime::now()).into()),
        ("stdout", format!("Paused for {paused:?} {unit_name}").into()),
        ("stderr", "".into()),
    ];
    done.values.extend(told.map(|(key, value): (&str, Value)| (key.to_owned(), value)));
    Ok(done)
}
