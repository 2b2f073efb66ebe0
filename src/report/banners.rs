//! The banners of tasks: which is above the line that is written next.
//!
//! Where hosts wait for each other a task has one banner. Where they do not (`strategy: free`), a
//! result stands below its own task's banner, which is written again if another's came between.

use std::collections::HashMap;

use rprov_modules::kit::Span;

/// The banners that are due, and the last that was written.
#[derive(Debug, Default)]
pub(super) struct Banners {
    /// Of the task that all hosts are at.
    common: Option<Banner>,
    /// Of hosts that go through the play on their own.
    own: HashMap<String, Banner>,
    written: Option<Span>,
}

#[derive(Debug, Clone)]
struct Banner {
    task: Span,
    text: String,
}

impl Banners {
    /// A task begins, on all hosts or on `host` alone. What is to be written now: nothing if that
    /// waits for a result.
    pub(super) fn begin(
        &mut self,
        host: Option<String>,
        task: Span,
        text: String,
        wait: bool,
    ) -> String {
        let banner = Banner { task, text };
        match host {
            Some(host) => {
                self.own.insert(host, banner);
                String::new()
            }
            None => {
                self.own.clear();
                self.written = (!wait).then_some(task);
                let text = if wait { String::new() } else { banner.text.clone() };
                self.common = Some(banner);
                text
            }
        }
    }

    /// What stands above a line of `host`, if it is not there already.
    pub(super) fn above(&mut self, host: &str) -> &str {
        match self.own.get(host).or(self.common.as_ref()) {
            Some(banner) if self.written != Some(banner.task) => {
                self.written = Some(banner.task);
                &banner.text
            }
            _ => "",
        }
    }

    /// A play ends, another begins.
    pub(super) fn forget(&mut self) {
        *self = Banners::default();
    }
}
