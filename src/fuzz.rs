//! What the fuzz targets do, and with every file of their corpora the tests. Built for both only.
//!
//! Nothing is run and no file is read: `Match exec` and `Include` of an ssh_config name nothing while
//! fuzzing, and no lookup is there.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

pub use crate::config::fuzz::{ansible_cfg, rprov_toml};
pub use crate::inventory::fuzz::{
    constructed, generator, ini, inventory_json, inventory_toml, inventory_yaml,
};
pub use crate::playbook::fuzz::{playbook, words};
pub use crate::session::fuzz::{answers, config, frames, hello, known_hosts};

use crate::inventory::{Inventory, pattern};
use crate::report::Redactor;
use crate::source::{Diagnostic, SourceMap, emit, yaml};
use crate::template::{FileOptions, from_node, names::Names};
use crate::vars::extra;
use crate::vars::files::Reader;

/// Messages are made, too: they cut texts at places.
pub(crate) fn tell<'a>(diagnostics: impl IntoIterator<Item = &'a Diagnostic>, map: &SourceMap) {
    diagnostics.into_iter().for_each(|one| drop(one.render(map, false)));
}

/// YAML to nodes. What is written of them means the same.
pub fn yaml(data: &[u8]) {
    let map = SourceMap::default();
    let documents = match yaml::parse_bytes(&map, Path::new("x.yml"), data) {
        Ok(documents) => documents,
        Err(diagnostic) => return tell([&diagnostic], &map),
    };
    for node in &documents {
        let value = from_node(node);
        for layout in [&emit::Layout::TERSE, &emit::Layout::NICE] {
            let written = emit::to_yaml(&value, layout);
            let again = yaml::parse_value(&map, Path::new("again.yml"), &written);
            let again = again.unwrap_or_else(|error| panic!("{}", error.render(&map, false)));
            assert_eq!(emit::to_yaml(&from_node(&again), layout), written);
        }
    }
}

/// Templates: which names they use, which reads and compiles all of it and runs nothing.
pub fn template(text: &str) {
    let _ = Names::of_file(text, &FileOptions::default(), &SourceMap::default());
}

/// Extra variables as `-e` takes them, but for files.
pub fn extra_vars(text: &str) {
    if text.trim_start().starts_with('@') {
        return;
    }
    let map = SourceMap::default();
    let reader = Reader::new(map.clone());
    if let Err(diagnostics) = extra::parse(&[text.to_owned()], &reader) {
        tell(&diagnostics, &map);
    }
    let _ = extra::word(text, &reader);
}

static HOSTS: LazyLock<Inventory> = LazyLock::new(|| {
    let hosts = "web[01:12].example.org,db1,db2,::1,10.0.0.[1:3],";
    let reader = Reader::new(SourceMap::default());
    Inventory::load(&[hosts.to_owned()], &reader, &Arc::default(), &Arc::default())
        .expect("a list of hosts")
});

/// Patterns of hosts, against a small inventory: the first line, limited by the second.
pub fn host_pattern(text: &str) {
    let _ = pattern::split(text);
    let (pattern, limit) = text.split_once('\n').unwrap_or((text, ""));
    let limit = pattern::Limit::new(&HOSTS, limit).ok();
    let _ = pattern::select(&HOSTS, pattern, Default::default(), limit.as_ref());
}

/// No secret comes out of the redactor: as it is, in JSON or in base64. The first line is the
/// secret, the second what stands before it, the third what stands behind.
pub fn redactor(text: &str) {
    let mut lines = text.splitn(3, '\n');
    let mut line = || lines.next().unwrap_or_default();
    let (secret, before, behind) = (line(), line(), line());
    let bare = secret.trim_matches(['\n', '\r']);
    // Fewer characters are masked as values of their own; a mask and these two are no secrets.
    let public = |word: &&str| bare.eq_ignore_ascii_case(word);
    if bare.chars().count() < 8
        || bare.contains('•')
        || ["localhost", "127.0.0.1"].iter().any(public)
    {
        return;
    }
    let redactor = Redactor::default();
    redactor.learn(secret);
    let whole = format!("{before}{bare}{behind}");
    let hidden = |shown: &str, form: &str| {
        let clean = redactor.clean(shown);
        assert!(!clean.contains(form), "{bare:?} in {shown:?}: {clean:?}");
    };
    hidden(&whole, bare);
    let quoted = |text: &str| {
        let text = Value::from(text).to_string();
        text[1..text.len() - 1].to_owned()
    };
    hidden(&quoted(&whole), &quoted(bare));
    // The digits that the secret alone decides.
    let digits = STANDARD.encode(&whole);
    let same = (before.len() * 8).div_ceil(6)..(before.len() + bare.len()) * 8 / 6;
    hidden(&digits, &digits[same]);
    let value = redactor.clean_value(Value::from(vec![Value::from(whole.as_str())]));
    assert!(value[0].as_str().is_some_and(|clean| !clean.contains(bare)), "{bare:?} in {whole:?}");
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A target that reads bytes, or text.
    enum Target {
        Bytes(fn(&[u8])),
        Text(fn(&str)),
    }
    use Target::{Bytes, Text};

    #[test]
    fn the_corpora_are_read() {
        let targets = [
            ("ansible_cfg", Text(ansible_cfg)),
            ("constructed", Text(constructed)),
            ("extra_vars", Text(extra_vars)),
            ("generator", Text(generator)),
            ("host_pattern", Text(host_pattern)),
            ("inventory_ini", Text(ini)),
            ("inventory_json", Text(inventory_json)),
            ("inventory_toml", Text(inventory_toml)),
            ("inventory_yaml", Text(inventory_yaml)),
            ("known_hosts", Text(known_hosts)),
            ("playbook", Text(playbook)),
            ("redactor", Text(redactor)),
            ("rprov_toml", Text(rprov_toml)),
            ("session_answers", Bytes(answers)),
            ("session_frames", Bytes(frames)),
            ("session_hello", Text(hello)),
            ("ssh_config", Text(config)),
            ("template", Text(template)),
            ("words", Text(words)),
            ("yaml", Bytes(yaml)),
        ];
        for (name, target) in targets {
            let directory = format!("{}/fuzz/corpus/{name}", env!("CARGO_MANIFEST_DIR"));
            let files = std::fs::read_dir(&directory).expect("a corpus").flatten();
            let read = files.map(|file| {
                let data = std::fs::read(file.path()).expect("a file");
                match target {
                    Bytes(target) => target(&data),
                    Text(target) => target(std::str::from_utf8(&data).unwrap_or_default()),
                }
            });
            assert!(read.count() > 0, "{directory} is empty");
        }
    }
}
