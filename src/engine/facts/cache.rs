//! Facts in files, one for each host: ansible-core's `jsonfile`, read and written.
//!
//! A file holds one JSON string, `__payload__`, which is the facts as JSON. Values that Ansible has
//! marked with where they come from are read as what they are. A file that cannot be read or is too
//! old is as good as none; a file is written whole or not at all.

use std::{io, path::PathBuf, time::SystemTime};

use serde_json::{Map, Value, json};

use super::FactCache;
use crate::engine::kept;

impl FactCache {
    /// ansible-core 2.19 has its own mark (`s1_`) between the prefix and the host.
    fn file(&self, host: &str) -> PathBuf {
        self.directory.join(format!("{}s1_{}", self.prefix, host.replace('/', "_")))
    }

    pub(in crate::engine) fn read(&self, host: &str) -> Option<Map<String, Value>> {
        let path = self.file(host);
        if self.timeout > 0 {
            let written = std::fs::metadata(&path).and_then(|about| about.modified()).ok()?;
            let age = SystemTime::now().duration_since(written).unwrap_or_default();
            if age.as_secs() > self.timeout {
                return None;
            }
        }
        let whole: Value = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
        let facts = serde_json::from_str(whole.get("__payload__")?.as_str()?).ok()?;
        match plain(facts) {
            Value::Object(facts) => Some(facts),
            _ => None,
        }
    }

    pub(in crate::engine) fn write(
        &self,
        host: &str,
        facts: &Map<String, Value>,
    ) -> io::Result<()> {
        let whole = json!({ "__payload__": Value::from(facts.clone()).to_string() });
        kept::write(&self.file(host), whole.to_string().as_bytes())
    }

    pub(in crate::engine) fn forget(&self, host: &str) -> io::Result<()> {
        kept::remove(&self.file(host))
    }
}

/// A value without Ansible's marks: `{"value": …, "tags": […], "__ansible_type": …}`.
fn plain(value: Value) -> Value {
    match value {
        Value::Object(mut map)
            if map.contains_key("__ansible_type") && map.contains_key("value") =>
        {
            map.remove("value").map_or(Value::Null, plain)
        }
        Value::Object(map) => map.into_iter().map(|(key, value)| (key, plain(value))).collect(),
        Value::Array(list) => list.into_iter().map(plain).collect(),
        other => other,
    }
}
