//! `pause`: waits, or asks.

use std::time::Duration;

use rprov_modules::kit::boolean;

use super::text;
use crate::engine::outcome::{Done, Failure};
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
    let seconds = match (number("minutes")?, number("seconds")?) {
        (Some(minutes), _) => Some(minutes * 60.0),
        (None, seconds) => seconds,
    };
    let mut done = Done::default();
    let begun = std::time::Instant::now();
    match seconds {
        Some(seconds) => {
            let time = Duration::try_from_secs_f64(seconds).unwrap_or_default();
            at.play.engine.rest(time).await?;
            done.values.insert("user_input".into(), "".into());
        }
        None => {
            let question = text(at, context, "prompt")?
                .unwrap_or_else(|| "Press enter to continue".to_owned());
            let echo = text(at, context, "echo")?.and_then(|t| boolean(&t)).unwrap_or(true);
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
    done.values.insert("delta".into(), begun.elapsed().as_secs().into());
    Ok(done)
}
