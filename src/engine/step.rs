//! `--step`: asks before each task.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Engine;

/// Whether to run the task. Without an answer the run ends here.
pub(super) async fn wanted(engine: &Arc<Engine>, name: &str) -> bool {
    if !engine.stepping.load(Ordering::Relaxed) {
        return true;
    }
    let question = format!("Perform task: TASK: {name} (N)o/(y)es/(c)ontinue: ");
    let asked = tokio::task::spawn_blocking(move || crate::report::answer(&question)).await;
    let Some(answer) = asked.ok().flatten() else {
        engine.unanswered.store(true, Ordering::Relaxed);
        engine.interrupt();
        return false;
    };
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => true,
        "c" | "continue" => {
            engine.stepping.store(false, Ordering::Relaxed);
            true
        }
        _ => false,
    }
}
