//! Facts about names, kernel and machine.

use serde_json::{Map, Value};

use super::sections::{Sections, set};

pub(super) fn gather(sections: &Sections<'_>, found: &mut Map<String, Value>) {
    let mut lines = sections.text("uname").lines();
    let words: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
    let [system, node, kernel, machine] = words[..] else { return };
    let misc = sections.pairs("misc");
    let short = node.split('.').next().unwrap_or(node);
    let fqdn = full_name(sections.text("names")).unwrap_or(node);
    let architecture = match machine {
        "i486" | "i586" | "i686" => "i386",
        other => other,
    };
    let bits = match machine {
        m if m.contains("64") || m == "s390x" => "64",
        _ => "32",
    };
    set(found, "system", system);
    set(found, "kernel", kernel);
    set(found, "kernel_version", lines.next().unwrap_or_default());
    set(found, "machine", machine);
    set(found, "architecture", architecture);
    set(found, "userspace_architecture", architecture);
    set(found, "userspace_bits", bits);
    set(found, "nodename", node);
    set(found, "hostname", short);
    set(found, "fqdn", fqdn);
    set(found, "domain", fqdn.split_once('.').map_or("", |(_, domain)| domain));
    if let Some(id) = misc.get("machine_id") {
        set(found, "machine_id", *id);
    }
    if let [_, major, minor, micro, ..] = python(sections)[..] {
        set(found, "python_version", format!("{major}.{minor}.{micro}"));
    }
}

/// What Python says of itself: executable, version (five words), implementation. Empty without one.
pub(super) fn python<'a>(sections: &Sections<'a>) -> Vec<&'a str> {
    match sections.pairs("misc").get("python") {
        Some(said) if !said.is_empty() => said.split(' ').collect(),
        _ => Vec::new(),
    }
}

/// Of the names of the node's address, the first with a dot, or else the canonical one.
fn full_name(line: &str) -> Option<&str> {
    let mut names = line.lines().next()?.split_whitespace().skip(1);
    let canonical = names.next()?;
    Some(
        std::iter::once(canonical)
            .chain(names)
            .find(|name| name.contains('.'))
            .unwrap_or(canonical),
    )
}
