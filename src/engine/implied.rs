//! Variables that nobody has set and templates can use all the same: how the host is reached.
//!
//! As in Ansible they come from keywords and options, and stand below everything that is given. What
//! decides how a host is reached never reads them: see [`crate::template::Scope::given`].

use rprov_modules::kit::Node;

use super::Engine;
use crate::playbook::{Chain, has_template};
use crate::template::{Context, Raw, Scope, Templar};
use crate::vars::{Layer, Layers};

/// Seconds, where nothing says how long connecting may take.
const TIMEOUT: u64 = 10;

/// What is implied of a host, by its name and address, for a task; `bare` are its variables without
/// this.
pub(super) fn layer(
    engine: &Engine,
    (name, address): (&str, &str),
    chain: &Chain,
    layers: &Layers,
    bare: &Context,
) -> Layer {
    let options = &engine.options;
    let text = |text: &str| Raw::Node(Node::string(Default::default(), text));
    let keyword = |keyword: &str| {
        let node = chain.nearest(keyword)?;
        Some(rendered(&engine.templar, node, bare))
    };
    let option = |value: &Option<String>| value.as_deref().map(text);
    let connection = || match options.embedded.contains_key(name) {
        true => text("embedded"),
        false => text("ssh"),
    };
    let of: [(&[&str], Option<Raw>); 6] = [
        (
            &["ansible_connection"],
            Some(
                keyword("connection")
                    .or_else(|| option(&options.connection))
                    .unwrap_or_else(connection),
            ),
        ),
        (&["ansible_host", "ansible_ssh_host"], Some(text(address))),
        (&["ansible_port", "ansible_ssh_port"], None),
        (
            &["ansible_user", "ansible_ssh_user"],
            keyword("remote_user").or_else(|| option(&options.user)),
        ),
        (
            &["ansible_private_key_file", "ansible_ssh_private_key_file"],
            option(&options.private_key),
        ),
        (
            &["ansible_timeout", "ansible_ssh_timeout"],
            Some(Raw::Value(options.timeout.unwrap_or(TIMEOUT).into())),
        ),
    ];
    let mut layer = Layer::default();
    layer.insert("ansible_shell_executable", text("/bin/sh"), Default::default());
    for (names, value) in of {
        // One name is as good as the other.
        let given = names.iter().find_map(|name| layers.get(name));
        if let Some(value) = given.or(value) {
            for name in names {
                layer.insert(*name, value.clone(), Default::default());
            }
        }
    }
    layer
}

/// The value of a keyword; one that needs the item of a loop waits for it.
fn rendered(templar: &Templar, node: &Node, bare: &Context) -> Raw {
    if node.text().is_some_and(has_template)
        && let Ok(value) = templar.value(node, bare)
    {
        return Raw::Value(value);
    }
    Raw::Node(node.clone())
}
