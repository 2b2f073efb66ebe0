//! `hostvars`: the variables of every host, evaluated as that host itself sees them.

use std::fmt;
use std::sync::Arc;

use minijinja::value::{Enumerator, Object};
use minijinja::{Error, ErrorKind, Value};

use crate::inventory::{Host, Inventory};
use crate::template::{Context, Raw, Templar};

/// Knows how every host sees its own variables. The engine's answer includes facts, `set_fact` and
/// registered results of that host; it should give one host the same context while nothing changes,
/// so that what was evaluated once is remembered.
pub trait Contexts: Send + Sync {
    /// # Errors
    /// Why the host's variables cannot be had, in one line.
    fn context(&self, host: &Host) -> Result<Context, String>;
}

/// The value of `hostvars`: a mapping from host names to mappings of variables. Nothing is evaluated
/// until it is asked for.
pub fn hostvars(inventory: Arc<Inventory>, templar: Templar, contexts: Arc<dyn Contexts>) -> Value {
    Value::from_object(AllHosts { inventory, templar, contexts })
}

/// The variables of one host: what `hostvars` has under its name.
pub fn one(host: &Host, templar: Templar, contexts: &dyn Contexts) -> Value {
    match contexts.context(host) {
        Ok(context) => Value::from_object(OneHost { context, templar }),
        Err(reason) => Value::from(Error::new(ErrorKind::InvalidOperation, reason)),
    }
}

/// `vars`: all variables of one place, evaluated when they are asked for.
pub fn vars(context: Context, templar: Templar) -> Value {
    Value::from_object(OneHost { context, templar })
}

struct AllHosts {
    inventory: Arc<Inventory>,
    templar: Templar,
    contexts: Arc<dyn Contexts>,
}

impl fmt::Debug for AllHosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("hostvars")
    }
}

impl Object for AllHosts {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        let host = self.inventory.host(key)?;
        Some(one(host, self.templar.clone(), &*self.contexts))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.inventory.hosts().map(|host| Value::from(&*host.name)).collect())
    }
}

struct OneHost {
    context: Context,
    templar: Templar,
}

impl fmt::Debug for OneHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("variables of a host")
    }
}

impl Object for OneHost {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        match self.context.scope.get(key)? {
            Raw::Value(value) => Some(value),
            Raw::Node(node) => {
                Some(self.templar.value(&node, &self.context).unwrap_or_else(|error| {
                    Value::from(
                        Error::new(ErrorKind::InvalidOperation, error.message.clone())
                            .with_source(error),
                    )
                }))
            }
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.context.scope.names().into_iter().map(Value::from).collect())
    }
}
