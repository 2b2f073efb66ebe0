//! What the fuzz targets reach: playbooks and words of `k=v`. Built for them and tests only.

use std::path::Path;
use std::sync::Arc;

use super::{Loader, Settings, freeform};
use crate::source::SourceMap;
use crate::template::Templar;
use crate::vars::files::Reader;

/// Playbooks: plays, tasks, keywords, arguments. Files they import are not there.
pub fn playbook(text: &str) {
    // What could be imported are devices that never end.
    if text.contains("dev") || text.contains("proc") {
        return;
    }
    let map = SourceMap::default();
    let loader = Loader::new(Settings {
        map: map.clone(),
        templar: Templar::new(map.clone()),
        extra: Arc::default(),
        keywords: vec![],
        private_roles: false,
        lenient: false,
        roles_path: vec![],
        collections_path: vec![],
        reader: Reader::new(map.clone()),
        decrypt: None,
    });
    if let Err(diagnostics) = loader.text_playbook(Path::new("/nonexistent/site.yml"), text) {
        crate::fuzz::tell(&diagnostics, &map);
    }
}

/// Arguments in one line. A word has no white space that is not in quotes or in a template.
pub fn words(text: &str) {
    for word in freeform::words(text).unwrap_or_default() {
        assert!(!word.is_empty() && text.contains(&word));
        if let Some((key, value)) = freeform::pair(&word) {
            assert!(word.starts_with(key) && value.len() < word.len());
        }
        let again = freeform::words(&word);
        assert_eq!(again, Ok(vec![word]));
    }
}
